"""Environments of Novu: whether they answer, and whether they are what the connection says."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from gopherpay_operator.backends.novu_environments import environment
from gopherpay_operator.engine.ports import Fact, Key
from gopherpay_operator.engine.things import Reached
from gopherpay_operator.reconcilers.novu_access import KIND, NovuAccess, spec_of
from gopherpay_operator.resources.novu import NovuObserved

if TYPE_CHECKING:
    from gopherpay_operator.backends.novu_client import NovuAddress, NovuClient
    from gopherpay_operator.backends.novu_environments import Environment
    from gopherpay_operator.engine.ports import Cluster, Resource

MISMATCH: Final = "EnvironmentMismatch"


class NovuConnections:
    """`engine.things.Probe` for `NovuConnection`."""

    kind = KIND
    user_kinds = ("NovuIntegration", "NovuLayout", "NovuWorkflow", "NovuTopic")

    def __init__(self, access: NovuAccess) -> None:
        """Take what all kinds of Novu share."""
        self._access = access

    def needs(self, resource: Resource) -> frozenset[Key]:
        """Return the Secret with the key."""
        name = spec_of(resource).api_key_secret_ref.name
        return frozenset({Key("Secret", resource.key.namespace, name)})

    async def look(self, resource: Resource, cluster: Cluster) -> Reached:
        """Ask Novu which environment the key is of."""
        address = await self._access.address(resource, cluster)
        client = await self._access.client(resource, cluster)
        role = spec_of(resource).environment
        found, remaining = await asyncio.to_thread(_looked, client, address, role)
        observed = _observed(resource, found, remaining)
        return _judged(observed, found, role)


def _looked(client: NovuClient, address: NovuAddress, role: str) -> tuple[Environment, int | None]:
    try:
        return environment(client, address, role), client.rate_remaining
    finally:
        client.close()


def _observed(resource: Resource, found: Environment, remaining: int | None) -> NovuObserved:
    """Return what was found; what is left of Novu's limit moves always and is no news by itself."""
    before = resource.status.get("observed") or {}
    is_same = (before.get("environmentId"), before.get("identifier")) == (
        found.id,
        found.identifier,
    )
    return NovuObserved(
        environment_id=found.id,
        identifier=found.identifier,
        rate_remaining=before.get("rateRemaining") if is_same else remaining,
    )


def _judged(observed: NovuObserved, found: Environment, role: str) -> Reached:
    if not found.is_certain:
        said = "Novu does not say which environment the key is of; it is taken to be as written."
        return Reached(
            observed=observed, facts=(Fact("EnvironmentMatch", "Unknown", "NotSaid", said),)
        )
    if found.role == role:
        return Reached(observed=observed, facts=(Fact("EnvironmentMatch", "True", "AsWritten"),))
    said = (
        f"The key is of {found.role}, and the connection says {role}. Put the key of the other "
        "environment into the Secret, or apply a connection for this one."
    )
    return Reached(
        observed=observed,
        facts=(Fact("EnvironmentMatch", "False", MISMATCH, said),),
        is_ready=False,
        reason=MISMATCH,
        message=said,
    )
