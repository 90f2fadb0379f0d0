"""The steps of a role."""

from __future__ import annotations

from dataclasses import dataclass, field

from gopherpay_operator.plans.actions import Risk, counted
from gopherpay_operator.plans.desired import Attributes
from gopherpay_operator.plans.observed import Kind


@dataclass(frozen=True, slots=True)
class ClaimRole:
    """Record in its comment that the role is ours."""

    name: str
    claim: str
    risk: Risk = Risk.SAFE

    @property
    def sentence(self) -> str:
        """Say it."""
        return f"Record '{self.claim}' as the owner in the comment of role '{self.name}'."


@dataclass(frozen=True, slots=True)
class ReleaseRole:
    """Take our claim back, also from those that sign in for the role; all of them stay."""

    name: str
    claim: str
    risk: Risk = Risk.SAFE

    @property
    def sentence(self) -> str:
        """Say it."""
        return f"Give up the ownership of role '{self.name}' and leave it as it is."


@dataclass(frozen=True, slots=True)
class CreateRole:
    """Make the role and claim it, both or neither."""

    name: str
    attributes: Attributes
    claim: str
    risk: Risk = Risk.SAFE

    @property
    def sentence(self) -> str:
        """Say it."""
        return f"Create role '{self.name}' ({_words(self.attributes)})."


@dataclass(frozen=True, slots=True)
class AlterRole:
    """Give the role other attributes."""

    name: str
    before: Attributes
    after: Attributes
    risk: Risk = Risk.SAFE
    is_drift: bool = True

    @property
    def sentence(self) -> str:
        """Say it."""
        return f"Change role '{self.name}' from ({_words(self.before)}) to ({_words(self.after)})."


@dataclass(frozen=True, slots=True)
class SetPassword:
    """Give the role another password, of which only the verifier is known here.

    Attributes:
        is_drift: Whether somebody else changed what there was, and not the time or a Secret.
    """

    name: str
    verifier: str = field(repr=False)
    risk: Risk = Risk.SAFE
    is_drift: bool = True

    @property
    def sentence(self) -> str:
        """Say it."""
        return f"Set the password of role '{self.name}'."


@dataclass(frozen=True, slots=True)
class ClearPassword:
    """Take the password of a role away that nobody uses any more: nobody can sign in with it."""

    name: str
    risk: Risk = Risk.SAFE
    is_drift: bool = False

    @property
    def sentence(self) -> str:
        """Say it."""
        return f"Take the password of role '{self.name}' away, which has no session any more."


@dataclass(frozen=True, slots=True)
class CreateSignIn:
    """Make a role to sign in as for another, with the other's owner, all or nothing."""

    name: str
    acts_as: str
    attributes: Attributes
    risk: Risk = Risk.SAFE

    @property
    def sentence(self) -> str:
        """Say it."""
        return f"Create role '{self.name}', which signs in to act as '{self.acts_as}'."


@dataclass(frozen=True, slots=True)
class TakeSignIn:
    """Give a role that signs in for another the other's owner."""

    name: str
    acts_as: str
    risk: Risk = Risk.SAFE

    @property
    def sentence(self) -> str:
        """Say it."""
        return f"Record the owner of role '{self.acts_as}' as that of '{self.name}' as well."


@dataclass(frozen=True, slots=True)
class ActAs:
    """Let the sessions of a role begin as another, which then owns what they make."""

    name: str
    acts_as: str
    risk: Risk = Risk.SAFE

    @property
    def sentence(self) -> str:
        """Say it."""
        return f"Let sessions of role '{self.name}' act as '{self.acts_as}'."


@dataclass(frozen=True, slots=True)
class GrantMembership:
    """Let the role be a member of another."""

    name: str
    of: str
    risk: Risk = Risk.SAFE

    @property
    def sentence(self) -> str:
        """Say it."""
        return f"Make role '{self.name}' a member of '{self.of}'."


@dataclass(frozen=True, slots=True)
class RevokeMembership:
    """End a membership of the role."""

    name: str
    of: str
    risk: Risk = Risk.SAFE

    @property
    def sentence(self) -> str:
        """Say it."""
        return f"End the membership of role '{self.name}' in '{self.of}'."


@dataclass(frozen=True, slots=True)
class ChangePrivileges:
    """Grant or revoke the same rights at places of one kind in one schema.

    Attributes:
        schema: Empty for the database itself.
        names: Tables or sequences; the creators of future ones; empty for database and schema.
    """

    name: str
    is_grant: bool
    database: str
    kind: Kind
    schema: str
    names: tuple[str, ...]
    rights: tuple[str, ...]
    risk: Risk = Risk.SAFE

    @property
    def sentence(self) -> str:
        """Say it."""
        verb, way = ("Grant", "to") if self.is_grant else ("Revoke", "from")
        return f"{verb} {', '.join(self.rights)} on {self._where()} {way} role '{self.name}'."

    def _where(self) -> str:
        database = f"database '{self.database}'"
        if self.kind is Kind.DATABASE:
            return database
        schema = f"schema '{self.schema}' of {database}"
        if self.kind is Kind.SCHEMA:
            return schema
        if self.kind in {Kind.TABLE, Kind.SEQUENCE}:
            return f"{counted(self.names, self.kind.value)} in {schema}"
        return f"{self.kind.value} of {counted(self.names, 'role')} in {schema}"


@dataclass(frozen=True, slots=True)
class DropRole:
    """Drop the role; Postgres refuses while anything belongs to it or names it."""

    name: str
    oid: int
    claim: str
    risk: Risk = Risk.SAFE
    is_drift: bool = False

    @property
    def sentence(self) -> str:
        """Say it."""
        return f"Drop role '{self.name}'."


def _words(attributes: Attributes) -> str:
    """Return *attributes* as Postgres names them."""
    chosen = {
        "LOGIN": attributes.login,
        "INHERIT": attributes.inherit,
        "CREATEDB": attributes.create_database,
        "CREATEROLE": attributes.create_role,
        "REPLICATION": attributes.replication,
        "BYPASSRLS": attributes.bypass_row_security,
    }
    words = [word if yes else f"NO{word}" for word, yes in chosen.items()]
    return " ".join([*words, f"CONNECTION LIMIT {attributes.connection_limit}"])
