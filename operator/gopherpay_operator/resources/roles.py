"""Roles: who may sign in to Postgres, what they may do, and how programs learn the password."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from gopherpay_operator.resources.block import AS_SET, Block, Rule, obeying
from gopherpay_operator.resources.kinds import (
    AGE,
    MANAGED_CONDITIONS,
    REASON,
    Column,
    Kind,
    condition,
)
from gopherpay_operator.resources.policies import ManagedSpec
from gopherpay_operator.resources.postgres import (
    NAME_FITS,
    PG_NAME,
    Identifier,
)
from gopherpay_operator.resources.references import (
    Hash,
    LocalReference,
    ObjectName,
    SecretKey,
    Time,
    duration_of,
)
from gopherpay_operator.resources.status import ManagedStatus

Profile = Literal["owner", "writer", "reader", "migrator", "relay"]
Privilege = Literal[
    "SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "USAGE",
    "CREATE", "CONNECT", "TEMPORARY",
]  # fmt: skip
ObjectType = Literal["Database", "Schema", "Table", "Sequence"]
Privileges = Annotated[
    list[Privilege], Field(min_length=1, max_length=11, json_schema_extra=AS_SET)
]
Names = Annotated[list[Identifier], Field(min_length=1, max_length=64, json_schema_extra=AS_SET)]

RotationInterval = Annotated[str, Field(json_schema_extra=duration_of("1h", "8760h"))]
GracePeriod = Annotated[str, Field(json_schema_extra=duration_of("0s", "168h"))]
TimeOfDay = Annotated[
    str,
    Field(
        max_length=5,
        json_schema_extra=obeying(
            Rule(
                "self.matches('^([01][0-9]|2[0-3]):[0-5][0-9]$')",
                "must be a time of day in UTC, such as 03:30",
            )
        ),
    ),
]


class RoleAttributes(Block):
    """What the role may do on the whole server. There is no way to a superuser."""

    create_database: bool = False
    """Whether it may create databases."""

    create_role: bool = False
    """Whether it may create roles."""

    replication: bool = False
    """Whether it may replicate."""

    bypass_row_security: bool = False
    """Whether policies on rows do not bind it."""

    inherit: bool = True
    """Whether it has the rights of the roles that it is a member of without SET ROLE."""

    connection_limit: Annotated[int, Field(ge=-1, le=1_000_000)] = -1
    """Connections that it may have at once; -1 for no limit."""


class Grant(Block):
    """Rights in one database: a profile, or privileges one by one."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "has(self.profile) != has(self.privileges)",
            "exactly one of profile and privileges must be given",
        ),
        Rule(
            "has(self.privileges) == has(self.objectType)",
            "privileges must say on what kind of object they are, and a profile must not",
            ".objectType",
        ),
        Rule(
            "!has(self.objects) || (has(self.objectType)"
            " && self.objectType in ['Table', 'Sequence'])",
            "objects can be named only with privileges on tables or sequences",
            ".objects",
        ),
        Rule(
            "!has(self.creators) || has(self.profile)",
            "creators has no effect without profile: privileges are for what is there already",
            ".creators",
        ),
    )

    database: Identifier
    """Name of the database in Postgres."""

    profile: Profile | None = None
    """A set of rights in the schemas below, on what is there and on what will be: reader may \
read, writer may also insert, update and delete, migrator may also create, owner has all rights, \
and relay may read the outbox and move the cursors of events."""

    privileges: Privileges | None = None
    """Single rights, in Postgres' words."""

    object_type: ObjectType | None = None
    """What the single rights are on."""

    schemas: Names | None = None
    """Schemas that it is about; public when absent."""

    objects: Names | None = None
    """Single tables or sequences by name; all that are in the schemas when absent."""

    creators: Names | None = None
    """With a profile: roles whose objects in the schemas are covered as soon as they make them; \
the owner of the database when absent."""


class Rotation(Block):
    """When and how a generated password becomes another one."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "has(self.interval) != has(self.at)",
            "exactly one of interval and at must be given",
        ),
    )

    interval: RotationInterval | None = None
    """How long a password lives: 1h to 8760h."""

    at: TimeOfDay | None = None
    """Time of day, in UTC, at which it changes daily, such as 03:30."""

    strategy: Literal["DualRole", "InPlace"] = "DualRole"
    """DualRole has two sign-in roles by turns, so that the old password works until nobody uses \
it: they are called as the role with _a and _b at the end, act as the role, and what they make \
belongs to it. InPlace changes the password of the one role, and programs must read it anew \
before they sign in again."""

    grace_period: GracePeriod = "10m"
    """How long the old password of DualRole works at least, even when nobody is signed in by it: \
0s to 168h. It must be longer than programs take to read the Secret anew."""


class GeneratedPassword(Block):
    """A password that the operator makes and writes to the connection Secret.

    The Secret alone has it: whoever deletes the Secret gets another password. So does a new value
    of the annotation gopherpay.dev/rotate-at.
    """

    length: Annotated[int, Field(ge=24, le=128)] = 32
    """Characters."""

    rotation: Rotation | None = None
    """When it becomes another one; never when absent."""


class PasswordSource(Block):
    """A Secret with the password."""

    name: ObjectName
    """Name of the Secret."""

    key: SecretKey = "password"
    """Key of the password."""


class Password(Block):
    """Where the password comes from."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "has(self.secretRef) != has(self.generate)",
            "exactly one of secretRef and generate must be given",
        ),
    )

    secret_ref: PasswordSource | None = None
    """A Secret that somebody else keeps; a change reaches Postgres within seconds."""

    generate: GeneratedPassword | None = None
    """The operator makes it."""


class ConnectionSecret(Block):
    """The Secret that programs read to sign in."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "!has(self.keys) || self.keys.all(k, k.matches('^[-._a-zA-Z0-9]{1,240}$')"
            " && k != '.rotation')",
            "keys of a Secret must be of letters, digits, '-', '_' and '.', at most 240 of them, "
            "and .rotation is taken",
            ".keys",
        ),
    )

    name: ObjectName
    """Name of the Secret; the operator creates it and writes only to one that it created."""

    database: Identifier
    """Database that the addresses in it name."""

    keys: (
        Annotated[
            dict[str, Annotated[str, Field(max_length=512)]], Field(min_length=1, max_length=32)
        ]
        | None
    ) = None
    """Key to text, where {username}, {password}, {host}, {port}, {database} and {uri} are filled \
in. When absent: username, password, host, port, database and uri. The Secret has one more key, \
.rotation, by which the operator knows what it is about."""

    variants: Annotated[
        list[Literal["Primary", "Replica", "Pooler"]],
        Field(min_length=1, max_length=3, json_schema_extra=AS_SET),
    ] = Field(default=["Primary"])
    """Ways to the database. The keys of the others are the same with replica- or pooler- in \
front; they need the endpoint in the PostgresConnection."""

    labels: (
        Annotated[dict[str, Annotated[str, Field(max_length=63)]], Field(max_length=16)] | None
    ) = None
    """Labels of the Secret."""


_NAME_FITS_WITH_SUFFIX = Rule(
    "!(has(self.spec.password) && has(self.spec.password.generate)"
    " && has(self.spec.password.generate.rotation)"
    " && self.spec.password.generate.rotation.strategy == 'DualRole')"
    f" || size({PG_NAME}) <= 61",
    "the name must have at most 61 characters with the strategy DualRole, which makes two more "
    "roles with _a and _b at the end",
)


class PostgresRoleSpec(ManagedSpec):
    """How a role is to be."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "self.login || (!has(self.password) && !has(self.connectionSecretTemplate))",
            "a role that may not sign in has no use for password or connectionSecretTemplate",
            ".login",
        ),
        Rule(
            "!has(self.connectionSecretTemplate) || has(self.password)",
            "connectionSecretTemplate needs password, which it hands on",
            ".connectionSecretTemplate",
        ),
        Rule(
            "!(has(self.password) && has(self.password.generate))"
            " || has(self.connectionSecretTemplate)",
            "a generated password needs connectionSecretTemplate, or nobody would learn it",
            ".password",
        ),
    )

    external_name: Identifier | None = None
    """Name of the role in Postgres; metadata.name when absent. It cannot be set, changed or \
removed later."""

    login: bool = True
    """Whether one can sign in as this role."""

    database_ref: LocalReference | None = None
    """The PostgresDatabase that the role is mainly for; the role waits until that is Ready."""

    attributes: RoleAttributes = RoleAttributes()
    """What it may do on the whole server."""

    member_of: Annotated[list[Identifier], Field(max_length=32, json_schema_extra=AS_SET)] = Field(
        default_factory=list
    )
    """Roles that it is a member of, and no others."""

    grants: Annotated[list[Grant], Field(min_length=1, max_length=32)] | None = None
    """Rights that it has, and no others in the databases that are named here. Absent leaves \
rights as they are."""

    password: Password | None = None
    """Where the password comes from; the role has none, and its password is left as it is, when \
absent."""

    connection_secret_template: ConnectionSecret | None = None
    """The Secret that programs read to sign in."""


class RoleObserved(Block):
    """What was found in Postgres, and what became of the password."""

    role: Identifier | None = None
    """Name of the role that programs sign in as now."""

    password_secret_hash: Hash | None = None
    """Keyed hash of the password that is in effect; says only whether it is another one."""

    last_rotation: Time | None = None
    """When the password last became another one."""

    next_rotation: Time | None = None
    """When it will next."""

    active_role_suffix: Annotated[str, Field(max_length=8)] | None = None
    """Which of the two roles is in use with the strategy DualRole: a or b."""

    sessions_on_old_role: Annotated[int, Field(ge=0)] | None = None
    """Sessions that still use the role that was in use before."""


class PostgresRoleStatus(ManagedStatus):
    """What a role says of itself."""

    observed: RoleObserved | None = None
    """What was found in Postgres, and what became of the password."""


POSTGRES_ROLE = Kind(
    name="PostgresRole",
    plural="postgresroles",
    short_names=("pgrole",),
    summary=(
        "A role in Postgres, what it may do, and the Secret by which its programs sign in. "
        "Deleting this resource leaves the role unless deletionPolicy says otherwise."
    ),
    spec=PostgresRoleSpec,
    status=PostgresRoleStatus,
    conditions={
        **MANAGED_CONDITIONS,
        "CredentialsReady": "The password in Postgres and the one in the Secret are the same.",
        "GrantsMatch": "It has the rights that are written here.",
    },
    columns=(
        Column("Role", ".status.observed.role"),
        Column("Database", ".spec.databaseRef.name"),
        condition("Ready"),
        Column("Rotated", ".status.observed.lastRotation", "date"),
        condition("Drifted", wide=True),
        Column(REASON.name, REASON.path, wide=True),
        Column("Connection", ".spec.connectionRef.name", wide=True),
        AGE,
    ),
    rules=(
        NAME_FITS,
        _NAME_FITS_WITH_SUFFIX,
        Rule(
            f"!({PG_NAME} == 'postgres' || {PG_NAME} == 'public' || {PG_NAME} == 'none'"
            f" || {PG_NAME}.startsWith('pg_') || {PG_NAME}.startsWith('__'))",
            "roles named postgres, public, none, pg_* and __* are not for applications: choose "
            "another name",
        ),
    ),
)
