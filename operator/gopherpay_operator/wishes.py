"""From a resource, as people write it, to what the planner takes: plain values, nothing decided."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from gopherpay_operator.plans.desired import (
    Attributes,
    DataLossGuard,
    EventTopic,
    Extension,
    Grant,
    ObjectGrant,
    Password,
    PostgresDatabase,
    PostgresRole,
    Profile,
    ProfileGrant,
    Schema,
    SignIn,
)
from gopherpay_operator.plans.policy import Adoption, Deletion, Drift, Policy
from gopherpay_operator.plans.rotation import sign_in_names
from gopherpay_operator.plans.topic_acls import AclEntry
from gopherpay_operator.resources.kafka import RETENTION

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from gopherpay_operator.resources import kafka, postgres, roles
    from gopherpay_operator.resources.policies import ManagedSpec


def topic(
    name: str,
    spec: kafka.EventTopicSpec,
    *,
    config_allowed: Iterable[str] | None = None,
    partitions_max: int | None = None,
    topics_left: int | None = None,
) -> EventTopic:
    """Return the topic that *spec* wants, called *name* unless it says otherwise.

    Args:
        name: The name of the resource.
        spec: What it says.
        config_allowed: The keys that its connection lets it set; ``None`` for all.
        partitions_max: What its connection's limit leaves for it; ``None`` for no limit.
        topics_left: How many topics that limit still lets be made; ``None`` for no limit.
    """
    topic_name = spec.external_name or name
    retention = RETENTION[spec.retention_class] if spec.retention_class else {}
    allowed = None if config_allowed is None else frozenset(config_allowed) | retention.keys()
    return EventTopic(
        name=topic_name,
        partitions=spec.partitions,
        replication_factor=spec.replication_factor,
        config={**(spec.config or {}), **retention},
        keyed=spec.keyed,
        allow_partition_increase=spec.allow_partition_increase,
        data_loss_guard=DataLossGuard(spec.data_loss_guard),
        config_allowed=allowed,
        partitions_max=partitions_max,
        topics_left=topics_left,
        acls=None if spec.acls is None else frozenset(_entries(topic_name, spec.acls)),
    )


def database(
    name: str, spec: postgres.PostgresDatabaseSpec, *, name_prefix: str = ""
) -> PostgresDatabase:
    """Return the database that *spec* wants, called *name* unless it says otherwise."""
    schemas = [
        Schema(each.name, each.owner, is_present=each.ensure == "Present")
        for each in spec.schemas or ()
    ]
    extensions = [
        Extension(each.name, each.version, each.in_schema, is_present=each.ensure == "Present")
        for each in spec.extensions or ()
    ]
    return PostgresDatabase(
        name=spec.external_name or name,
        owner=spec.owner,
        encoding=spec.encoding,
        locale=spec.locale,
        schemas=tuple(schemas),
        extensions=tuple(extensions),
        connection_limit=spec.connection_limit,
        settings=dict(spec.settings or {}),
        revoke_public=spec.revoke_public,
        drop_with_force=spec.drop_with_force,
        name_prefix=name_prefix,
    )


def role(
    name: str,
    spec: roles.PostgresRoleSpec,
    *,
    password: Password | None = None,
    name_prefix: str = "",
) -> PostgresRole:
    """Return the role that *spec* wants, called *name* unless it says otherwise.

    Where programs sign in as two other roles by turns, it cannot itself.

    Args:
        name: The name of the resource.
        spec: What it says.
        password: What its Secret holds; ``None`` leaves the password alone.
        name_prefix: What its connection wants all names to begin with.
    """
    has, is_dual = spec.attributes, _is_dual(spec)
    both = sign_in_names(spec.external_name or name) if is_dual else ()
    return PostgresRole(
        name=spec.external_name or name,
        attributes=Attributes(
            login=spec.login and not is_dual,
            inherit=has.inherit,
            create_database=has.create_database,
            create_role=has.create_role,
            replication=has.replication,
            bypass_row_security=has.bypass_row_security,
            connection_limit=has.connection_limit,
        ),
        member_of=frozenset(spec.member_of),
        grants=tuple(grant for each in spec.grants or () for grant in _grants(each)),
        password=password,
        name_prefix=name_prefix,
        sign_ins=tuple(SignIn(each) for each in both),
    )


def _is_dual(spec: roles.PostgresRoleSpec) -> bool:
    generate = spec.password.generate if spec.password is not None else None
    rotation = generate.rotation if generate is not None else None
    return rotation is not None and rotation.strategy == "DualRole"


def policy(claim: str, spec: ManagedSpec, *, allow_destroy: str | None = None) -> Policy:
    """Return how *spec* wants to be treated, as a resource that stays and was not applied yet.

    Args:
        claim: Who the resource is among all clusters.
        spec: What it says.
        allow_destroy: The value of its annotation of that name.
    """
    return Policy(
        claim=claim,
        deletion=Deletion(spec.deletion_policy),
        adoption=Adoption(spec.adoption_policy),
        drift=Drift(spec.drift_policy),
        suspended=spec.suspend,
        allow_destroy=allow_destroy,
    )


def _entries(topic_name: str, acls: Iterable[kafka.TopicAcl]) -> Iterator[AclEntry]:
    """Return *acls* entry by entry: each operation on the topic, and reading by each group."""
    for each in acls:
        who = {"principal": each.principal, "host": each.host}
        for operation in each.operations:
            yield AclEntry(
                "topic", topic_name, operation=operation, permission=each.permission, **who
            )
        for group in each.consumer_groups or ():
            yield AclEntry("group", group, operation="Read", permission="Allow", **who)


def _grants(grant: roles.Grant) -> list[Grant]:
    """Return *grant* for each of its schemas."""
    schemas = grant.schemas or ["public"]
    if grant.profile is not None:
        creators = frozenset(grant.creators or ())
        profile = Profile(grant.profile)
        return [ProfileGrant(grant.database, profile, each, creators) for each in schemas]
    privileges, names = frozenset(grant.privileges or ()), frozenset(grant.objects or ())
    on = _ON[grant.object_type or "Table"]
    # A database has no schema; with several written down it would be granted several times.
    places = schemas[:1] if on == "database" else schemas
    return [ObjectGrant(grant.database, on, privileges, each, names) for each in places]


_ON: Final[Mapping[str, Literal["database", "schema", "table", "sequence"]]] = {
    "Database": "database",
    "Schema": "schema",
    "Table": "table",
    "Sequence": "sequence",
}
