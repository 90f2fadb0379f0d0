"""Calls to shards that are replicas of a Ray Serve deployment.

Serve spreads calls over replicas; a slot has one owner.
So the router of this deployment does not choose: it finds the replica whose id was asked for.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from ray.exceptions import RayError
from ray.serve.exceptions import RayServeException
from ray.serve.request_router import RequestRouter

from actors.runtime.transports import OwnerUnreachable

if TYPE_CHECKING:
    from ray.serve.handle import DeploymentHandle
    from ray.serve.request_router import PendingRequest, RunningReplica


class OwnerRouter(RequestRouter):
    """Routes a call to the replica named by its ``address``, or nowhere."""

    async def choose_replicas(
        self,
        candidate_replicas: list[RunningReplica],
        pending_request: PendingRequest | None = None,
    ) -> list[list[RunningReplica]]:
        """Return the one replica that may answer; required by Serve, not reached by calls."""
        if pending_request is None:
            return []
        address = pending_request.kwargs["address"]
        return [[one for one in candidate_replicas if one.replica_id.unique_id == address]]

    async def _choose_replica_for_request(
        self, pending_request: PendingRequest, *, is_retry: bool = False
    ) -> RunningReplica:
        """Return the replica, without the wait that Serve makes for one to appear.

        Serve asks again when a replica died or refused: the caller has a better way then.

        Raises:
            OwnerUnreachable: If there is no such replica.
        """
        if not is_retry:
            for ranked in await self.choose_replicas(
                list(self.curr_replicas.values()), pending_request
            ):
                for replica in ranked:
                    return replica
        raise OwnerUnreachable


class RayTransport:
    """``ShardTransport`` over a handle to the deployment of shards."""

    def __init__(self, handle: DeploymentHandle[Any]) -> None:
        self._handle = handle

    async def send(self, address: str, call: bytes, deadline_seconds: float) -> bytes:
        """Return the answers of the replica *address*.

        Raises:
            OwnerUnreachable: If it is gone, failed, or did not answer in time.
        """
        response = self._handle.handle.remote(call, address=address)
        try:
            async with asyncio.timeout(deadline_seconds):
                answers: bytes = await response
        except (RayError, RayServeException, TimeoutError, OSError) as trouble:
            response.cancel()  # type: ignore[no-untyped-call]
            raise OwnerUnreachable from trouble
        return answers
