"""The steps of a database."""

from __future__ import annotations

from dataclasses import dataclass

from gopherpay_operator.plans.actions import Risk, shown
from gopherpay_operator.plans.desired import Extension


@dataclass(frozen=True, slots=True)
class ClaimDatabase:
    """Record in its comment that the database is ours."""

    name: str
    claim: str
    risk: Risk = Risk.SAFE

    @property
    def sentence(self) -> str:
        """Say it."""
        return f"Record '{self.claim}' as the owner in the comment of database '{self.name}'."


@dataclass(frozen=True, slots=True)
class ReleaseDatabase:
    """Take our claim back; the database stays."""

    name: str
    claim: str
    risk: Risk = Risk.SAFE

    @property
    def sentence(self) -> str:
        """Say it."""
        return f"Give up the ownership of database '{self.name}' and leave it as it is."


@dataclass(frozen=True, slots=True)
class CreateDatabase:
    """Make the database, closed until it is claimed."""

    name: str
    owner: str
    encoding: str | None
    locale: str | None
    claim: str
    risk: Risk = Risk.SAFE

    @property
    def sentence(self) -> str:
        """Say it."""
        encoding = f" in {self.encoding}" if self.encoding else ""
        locale = f" with locale {self.locale}" if self.locale else ""
        return f"Create database '{self.name}' for '{self.owner}'{encoding}{locale}."


@dataclass(frozen=True, slots=True)
class OpenDatabase:
    """Let the database accept connections."""

    name: str
    risk: Risk = Risk.SAFE

    @property
    def sentence(self) -> str:
        """Say it."""
        return f"Let database '{self.name}' accept connections."


@dataclass(frozen=True, slots=True)
class SetDatabaseOwner:
    """Give the database to another role."""

    name: str
    before: str
    after: str
    risk: Risk = Risk.SAFE

    @property
    def sentence(self) -> str:
        """Say it."""
        return f"Change the owner of database '{self.name}' from '{self.before}' to '{self.after}'."


@dataclass(frozen=True, slots=True)
class SetDatabaseConnectionLimit:
    """Change how many may be connected; -1 for no limit."""

    name: str
    before: int
    after: int
    risk: Risk = Risk.SAFE

    @property
    def sentence(self) -> str:
        """Say it."""
        return (
            f"Change the connection limit of database '{self.name}' from {self.before} "
            f"to {self.after}."
        )


@dataclass(frozen=True, slots=True)
class SetDatabaseSetting:
    """Set one setting for new sessions, or take it back."""

    name: str
    key: str
    before: str | None
    after: str | None
    risk: Risk = Risk.SAFE

    @property
    def sentence(self) -> str:
        """Say it."""
        return (
            f"Change {self.key} of database '{self.name}' from {shown(self.key, self.before)} "
            f"to {shown(self.key, self.after)}."
        )

    def __repr__(self) -> str:
        """Return no value: a setting may be a secret."""
        return f"SetDatabaseSetting({self.name!r}, {self.key!r})"


@dataclass(frozen=True, slots=True)
class RevokePublic:
    """Take from everybody what a new database gives them."""

    name: str
    privileges: tuple[str, ...]
    risk: Risk = Risk.SAFE

    @property
    def sentence(self) -> str:
        """Say it."""
        return f"Revoke {', '.join(self.privileges)} on database '{self.name}' from everybody."


@dataclass(frozen=True, slots=True)
class RevokePublicCreate:
    """Take from everybody the right to create in the schema ``public`` (CVE-2018-1058)."""

    database: str
    risk: Risk = Risk.SAFE

    @property
    def sentence(self) -> str:
        """Say it."""
        return f"Revoke CREATE on schema 'public' of database '{self.database}' from everybody."


@dataclass(frozen=True, slots=True)
class CreateSchema:
    """Make a schema."""

    database: str
    schema: str
    owner: str
    risk: Risk = Risk.SAFE

    @property
    def sentence(self) -> str:
        """Say it."""
        return f"Create schema '{self.schema}' for '{self.owner}' in database '{self.database}'."


@dataclass(frozen=True, slots=True)
class SetSchemaOwner:
    """Give a schema to another role."""

    database: str
    schema: str
    before: str
    after: str
    risk: Risk = Risk.SAFE

    @property
    def sentence(self) -> str:
        """Say it."""
        return (
            f"Change the owner of schema '{self.schema}' in database '{self.database}' from "
            f"'{self.before}' to '{self.after}'."
        )


@dataclass(frozen=True, slots=True)
class DropSchema:
    """Drop a schema that is empty; Postgres refuses if it no longer is."""

    database: str
    schema: str
    risk: Risk = Risk.SAFE

    @property
    def sentence(self) -> str:
        """Say it."""
        return f"Drop the empty schema '{self.schema}' of database '{self.database}'."


@dataclass(frozen=True, slots=True)
class CreateExtension:
    """Install an extension."""

    database: str
    extension: Extension
    risk: Risk = Risk.SAFE

    @property
    def sentence(self) -> str:
        """Say it."""
        version = f" {self.extension.version}" if self.extension.version else ""
        return f"Install extension '{self.extension.name}'{version} in '{self.database}'."


@dataclass(frozen=True, slots=True)
class UpdateExtension:
    """Bring an extension to a version."""

    database: str
    name: str
    before: str
    after: str
    risk: Risk = Risk.SAFE

    @property
    def sentence(self) -> str:
        """Say it."""
        return (
            f"Update extension '{self.name}' of database '{self.database}' from {self.before} "
            f"to {self.after}."
        )


@dataclass(frozen=True, slots=True)
class MoveExtension:
    """Put the objects of an extension into another schema."""

    database: str
    name: str
    before: str
    after: str
    risk: Risk = Risk.SAFE

    @property
    def sentence(self) -> str:
        """Say it."""
        return (
            f"Move extension '{self.name}' of database '{self.database}' from schema "
            f"'{self.before}' to '{self.after}'."
        )


@dataclass(frozen=True, slots=True)
class DropExtension:
    """Remove an extension and what it keeps; Postgres refuses while something needs it."""

    database: str
    name: str
    risk: Risk = Risk.DATA_LOSS

    @property
    def sentence(self) -> str:
        """Say it."""
        return f"Drop extension '{self.name}' of database '{self.database}'."


@dataclass(frozen=True, slots=True)
class DropDatabase:
    """Drop the database with everything in it, if it is still the one that was looked at."""

    name: str
    oid: int
    claim: str
    with_force: bool
    risk: Risk = Risk.DATA_LOSS

    @property
    def sentence(self) -> str:
        """Say it."""
        force = " and end its sessions" if self.with_force else ""
        return f"Drop database '{self.name}' with everything in it{force}."
