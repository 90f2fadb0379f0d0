"""The shard: a process part in which the accounts of some slots take their turns."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from actors.domain.errors import Unavailable
from actors.domain.slots import slot_of
from actors.ending import ended
from actors.runtime.batcher import Batcher
from actors.runtime.committer import Committer
from actors.runtime.limits import DEFAULT_LIMITS, RuntimeLimits
from actors.runtime.mailbox import answered
from actors.runtime.messages import MOVED, UNKNOWN, Answer, overloaded
from actors.runtime.tenancy import Tenancy

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from actors.domain.transfers import Movement
    from actors.ports.ledger import Fence, Ledger
    from actors.ports.slots import Slots
    from actors.runtime.mailbox import Turn

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ShardHealth:
    """What a shard says of itself; plain numbers, cheap to ask for."""

    owner: str
    accepting: bool
    slots: int
    accounts: int
    waiting: int
    batches: int
    movements: int
    turned_away: int
    expired: int
    fenced: int
    unknown: int
    unavailable: int
    replayed: int
    passivated: int


class Shard:
    """Owns slots by lease, and commits what their accounts wish in batches.

    The same class lives inside an ingress and as a replica of its own deployment.

    Args:
        ledger: The one way to write money.
        slots: Who owns which slot.
        owner: A name that no other process has or ever had.
        address: Where callers reach this shard.
        generation: The version of the software.
        limits: The bounds of its queues and its lease.
        clock: Seconds that never go back, for the lease.
    """

    def __init__(
        self,
        ledger: Ledger,
        slots: Slots,
        *,
        owner: str,
        address: str,
        generation: int = 0,
        limits: RuntimeLimits = DEFAULT_LIMITS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.address = address
        self._limits = limits.tenancy
        self._committer = Committer(ledger, fence_of=self._fence_of, when_fenced=self._fenced)
        self._batcher = Batcher(self._send, limits.batches)
        self._tenancy = Tenancy(
            slots,
            owner=owner,
            address=address,
            generation=generation,
            limits=limits.tenancy,
            flush=self._batcher.flush,
            clock=clock,
        )
        self._woken = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Claim slots and begin to keep them.

        Without a database it starts all the same, and accepts nothing until there is one.
        """
        await self.renew()
        self._keeper = asyncio.create_task(self._keep())

    def takes(self, slot: int) -> bool:
        """Tell whether turns for *slot* are taken here now."""
        return self._tenancy.takes(slot)

    def offer(self, movement: Movement, deadline: float) -> Turn:
        """Queue *movement* and return its turn; answered MOVED at once if it is not ours.

        Args:
            movement: What is wished.
            deadline: When its caller stops waiting, by the event loop's clock.
        """
        if self._tenancy.takes(slot_of(movement.source_id)):
            return self._batcher.offer(movement, deadline)
        return answered(movement, MOVED)

    async def submit(
        self, movements: Sequence[Movement], deadlines: Sequence[float]
    ) -> list[Answer]:
        """Return the answer to each of *movements*, at the latest by the last of *deadlines*."""
        if not movements:
            return []
        turns = [
            self.offer(movement, deadline)
            for movement, deadline in zip(movements, deadlines, strict=True)
        ]
        seconds = max(deadlines) - asyncio.get_running_loop().time()
        await asyncio.wait([turn.answer for turn in turns], timeout=max(seconds, 0))
        return [_so_far(turn) for turn in turns]

    async def _send(self, turns: Sequence[Turn]) -> list[Answer]:
        """Commit those of *turns* whose slots are still held; the others have moved."""
        held = [turn for turn in turns if self._tenancy.holds(turn.mailbox.slot)]
        if len(held) == len(turns):
            return await self._committer(turns)
        answers = iter(await self._committer(held) if held else ())
        kept = set(map(id, held))
        return [next(answers) if id(turn) in kept else MOVED for turn in turns]

    def _fence_of(self, turns: Sequence[Turn]) -> Fence:
        """Return the epochs under which *turns* may be written."""
        return self._tenancy.fence({turn.mailbox.slot for turn in turns})

    def _fenced(self, turns: Sequence[Turn]) -> None:
        """Stop believing in the slots of a refused batch, and ask for the truth at once."""
        self._tenancy.doubt({turn.mailbox.slot for turn in turns})
        self._woken.set()

    async def _keep(self) -> None:
        """Keep the lease, round after round."""
        while True:
            seconds = self._limits.round_seconds
            if self._tenancy.hungry:
                seconds /= 4  # what was given back should not be nobody's for long
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._woken.wait()
            self._woken.clear()
            await self.renew()
            self._batcher.passivate()

    async def renew(self) -> None:
        """Renew the lease and balance; when it fails the belief in the slots ends by itself."""
        try:
            async with asyncio.timeout(self._limits.lease_seconds):
                await self._tenancy.round()
        except (Unavailable, TimeoutError) as trouble:
            log.warning("lease.not_renewed", owner=self._tenancy.owner, trouble=repr(trouble))
        except Exception:
            log.exception("lease.round_failed", owner=self._tenancy.owner)

    async def drain(self) -> None:
        """Take no more turns and finish those taken; the lease is kept meanwhile."""
        await self._tenancy.drain()

    async def stop(self) -> None:
        """Drain, then give the slots back."""
        await self.drain()
        if self._keeper is not None:
            # Before leaving: a heartbeat after it would make us a ghost that owns a share.
            await ended(self._keeper)
            self._keeper = None
        await self._tenancy.leave()

    def health(self) -> ShardHealth:
        """Return what this shard did and how it is."""
        commits, batches = self._committer.counts, self._batcher.counts
        return ShardHealth(
            owner=self._tenancy.owner,
            accepting=self._tenancy.trusted,
            slots=self._tenancy.count,
            accounts=self._batcher.accounts,
            waiting=self._batcher.waiting,
            batches=batches.batches,
            movements=batches.sent,
            turned_away=batches.turned_away,
            expired=batches.expired,
            fenced=commits.fenced,
            unknown=commits.unknown,
            unavailable=commits.unavailable,
            replayed=commits.replayed,
            passivated=self._batcher.passivated,
        )

    @property
    def alive(self) -> bool:
        """Tell whether the lease is being kept; without that the shard is of no use."""
        return self._keeper is not None and not self._keeper.done()


def _so_far(turn: Turn) -> Answer:
    """Return the answer of *turn*, or what can be said for certain without one."""
    if turn.answer.done():
        return turn.answer.result()
    turn.answer.cancel()
    return UNKNOWN if turn.sent else overloaded()
