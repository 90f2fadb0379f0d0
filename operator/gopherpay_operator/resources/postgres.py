"""Databases, and what is in them before anybody migrates."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from gopherpay_operator.resources.block import Block, Rule, immutable, listed_by
from gopherpay_operator.resources.kinds import (
    AGE,
    MANAGED_CONDITIONS,
    REASON,
    Column,
    Kind,
    condition,
)
from gopherpay_operator.resources.policies import ManagedSpec
from gopherpay_operator.resources.references import Sentence
from gopherpay_operator.resources.status import ManagedStatus

Identifier = Annotated[str, Field(min_length=1, max_length=63)]
Presence = Literal["Present", "Absent"]
Setting = Annotated[str, Field(max_length=1024)] | None

PG_NAME = "(has(self.spec.externalName) ? self.spec.externalName : self.metadata.name)"
_FIXED = "Postgres sets it when a database is created; make a new database and copy the data"

NAME_FITS = Rule(
    f"size({PG_NAME}) <= 63",
    "the name must have at most 63 characters: Postgres cuts longer ones off",
)
SETTING_NAMES = Rule(
    "!has(self.settings) || self.settings.all(k, k.matches('^[a-z][a-z0-9_.]{1,62}$'))",
    "keys of settings must be names of Postgres, in lower case, such as statement_timeout",
    ".settings",
)


class DatabaseSchema(Block):
    """A schema of the database."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "!self.name.startsWith('pg_') && self.name != 'information_schema'",
            "schemas that begin with pg_, and information_schema, belong to Postgres",
            ".name",
        ),
    )

    name: Identifier
    """Name of the schema."""

    owner: Identifier | None = None
    """Role that owns it; the owner of the database when absent."""

    ensure: Presence = "Present"
    """Present creates it; Absent drops it when it is empty, and never drops what is in it."""


class DatabaseExtension(Block):
    """An extension of the database."""

    name: Identifier
    """Name of the extension, such as pg_stat_statements."""

    version: Annotated[str, Field(min_length=1, max_length=32)] | None = None
    """Version to create it in or update it to; the server's default when absent, and not \
compared then."""

    in_schema: Annotated[
        Annotated[str, Field(min_length=1, max_length=63)] | None, Field(alias="schema")
    ] = None
    """Schema that its objects are created in; the extension's own choice when absent."""

    ensure: Presence = "Present"
    """Present creates it; Absent drops it when nothing depends on it."""


class PostgresDatabaseSpec(ManagedSpec):
    """How a database is to be."""

    rules: ClassVar[tuple[Rule, ...]] = (
        immutable("encoding", _FIXED),
        immutable("locale", _FIXED),
        SETTING_NAMES,
        Rule(
            "!self.dropWithForce || self.deletionPolicy == 'Delete'",
            "dropWithForce has no effect unless deletionPolicy is Delete",
            ".dropWithForce",
        ),
        Rule(
            "!self.owner.startsWith('pg_')",
            "roles that begin with pg_ belong to Postgres and cannot own a database",
            ".owner",
        ),
    )

    external_name: Identifier | None = None
    """Name of the database in Postgres; metadata.name when absent. It cannot be set, changed or \
removed later."""

    owner: Identifier
    """Role that owns the database, by its name in Postgres."""

    encoding: Annotated[str, Field(min_length=1, max_length=32)] | None = None
    """Character encoding, such as UTF8; the server's default when absent. It cannot be changed."""

    locale: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    """Collation and character classes, such as C.UTF-8; the server's default when absent. It \
cannot be changed."""

    schemas: (
        Annotated[list[DatabaseSchema], Field(max_length=64, json_schema_extra=listed_by("name"))]
        | None
    ) = None
    """Schemas to create or to drop; others are left as they are."""

    extensions: (
        Annotated[
            list[DatabaseExtension], Field(max_length=64, json_schema_extra=listed_by("name"))
        ]
        | None
    ) = None
    """Extensions to create or to drop; others are left as they are."""

    connection_limit: Annotated[int, Field(ge=-1, le=1_000_000)] = -1
    """Connections that the database takes at once; -1 for no limit."""

    settings: Annotated[dict[str, Setting], Field(max_length=64)] | None = None
    """Settings of sessions in this database (ALTER DATABASE … SET), such as statement_timeout. A \
key with null is taken back, so that the server's own setting holds; a key that is not here is \
left as it is."""

    revoke_public: bool = True
    """Whether everybody's right to connect, and to create in the schema public, is taken away."""

    drop_with_force: bool = False
    """Whether sessions are ended when the database is dropped; without it, deletion waits for \
them."""


class ObjectResult(Block):
    """How it went with one schema or extension."""

    kind: Literal["Schema", "Extension"]
    """What it is."""

    name: Identifier
    """Its name."""

    applied: bool
    """Whether it is as written."""

    message: Sentence | None = None
    """Why not."""


class DatabaseObserved(Block):
    """What was found in Postgres."""

    oid: Annotated[int, Field(ge=0)] | None = None
    """Object id of the database."""

    owner: Identifier | None = None
    """Role that owns it."""

    encoding: Annotated[str, Field(max_length=32)] | None = None
    """Character encoding."""

    locale: Annotated[str, Field(max_length=128)] | None = None
    """Collation and character classes."""

    size_bytes: Annotated[int, Field(ge=0)] | None = None
    """Size on disk, as of the last comparison that changed something else."""

    objects: (
        Annotated[
            list[ObjectResult],
            Field(max_length=128, json_schema_extra=listed_by("kind", "name")),
        ]
        | None
    ) = None
    """How it went with each schema and extension."""


class PostgresDatabaseStatus(ManagedStatus):
    """What a database says of itself."""

    observed: DatabaseObserved | None = None
    """What was found in Postgres."""


POSTGRES_DATABASE = Kind(
    name="PostgresDatabase",
    plural="postgresdatabases",
    short_names=("pgdb",),
    summary=(
        "A database in Postgres with its schemas, extensions and settings. Deleting this resource "
        "leaves the database unless deletionPolicy says otherwise."
    ),
    spec=PostgresDatabaseSpec,
    status=PostgresDatabaseStatus,
    conditions={
        **MANAGED_CONDITIONS,
        "SchemasReady": "All schemas are as written.",
        "ExtensionsReady": "All extensions are as written.",
    },
    columns=(
        Column("Database", ".status.externalName"),
        Column("Owner", ".spec.owner"),
        condition("Ready"),
        condition("Drifted"),
        REASON,
        Column("Connection", ".spec.connectionRef.name", wide=True),
        Column("DeletionPolicy", ".spec.deletionPolicy", wide=True),
        AGE,
    ),
    rules=(
        NAME_FITS,
        Rule(
            f"!({PG_NAME} == 'postgres' || {PG_NAME}.startsWith('template')"
            f" || {PG_NAME}.startsWith('pg_') || {PG_NAME}.startsWith('__'))",
            "databases named postgres, template*, pg_* and __* are not for applications: choose "
            "another name",
        ),
    ),
)
