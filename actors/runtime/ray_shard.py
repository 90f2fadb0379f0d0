"""The shard as replicas of a Ray Serve deployment.

Serve starts them, checks their health, drains them and rolls new versions out;
which of them owns an account is decided in Postgres.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Final

from ray import serve

from actors.runtime.hosting import ShardPlan, hosted_shard
from actors.runtime.transports import OwnerUnreachable
from actors.runtime.transports import serve as answer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ray.serve import Application

DEPLOYMENT_NAME: Final = "AccountShard"
ROUTER: Final = "actors.runtime.ray_transport.OwnerRouter"

CALLS_MAX: Final = 1_000
"""Far more ingresses than there will be: a shard's own queues are what refuses."""

DRAIN_SECONDS: Final = 20.0


class LeaseLost(RuntimeError):
    """The task that keeps the shard's lease has ended; only a new replica helps."""


class AccountShard:
    """One replica: a shard, reached by the replica's id."""

    async def __init__(  # type: ignore[misc]  # Serve awaits it
        self, make_plan: Callable[[], ShardPlan]
    ) -> None:
        self._address = serve.get_replica_context().replica_id.unique_id
        self._open = AsyncExitStack()
        self._shard = await self._open.enter_async_context(hosted_shard(make_plan(), self._address))

    async def handle(self, call: bytes, *, address: str) -> bytes:
        """Return the encoded answers to an encoded call.

        Raises:
            OwnerUnreachable: If the call was meant for another replica.
        """
        if address != self._address:
            raise OwnerUnreachable
        return await answer(self._shard, call)

    async def health(self) -> Mapping[str, object]:
        """Return what this shard did and how it is."""
        health = self._shard.health()
        return {name: getattr(health, name) for name in health.__slots__}

    def check_health(self) -> None:
        """Pass if the lease is being kept; no database is no reason to be replaced.

        Raises:
            LeaseLost: If it is not.
        """
        if not self._shard.alive:
            raise LeaseLost

    async def __del__(self) -> None:
        """Finish the turns taken and give the slots back; Serve awaits this once."""
        if hasattr(self, "_open"):
            await self._open.aclose()


def shard_application(make_plan: Callable[[], ShardPlan], *, replicas: int) -> Application:
    """Return the deployment of *replicas* shards, to be bound to an ingress.

    *make_plan* is called in each replica, so that it may read secrets there.
    It cannot be the ingress itself: behind HAProxy Serve refuses one that has a router.
    """
    deployment = serve.deployment(
        name=DEPLOYMENT_NAME,
        num_replicas=replicas,
        max_ongoing_requests=CALLS_MAX,
        graceful_shutdown_timeout_s=DRAIN_SECONDS,
        graceful_shutdown_wait_loop_s=0.2,
        ray_actor_options={"num_cpus": 0},
        request_router_config={"request_router_class": ROUTER},
    )(AccountShard)
    return deployment.bind(make_plan)
