"""Who else of this cluster wants the same thing, and whether who has claimed it still exists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gopherpay_operator.engine.connections import connection_of
from gopherpay_operator.engine.ports import Key, Malformed
from gopherpay_operator.engine.statuses import condition
from gopherpay_operator.plans.actions import Reason, Refused

if TYPE_CHECKING:
    from gopherpay_operator.engine.ports import Cluster, Resource
    from gopherpay_operator.engine.things import Thing

_OUT_OF_THE_RACE: Final = frozenset(
    {Reason.ADOPTION_FORBIDDEN, Reason.NOT_IDENTICAL, "NamespaceNotAllowed", "Suspended"}
)
"""Reasons of Ready of those who will not take the thing, as they are now."""


def claim_of(cluster_name: str, key: Key) -> str:
    """Return who a resource is among all clusters."""
    return f"{cluster_name}/{key.namespace}/{key.name}"


def is_stale(
    claim: str, cluster_name: str, resource: Resource, thing: Thing[Any, Any], cluster: Cluster
) -> bool:
    """Tell whether *claim* is of a resource of our own cluster that has no use for it any more.

    Only what we can see is judged: the claims of other clusters, and of namespaces that we do not
    watch, are never stale.
    """
    own, _, rest = claim.rpartition("/")[0].rpartition("/")
    holder = Key(resource.key.kind, rest, claim.rpartition("/")[2])
    if own != cluster_name or holder == resource.key or not cluster.sees(holder.namespace):
        return False
    found = cluster.resource(holder)
    if found is None:
        return True
    is_known = not isinstance(found.spec, Malformed)
    return is_known and thing.external_name(found) != thing.external_name(resource)


def elder(resource: Resource, thing: Thing[Any, Any], cluster: Cluster) -> Refused | None:
    """Return why *resource* does not take what nobody has claimed: an older one wants it too."""
    connection = connection_of(resource, thing.connection_kind)
    name = thing.external_name(resource)
    for other in cluster.resources(resource.key.kind):  # the oldest first
        if other.uid == resource.uid:
            return None
        if _is_out(other) or connection_of(other, thing.connection_kind) != connection:
            continue
        if thing.external_name(other) == name:
            return Refused(
                Reason.CONFLICT,
                f"'{name}' is wanted by {other.key} too, which is older. Delete one of the two.",
            )
    return None


def _is_out(other: Resource) -> bool:
    return other.is_deleting or condition(other.status, "Ready")[1] in _OUT_OF_THE_RACE
