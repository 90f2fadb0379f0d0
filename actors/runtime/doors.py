"""The doors behind which accounts take their turns, as a directory sees them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol

import msgspec
import structlog

from actors.ending import ended
from actors.runtime.batcher import Batcher
from actors.runtime.messages import UNKNOWN, Answer, Call, decode_answers, encode_call
from actors.runtime.transports import OwnerUnreachable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from actors.domain.transfers import Movement
    from actors.ports.slots import SlotOwner, Slots
    from actors.runtime.limits import RuntimeLimits
    from actors.runtime.mailbox import Turn
    from actors.runtime.shard import Shard
    from actors.runtime.transports import ShardTransport

log = structlog.get_logger()

CALLS_UNDER_WAY: Final = 3
"""To one shard. They arrive in the order sent as far as Serve's transport keeps it, which it does
not promise: turns of one account in two calls may change places, none of them answered yet."""


class Door(Protocol):
    """Where a movement may take its turn."""

    def offer(self, movement: Movement, deadline: float) -> Turn:
        """Queue *movement* and return its turn."""
        ...


class Doors(Protocol):
    """Finds the owner of a slot; both homes of a shard stand behind this."""

    async def open(self) -> None:
        """Begin to know the owners."""
        ...

    def door(self, slot: int) -> Door | None:
        """Return the door to the owner of *slot*; None if nobody reachable owns it."""
        ...

    async def look_again(self, asked_at: float) -> None:
        """Learn the owners anew, unless they were learnt after *asked_at*."""
        ...

    async def close(self) -> None:
        """Finish what is under way and stop."""
        ...


class LocalDoor:
    """The home in the ingress: this process's own shard, and no other.

    What a neighbour owns is committed without an owner: reaching it would cost a hop between
    processes for every list, which is what this home is chosen to save.
    """

    def __init__(self, shard: Shard) -> None:
        self._shard = shard

    async def open(self) -> None:
        """Let the shard claim its slots."""
        await self._shard.start()

    def door(self, slot: int) -> Door | None:
        """Return the shard if it owns *slot*."""
        return self._shard if self._shard.takes(slot) else None

    async def look_again(self, asked_at: float) -> None:
        """Do nothing: what the own shard owns is always known."""

    async def close(self) -> None:
        """Let the shard finish and give its slots back."""
        await self._shard.stop()


class Lane:
    """The way to one shard elsewhere: few calls at a time, so that lists form by themselves."""

    def __init__(self, address: str, transport: ShardTransport, limits: RuntimeLimits) -> None:
        self._address = address
        self._transport = transport
        self._limits = limits.calls
        self._avoid_until = float("-inf")
        self._batcher = Batcher(
            self._send, replace(limits.batches, batches_in_flight=CALLS_UNDER_WAY)
        )
        self.offer = self._batcher.offer
        self.flush = self._batcher.flush

    @property
    def avoided(self) -> bool:
        """Tell whether the shard failed to answer a moment ago."""
        return asyncio.get_running_loop().time() < self._avoid_until

    async def _send(self, turns: Sequence[Turn]) -> list[Answer]:
        """Carry *turns* there and return the answers, all unknown if none came back."""
        now = asyncio.get_running_loop().time()
        remaining = [turn.deadline - now for turn in turns]
        call = Call(
            [turn.movement for turn in turns], [int(seconds * 1000) for seconds in remaining]
        )
        seconds = min(max(remaining), self._limits.call_seconds)
        try:
            data = await self._transport.send(self._address, encode_call(call), seconds)
            answers = decode_answers(data)
        except (OwnerUnreachable, msgspec.DecodeError) as trouble:
            log.warning("owner.unreachable", address=self._address, trouble=repr(trouble))
            self._avoid_until = now + seconds + self._limits.avoid_seconds
            return [UNKNOWN] * len(turns)
        return answers


class RemoteDoors:
    """The home in a deployment of its own: a lane to each shard that owns slots."""

    def __init__(self, slots: Slots, transport: ShardTransport, limits: RuntimeLimits) -> None:
        self._slots = slots
        self._transport = transport
        self._limits = limits
        self._owners: Mapping[int, SlotOwner] = {}
        self._lanes: dict[str, Lane] = {}
        self._read_at = float("-inf")
        self._reading: asyncio.Task[None] | None = None
        self._refresher: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Read the owners, and go on reading them."""
        await self._read()
        self._refresher = asyncio.create_task(self._refresh())

    def door(self, slot: int) -> Door | None:
        """Return the lane to the owner of *slot*, if it has one that answers."""
        owner = self._owners.get(slot)
        if owner is None:
            return None
        lane = self._lanes.get(owner.address)
        if lane is None:
            lane = self._lanes[owner.address] = Lane(owner.address, self._transport, self._limits)
        return None if lane.avoided else lane

    async def look_again(self, asked_at: float) -> None:
        """Read the owners, once for all who ask at the same time."""
        if self._read_at > asked_at:
            return
        if self._reading is None:
            self._reading = asyncio.create_task(self._read())
        # Shielded: who asks may go away, the others still want to know.
        await asyncio.shield(self._reading)

    async def _read(self) -> None:
        """Read the owners; when that fails the old map is as good a hint as any."""
        started = asyncio.get_running_loop().time()
        try:
            self._owners = await self._slots.owners()
            self._read_at = started
        except Exception as trouble:  # noqa: BLE001  a stale map costs time, never money
            log.warning("owners.not_read", trouble=repr(trouble))
        finally:
            self._reading = None
        addresses = {owner.address for owner in self._owners.values()}
        for address in self._lanes.keys() - addresses:
            # Turns under way keep the lane alive until they are answered.
            del self._lanes[address]

    async def _refresh(self) -> None:
        """Read the owners from time to time: a hand-over is no error."""
        while True:
            await asyncio.sleep(self._limits.calls.refresh_seconds)
            await self.look_again(asyncio.get_running_loop().time())

    async def close(self) -> None:
        """Wait for the calls under way."""
        if self._refresher is not None:
            await ended(self._refresher)
        for lane in self._lanes.values():
            await lane.flush()
