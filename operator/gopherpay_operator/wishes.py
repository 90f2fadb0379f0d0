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
)
from gopherpay_operator.plans.policy import Adoption, Deletion, Drift, Policy

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gopherpay_operator.resources import kafka, postgres, roles
    from gopherpay_operator.resources.policies import ManagedSpec

_DAY_MS: Final = 86_400_000
RETENTION: Final[Mapping[str, Mapping[str, str]]] = {
    "Transient": {"cleanup.policy": "delete", "retention.ms": str(_DAY_MS)},
    "Standard": {"cleanup.policy": "delete", "retention.ms": str(7 * _DAY_MS)},
    "Long": {"cleanup.policy": "delete", "retention.ms": str(90 * _DAY_MS)},
    "Forever": {"cleanup.policy": "delete", "retention.ms": "-1"},
    "Compacted": {"cleanup.policy": "compact"},
}
"""What the classes of retention mean to Kafka."""


def topic(
    name: str,
    spec: kafka.EventTopicSpec,
    *,
    config_allowed: Iterable[str] | None = None,
    partitions_max: int | None = None,
) -> EventTopic:
    """Return the topic that *spec* wants, called *name* unless it says otherwise.

    Args:
        name: The name of the resource.
        spec: What it says.
        config_allowed: The keys that its connection lets it set; ``None`` for all.
        partitions_max: What its connection's limit leaves for it; ``None`` for no limit.
    """
    retention = RETENTION[spec.retention_class] if spec.retention_class else {}
    allowed = None if config_allowed is None else frozenset(config_allowed) | retention.keys()
    return EventTopic(
        name=spec.external_name or name,
        partitions=spec.partitions,
        replication_factor=spec.replication_factor,
        config={**(spec.config or {}), **retention},
        keyed=spec.keyed,
        allow_partition_increase=spec.allow_partition_increase,
        data_loss_guard=DataLossGuard(spec.data_loss_guard),
        config_allowed=allowed,
        partitions_max=partitions_max,
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

    Args:
        name: The name of the resource.
        spec: What it says.
        password: What its Secret holds; ``None`` leaves the password alone.
        name_prefix: What its connection wants all names to begin with.
    """
    has = spec.attributes
    return PostgresRole(
        name=spec.external_name or name,
        attributes=Attributes(
            login=spec.login,
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
    )


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
