"""What a backend has: plain values, filled by `gopherpay_operator.backends`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, TypeVar

from gopherpay_operator.plans.desired import Attributes
from gopherpay_operator.plans.topic_acls import AclEntry

State = TypeVar("State")


@dataclass(frozen=True, slots=True)
class Found(Generic[State]):
    """A thing in a backend, or its absence.

    Attributes:
        claim: Who says that it is theirs; a topic can be claimed before it is there.
        is_confirmed: Whether the claim names the very thing, and not only one that was to come.
        around: What a role's rights are about, known before the role is there.
        acls: Who may use a topic, known before it is there; ``None`` where the cluster lets
            everybody, or nobody has asked.
    """

    state: State | None = None
    claim: str | None = None
    is_confirmed: bool = True
    around: Surroundings | None = None
    acls: frozenset[AclEntry] | None = None


@dataclass(frozen=True, slots=True)
class TopicState:
    """A topic as the brokers describe it.

    Attributes:
        config: What was set on the topic itself.
        defaults: What holds where nothing is set on it.
        replication_factor: Of the partition with the fewest.
        records: How many it keeps; ``None`` when nobody has counted.
        unread: How many a group of consumers has not read yet, summed up; ``None`` as above.
    """

    topic_id: str
    partitions: int
    replication_factor: int
    config: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, str] = field(default_factory=dict)
    records: int | None = None
    unread: int | None = None


@dataclass(frozen=True, slots=True)
class SchemaState:
    """A schema, and how many relations, functions and types stand in it."""

    owner: str
    objects: int = 0


@dataclass(frozen=True, slots=True)
class ExtensionState:
    """An extension that is installed."""

    version: str
    schema: str


@dataclass(frozen=True, slots=True)
class DatabaseState:
    """A database as the catalogue describes it.

    Attributes:
        is_open: Whether it accepts connections; while it is made, it does not.
        public_privileges: What everybody may do with it.
        public_may_create: Whether everybody may create in the schema ``public``.
        sessions: How many are connected to it.
        size_bytes: On disk; ``None`` where we may not know it.
    """

    oid: int
    owner: str
    encoding: str
    locale: str
    connection_limit: int
    is_open: bool = True
    public_privileges: frozenset[str] = frozenset()
    public_may_create: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)
    schemas: Mapping[str, SchemaState] = field(default_factory=dict)
    extensions: Mapping[str, ExtensionState] = field(default_factory=dict)
    sessions: int = 0
    size_bytes: int | None = None


class Kind(StrEnum):
    """What a privilege is about."""

    DATABASE = "database"
    SCHEMA = "schema"
    TABLE = "table"
    SEQUENCE = "sequence"
    FUTURE_TABLES = "future tables"
    FUTURE_SEQUENCES = "future sequences"


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a privilege holds.

    Attributes:
        name: A table or a sequence; for future ones, the role that will make them.
    """

    database: str
    kind: Kind
    schema: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Privilege:
    """One right at one place."""

    place: Place
    right: str


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The places of the databases that a role's grants name, with the owner of each.

    A database that is not there has no place.
    """

    owners: Mapping[Place, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SignInState:
    """A role whose name is that of another with a suffix, for signing in as that one.

    Attributes:
        is_ours: Whether it has the same owner as the role that it signs in for.
        is_unclaimed: Whether it has no owner.
        is_member: Of the role that it signs in for.
        acts_as: The role that its sessions begin as; ``None`` for itself.
        verifier: As in `RoleState`, as *verifier_is_readable* and *owned_objects*.
        sessions: How many there are now.
    """

    oid: int
    attributes: Attributes
    is_ours: bool = True
    is_unclaimed: bool = False
    is_member: bool = False
    acts_as: str | None = None
    verifier: str | None = field(default=None, repr=False)
    verifier_is_readable: bool = True
    sessions: int = 0
    owned_objects: int = 0


@dataclass(frozen=True, slots=True)
class RoleState:
    """A role as the catalogue describes it.

    Attributes:
        held: What it was granted at the places of its surroundings.
        verifier: What the server keeps of its password, ``None`` when there is none or it is
            hidden from us.
        owned_objects: How many things belong to it, in all databases.
        sessions: How many have signed in as it.
        sign_ins: By name, those that are there.
    """

    oid: int
    attributes: Attributes
    is_superuser: bool = False
    member_of: frozenset[str] = frozenset()
    held: frozenset[Privilege] = frozenset()
    verifier: str | None = field(default=None, repr=False)
    verifier_is_readable: bool = True
    owned_objects: int = 0
    sessions: int = 0
    sign_ins: Mapping[str, SignInState] = field(default_factory=dict)
