"""How a call reaches a shard in another process."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from actors.runtime.messages import decode_call, encode_answers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actors.runtime.shard import Shard


class OwnerUnreachable(Exception):
    """The shard at this address did not answer; whether it acted is not known."""


class ShardTransport(Protocol):
    """Carries one call to exactly the shard at one address."""

    async def send(self, address: str, call: bytes, deadline_seconds: float) -> bytes:
        """Return the encoded answers of the shard at *address*.

        A shard that is known to be gone must fail at once, and no other may stand in for it.

        Raises:
            OwnerUnreachable: If there is no answer within *deadline_seconds*.
        """
        ...


class InProcess:
    """The transport between shards and directories that share an event loop."""

    def __init__(self, shards: Mapping[str, Shard]) -> None:
        self._shards = shards

    async def send(self, address: str, call: bytes, deadline_seconds: float) -> bytes:
        """Hand *call* to the shard of that address.

        Raises:
            OwnerUnreachable: If there is none, or it takes longer than *deadline_seconds*.
        """
        shard = self._shards.get(address)
        if shard is None:
            raise OwnerUnreachable
        try:
            async with asyncio.timeout(deadline_seconds):
                return await serve(shard, call)
        except TimeoutError as late:
            raise OwnerUnreachable from late


async def serve(shard: Shard, call: bytes) -> bytes:
    """Return *shard*'s encoded answers to an encoded call: the far end of every transport.

    Raises:
        msgspec.DecodeError: If *call* is none.
    """
    wish = decode_call(call)
    now = asyncio.get_running_loop().time()
    deadlines = [now + milliseconds / 1000 for milliseconds in wish.remaining_ms]
    return encode_answers(await shard.submit(wish.movements, deadlines))
