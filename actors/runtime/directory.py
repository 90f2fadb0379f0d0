"""The directory: what an ingress knows of the actors.

A movement goes to the owner of its account's slot and comes back decided.
When there is no owner, or none that answers, it is committed without one under the same key:
ownership makes it fast, the key and the row locks make it right.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from actors.domain.errors import OutcomeUnknown, Overloaded, Unavailable
from actors.domain.slots import slot_of
from actors.runtime.batcher import Batcher
from actors.runtime.committer import Committer
from actors.runtime.doors import Doors, LocalDoor, RemoteDoors
from actors.runtime.limits import DEFAULT_LIMITS, BatchLimits, RuntimeLimits
from actors.runtime.messages import UNKNOWN, Answer, Status
from actors.runtime.shard import Shard

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actors.domain.transfers import Movement, Outcome
    from actors.ports.ledger import Ledger
    from actors.ports.slots import Slots
    from actors.runtime.transports import ShardTransport

OWNERS_ASKED: Final = 2
"""An account that has moved twice is in motion: the ownerless path is quicker than the chase."""

ShardHome: TypeAlias = Literal["ingress", "deployment"]


@dataclass(slots=True)
class DirectoryCounts:
    """Which ways the movements took so far."""

    owned: int = 0
    moved: int = 0
    unknown: int = 0
    ownerless: int = 0


class Directory:
    """Takes movements to where they are decided; made in the event loop that it works in."""

    def __init__(self, doors: Doors, ledger: Ledger, limits: BatchLimits) -> None:
        self._doors = doors
        self._now = asyncio.get_running_loop().time
        # Who owns nothing is not served in order, so the next batch must wait for the last.
        self._ownerless = Batcher(Committer(ledger), replace(limits, batches_in_flight=1))
        self.counts = DirectoryCounts()

    async def open(self) -> None:
        """Begin to know the owners."""
        await self._doors.open()

    async def close(self) -> None:
        """Finish what is under way and stop."""
        await self._doors.close()
        await self._ownerless.flush()

    async def submit(self, movement: Movement, deadline_seconds: float) -> Outcome:
        """Return what became of *movement*.

        A caller that is cancelled does not undo anything: what has left is decided all the same.

        Raises:
            Overloaded: If it was not executed, for want of room, time or a database.
            OutcomeUnknown: If it may have been; the same key will tell.
        """
        result = _result(await self._ask(movement, self._now() + deadline_seconds))
        if isinstance(result, Unavailable):
            raise result
        return result

    async def submit_many(
        self, movements: Sequence[Movement], deadline_seconds: float
    ) -> list[Outcome | Unavailable]:
        """Return what became of each of *movements*, in order.

        Those of one account are decided in their order here, as far as the way to a shard elsewhere
        keeps it; a trouble is a value in its place.
        """
        deadline = self._now() + deadline_seconds
        answers = await asyncio.gather(*(self._ask(movement, deadline) for movement in movements))
        return [_result(answer) for answer in answers]

    async def _ask(self, movement: Movement, deadline: float) -> Answer:
        """Return the owner's answer, or that of the ownerless path."""
        slot = slot_of(movement.source_id)
        for _ in range(OWNERS_ASKED):
            door = self._doors.door(slot)
            if door is None:
                break
            asked_at = self._now()
            answer = await door.offer(movement, deadline).answer
            if answer.status is Status.UNKNOWN:
                self.counts.unknown += 1
                return await self._ask_nobody(movement, deadline, in_doubt=True)
            if answer.status is not Status.MOVED:
                self.counts.owned += 1
                return answer
            self.counts.moved += 1
            await self._look_again(asked_at, deadline)
        return await self._ask_nobody(movement, deadline, in_doubt=False)

    async def _look_again(self, asked_at: float, deadline: float) -> None:
        """Learn the owners anew, if there is time."""
        try:
            async with asyncio.timeout_at(deadline):
                await self._doors.look_again(asked_at)
        except TimeoutError:
            return

    async def _ask_nobody(self, movement: Movement, deadline: float, *, in_doubt: bool) -> Answer:
        """Return the answer of the ownerless path.

        In doubt, the owner may have acted: then only a definite answer may replace "unknown".
        """
        self.counts.ownerless += 1
        answer = await self._ownerless.offer(movement, deadline).answer
        if in_doubt and answer.status is not Status.DONE:
            return UNKNOWN
        return answer


async def open_directory(
    home: ShardHome,
    ledger: Ledger,
    slots: Slots,
    *,
    owner: str,
    generation: int = 0,
    transport: ShardTransport | None = None,
    limits: RuntimeLimits = DEFAULT_LIMITS,
) -> Directory:
    """Return a directory that is ready; close it before the process ends.

    Args:
        home: Where the shards live: in this process, or in a deployment of their own.
        ledger: The one way to write money.
        slots: Who owns which slot.
        owner: For the home in the ingress: a name that no other process has or ever had.
        generation: The version of the software.
        transport: For the home in a deployment: how its shards are reached.
        limits: All bounds.

    Raises:
        ValueError: If the shards live elsewhere and there is no transport.
    """
    doors: Doors
    if home == "ingress":
        doors = LocalDoor(
            Shard(ledger, slots, owner=owner, address=owner, generation=generation, limits=limits)
        )
    elif transport is not None:
        doors = RemoteDoors(slots, transport, limits)
    else:
        msg = "shards in a deployment of their own need a transport"
        raise ValueError(msg)
    directory = Directory(doors, ledger, limits.batches)
    await directory.open()
    return directory


def _result(answer: Answer) -> Outcome | Unavailable:
    """Return the outcome, or why there is none."""
    if answer.outcome is not None:
        return answer.outcome
    if answer.status is Status.OVERLOADED:
        return Overloaded(answer.retry_after_seconds)
    return OutcomeUnknown()
