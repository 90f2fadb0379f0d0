"""Which connection a resource uses, and whether it may."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gopherpay_operator.backends.ports import DependencyMissing
from gopherpay_operator.engine.failures import NamespaceNotAllowed
from gopherpay_operator.engine.ports import Key
from gopherpay_operator.resources.connections import ConnectionSpec
from gopherpay_operator.resources.policies import ManagedSpec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gopherpay_operator.engine.ports import Cluster, Resource
    from gopherpay_operator.resources.references import AllowedNamespaces


def connection_of(resource: Resource, kind: str) -> Key | None:
    """Return the connection of *kind* that *resource* names; ``None`` when it names none."""
    if not isinstance(resource.spec, ManagedSpec):
        return None
    reference = resource.spec.connection_ref
    return Key(kind, reference.namespace or resource.key.namespace, reference.name)


def users_of(connection: Key, kinds: Iterable[str], cluster: Cluster) -> list[Resource]:
    """Return all resources of *kinds* that name *connection*."""
    return [
        each
        for kind in kinds
        for each in cluster.resources(kind)
        if connection_of(each, connection.kind) == connection
    ]


async def let_in(resource: Resource, kind: str, cluster: Cluster) -> Resource:
    """Return the connection of *resource*, if it is there and lets *resource* in.

    Raises:
        DependencyMissing: If it is not there.
        NamespaceNotAllowed: If it does not.
    """
    key = connection_of(resource, kind)
    connection = None if key is None else cluster.resource(key)
    if connection is None:
        raise DependencyMissing(f"{key} is not there.")
    if not isinstance(connection.spec, ConnectionSpec):
        raise DependencyMissing(f"{key} cannot be read.")
    allowed = connection.spec.allowed_namespaces
    if not await _is_allowed(resource.key.namespace, connection.key.namespace, allowed, cluster):
        raise NamespaceNotAllowed(
            f"{key} does not let resources of namespace '{resource.key.namespace}' in. "
            "Its allowedNamespaces decides that."
        )
    return connection


async def _is_allowed(
    namespace: str, home: str, allowed: AllowedNamespaces, cluster: Cluster
) -> bool:
    if namespace == home or allowed.policy == "All":
        return True
    if allowed.policy == "Same":
        return False
    if namespace in (allowed.names or ()):
        return True
    if allowed.match_labels is None:
        return False
    labels = await cluster.namespace_labels(namespace)
    # Labels that we may not know let nobody in.
    return labels is not None and allowed.match_labels.items() <= labels.items()
