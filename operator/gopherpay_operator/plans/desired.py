"""What a resource wants: plain values, filled from a spec and its secrets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Literal

from gopherpay_operator.plans.novu import NovuThing
from gopherpay_operator.plans.rotation import Step
from gopherpay_operator.plans.topic_acls import AclEntry

UNLIMITED: Final = -1
"""Postgres's own word for no limit of connections."""


class DataLossGuard(StrEnum):
    """When a topic may not be deleted, and may not be told to keep its records for less."""

    RECORDS = "Records"
    CONSUMER_LAG = "ConsumerLag"
    OFF = "None"


@dataclass(frozen=True, slots=True)
class EventTopic:
    """A topic of Kafka.

    Attributes:
        replication_factor: ``None`` for the brokers' default, and then it is not compared.
        config: A value is set, ``None`` takes back what was set on the topic (the broker's default
            holds then), and what is not named is left alone.
        keyed: Whether the order of a key matters; more partitions would break it.
        allow_partition_increase: ``None`` allows it only where *keyed* is false.
        data_loss_guard: What holds a deletion up; but for ``OFF``, keeping less is refused too.
        config_allowed: The keys that the connection lets a topic set; ``None`` for all.
        partitions_max: What its connection's limit leaves for it; ``None`` for no limit.
        topics_left: How many topics that limit still lets be made, this one among them.
        acls: Who may use it; ``None`` leaves that alone.
    """

    name: str
    partitions: int
    replication_factor: int | None = None
    config: Mapping[str, str | None] = field(default_factory=dict)
    keyed: bool = True
    allow_partition_increase: bool | None = None
    data_loss_guard: DataLossGuard = DataLossGuard.RECORDS
    config_allowed: frozenset[str] | None = None
    partitions_max: int | None = None
    topics_left: int | None = None
    acls: frozenset[AclEntry] | None = None


@dataclass(frozen=True, slots=True)
class Schema:
    """A schema of a database; without *is_present* it shall not be there.

    Attributes:
        owner: ``None`` for the owner of the database.
    """

    name: str
    owner: str | None = None
    is_present: bool = True


@dataclass(frozen=True, slots=True)
class Extension:
    """An extension of a database; without *is_present* it shall not be there.

    Attributes:
        version: ``None`` for whichever the server installs.
        schema: ``None`` for the extension's own choice.
    """

    name: str
    version: str | None = None
    schema: str | None = None
    is_present: bool = True


@dataclass(frozen=True, slots=True)
class PostgresDatabase:
    """A database.

    Attributes:
        encoding: ``None`` for the server's; it cannot be changed later, as *locale* cannot.
        settings: As `EventTopic.config`: a value, ``None`` to take it back, or not named.
        drop_with_force: End the sessions that are in the way of dropping it.
        name_prefix: What the connection wants all names to begin with.
    """

    name: str
    owner: str
    encoding: str | None = None
    locale: str | None = None
    schemas: tuple[Schema, ...] = ()
    extensions: tuple[Extension, ...] = ()
    connection_limit: int = UNLIMITED
    settings: Mapping[str, str | None] = field(default_factory=dict)
    revoke_public: bool = True
    drop_with_force: bool = False
    name_prefix: str = ""


@dataclass(frozen=True, slots=True)
class Attributes:
    """What a role is; SUPERUSER is not among it, on purpose."""

    login: bool = True
    inherit: bool = True
    create_database: bool = False
    create_role: bool = False
    replication: bool = False
    bypass_row_security: bool = False
    connection_limit: int = UNLIMITED


@dataclass(frozen=True, slots=True)
class Password:
    """A password in the clear, which never leaves this process.

    Attributes:
        salt: Fresh random bytes for the verifier, should one be made (16 or more).
        is_believed_set: What the resource's status says, for servers that hide their verifiers.
        is_next: Whether it is another one than programs were told: it is set only when nothing
            else is refused, for nobody will be told before everything is as it is wanted.
    """

    clear: str = field(repr=False)
    salt: bytes = field(repr=False)
    is_believed_set: bool = False
    is_next: bool = False


@dataclass(frozen=True, slots=True)
class SignIn:
    """A role as which programs sign in, to act as the role that has the rights.

    Attributes:
        password: ``None`` leaves it alone.
    """

    name: str
    password: Password | None = None


class Profile(StrEnum):
    """Rights by the work that a role does."""

    OWNER = "owner"
    WRITER = "writer"
    READER = "reader"
    MIGRATOR = "migrator"
    RELAY = "relay"


@dataclass(frozen=True, slots=True)
class ProfileGrant:
    """A profile on one schema: on what is there, and on what will be made in it.

    Attributes:
        creators: Who makes what is not there yet; when empty, the owner of the database.
    """

    database: str
    profile: Profile
    schema: str = "public"
    creators: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ObjectGrant:
    """Rights by name.

    Attributes:
        schema: Not needed on a database.
        names: Which tables or sequences; when empty, all of the schema that are there.
    """

    database: str
    on: Literal["database", "schema", "table", "sequence"]
    privileges: frozenset[str]
    schema: str = "public"
    names: frozenset[str] = frozenset()


Grant = ProfileGrant | ObjectGrant


@dataclass(frozen=True, slots=True)
class PostgresRole:
    """A role, with everything that it may do in the databases that its grants name.

    Attributes:
        attributes: Of the role itself and of its sign-ins, but for LOGIN, which those always have.
        password: ``None`` leaves the password alone.
        name_prefix: What the connection wants all names to begin with.
        sign_ins: Roles as which programs sign in to act as this one; others of ours go.
        shut_out: The one among all of these whose password ends once it has no session.
        step: What the pass is to bring about of its password; ``None`` when it has none.
    """

    name: str
    attributes: Attributes = field(default_factory=Attributes)
    member_of: frozenset[str] = frozenset()
    grants: tuple[Grant, ...] = ()
    password: Password | None = None
    name_prefix: str = ""
    sign_ins: tuple[SignIn, ...] = ()
    shut_out: str | None = None
    step: Step | None = field(default=None, repr=False)


Desired = EventTopic | PostgresDatabase | PostgresRole | NovuThing
