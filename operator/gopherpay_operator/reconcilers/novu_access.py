"""How the Novu of a connection is reached, and what surrounds a thing in it."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING, Any, Final

from gopherpay_operator.backends.novu import NovuThings
from gopherpay_operator.backends.novu_client import NovuAddress, NovuClient
from gopherpay_operator.backends.novu_pace import Pace, Paces, Rate
from gopherpay_operator.backends.ports import DependencyMissing
from gopherpay_operator.engine.ports import Key
from gopherpay_operator.engine.things import Access
from gopherpay_operator.plans.novu import Hashes, Surroundings
from gopherpay_operator.plans.novu_marks import owners
from gopherpay_operator.resources.novu import NovuConnectionSpec
from gopherpay_operator.resources.policies import ManagedSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from gopherpay_operator.backends.novu import Calls
    from gopherpay_operator.engine.ports import Cluster, Resource
    from gopherpay_operator.resources.references import ConfigMapKeyReference

KIND: Final = "NovuConnection"
CONCURRENCY: Final = 4
BATCH_MAX: Final = 10
"""Novu has no call that tells of many things; a look asks for each of them."""


class NovuAccess:
    """Ways to environments; one object for all kinds, so that a connection's rate holds for all."""

    def __init__(self, cluster_name: str) -> None:
        """Know no environment yet."""
        self._cluster_name = cluster_name
        self._paces = Paces()
        self._pepper = secrets.token_bytes(32)

    async def address(self, connection: Resource, cluster: Cluster) -> NovuAddress:
        """Return where the environment of *connection* is, and its key.

        Raises:
            DependencyMissing: If the Secret or its key is not there.
        """
        named = spec_of(connection).api_key_secret_ref
        secret = await cluster.secret(connection.key.namespace, named.name)
        found = None if secret is None else secret.data.get(named.key)
        key = "" if found is None else found.decode(errors="replace").strip()
        if not key.isascii() or not key:
            raise DependencyMissing(f"Secret '{named.name}' has no API key under '{named.key}'.")
        return NovuAddress(spec_of(connection).api_url, key)

    async def client(self, connection: Resource, cluster: Cluster) -> NovuClient:
        """Return a client of *connection*, which the caller closes.

        Raises:
            DependencyMissing: As for `address`.
        """
        address = await self.address(connection, cluster)
        return NovuClient(address, self._pace(connection, address))

    async def access(
        self, connection: Resource, cluster: Cluster, calls: Callable[[], Calls[Any]]
    ) -> Access:
        """Return how things of a kind are reached through *connection*.

        Raises:
            DependencyMissing: As for `address`.
        """
        address = await self.address(connection, cluster)
        pace = self._pace(connection, address)

        def make() -> NovuThings[Any]:
            return NovuThings(NovuClient(address, pace), calls())

        rate = pace.rate
        text = f"{address.url}\0{address.key}\0{rate.per_second}\0{rate.burst}".encode()
        fingerprint = hmac.new(self._pepper, text, hashlib.sha256).hexdigest()
        return Access(fingerprint, make, concurrency=CONCURRENCY, batch_max=BATCH_MAX)

    def surroundings(
        self, resource: Resource, connection: Resource, cluster: Cluster
    ) -> Surroundings:
        """Return where the thing of *resource* is wanted, and who else wants some of its kind."""
        observed = connection.status.get("observed") or {}
        claims = [
            f"{self._cluster_name}/{each.key.namespace}/{each.key.name}"
            for each in (resource, *cluster.resources(resource.key.kind))
        ]
        return Surroundings(
            environment=spec_of(connection).environment,
            environment_id=observed.get("environmentId"),
            owners=owners(self._cluster_name, claims),
            is_leaving=resource.is_deleting,
        )

    def _pace(self, connection: Resource, address: NovuAddress) -> Pace:
        limit = spec_of(connection).rate_limit
        rate = Rate(limit.requests_per_second, limit.burst)
        return self._paces.of(address.url, address.key, rate)


def spec_of(connection: Resource) -> NovuConnectionSpec:
    """Return what *connection* says."""
    assert isinstance(connection.spec, NovuConnectionSpec)  # noqa: S101 - the engine's promise
    return connection.spec


def external_name(resource: Resource) -> str:
    """Return the name of a thing in Novu."""
    assert isinstance(resource.spec, ManagedSpec)  # noqa: S101 - the engine's promise
    return resource.spec.external_name or resource.key.name


def believed(resource: Resource) -> Hashes | None:
    """Return what the status says of the last time that a content was written."""
    observed = resource.status.get("observed") or {}
    both = Hashes(observed.get("sentHash") or "", observed.get("liveHash") or "")
    return both if all(both) else None


async def text_of(reference: ConfigMapKeyReference, namespace: str, cluster: Cluster) -> str:
    """Return the text that *reference* names.

    Raises:
        DependencyMissing: If it is not there.
    """
    data = await cluster.config_map(namespace, reference.name)
    if data is None or reference.key not in data:
        raise DependencyMissing(f"ConfigMap '{reference.name}' has no key '{reference.key}'.")
    return data[reference.key]


def config_maps(*references: ConfigMapKeyReference | None, namespace: str) -> frozenset[Key]:
    """Return the ConfigMaps that *references* name."""
    return frozenset(Key("ConfigMap", namespace, each.name) for each in references if each)
