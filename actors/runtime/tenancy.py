"""Which slots a shard believes to own, and for how long it may believe so.

A lease bounds how long an account waits for a new owner after its shard died.
It is never what keeps money safe: that is the fence, which the database checks in every commit.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from actors.domain.errors import Unavailable
from actors.domain.slots import SLOT_COUNT
from actors.ports.ledger import Fence, Fenced

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence

    from actors.ports.slots import SlotLease, Slots
    from actors.runtime.limits import TenancyLimits

log = structlog.get_logger()


class Tenancy:
    """The slots of one owner.

    Args:
        slots: The database's word on who owns what.
        owner: A name that no other process has or ever had.
        address: Where callers reach this owner.
        generation: The version of the software; a newer one is preferred.
        limits: The lease and the pace.
        flush: Waits until no turn of the given slots is open.
        clock: Seconds that never go back.
    """

    def __init__(
        self,
        slots: Slots,
        *,
        owner: str,
        address: str,
        generation: int,
        limits: TenancyLimits,
        flush: Callable[[Collection[int]], Awaitable[None]],
        clock: Callable[[], float],
    ) -> None:
        self._slots = slots
        self._identity = (owner, address, generation)
        self._limits = limits
        self._flush = flush
        self._clock = clock
        self._epochs: dict[int, int] = {}
        self._leaving: set[int] = set()
        self._trusted_until = float("-inf")
        self._must_read = False
        self._draining = False
        self._alive = self._share = 0

    @property
    def owner(self) -> str:
        """Return the owner's name."""
        return self._identity[0]

    @property
    def count(self) -> int:
        """Return how many slots turns are taken for."""
        return len(self._epochs) - len(self._leaving) if self.trusted else 0

    @property
    def hungry(self) -> bool:
        """Tell whether slots are missing that others are about to give back.

        Shares are rounded up, so the last owner lacks a few for ever; those do not count.
        """
        return not self._draining and len(self._epochs) + self._alive < self._share

    @property
    def trusted(self) -> bool:
        """Tell whether the last heartbeat is recent enough, and nothing cast doubt since."""
        return not self._draining and self._clock() < self._trusted_until

    def takes(self, slot: int) -> bool:
        """Tell whether a new turn for *slot* may be taken here."""
        return slot in self._epochs and slot not in self._leaving and self.trusted

    def holds(self, slot: int) -> bool:
        """Tell whether a turn that was taken for *slot* may still be tried here."""
        return slot in self._epochs

    def fence(self, slots: Iterable[int]) -> Fence:
        """Return the fence for a commit on *slots*.

        Raises:
            Fenced: If one of them is not held any more; the database need not be asked.
        """
        try:
            return Fence({slot: self._epochs[slot] for slot in slots})
        except KeyError as missing:
            raise Fenced from missing

    def doubt(self, slots: Iterable[int]) -> None:
        """Drop *slots*: a commit on them was fenced; the next round reads what is left."""
        for slot in slots:
            self._epochs.pop(slot, None)
        self._must_read = True

    async def round(self) -> None:
        """Renew the lease, then take or give back towards the fair share.

        Raises:
            Unavailable: If the lease could not be renewed.
        """
        lapsed = not self._clock() < self._trusted_until
        started = self._clock()
        self._alive = await self._slots.heartbeat(*self._identity)
        if lapsed or self._must_read:
            await self._read()
        # Counted from before the question, so that the belief ends before the lease does.
        self._trusted_until = started + self._limits.trusted_seconds
        if not self._draining:
            self._share = _fair_share(self._alive)
            await self._balance(self._share)

    async def _read(self) -> None:
        """Believe what the database says."""
        self._must_read = False
        self._epochs = _epochs(await self._slots.owned(self.owner))

    async def _balance(self, share: int) -> None:
        """Claim what is missing to *share*, or give back a part of what is beyond it."""
        surplus = len(self._epochs) - share
        if surplus < 0:
            self._epochs |= _epochs(await self._slots.claim(self.owner, -surplus))
        elif surplus > 0:
            some = sorted(self._epochs)[: min(surplus, self._limits.slots_per_round)]
            await self._hand_over(some)

    async def _hand_over(self, slots: Sequence[int]) -> None:
        """Take no more turns for *slots*, finish those taken, and release them."""
        self._leaving = set(slots)
        try:
            await self._finish(slots, self._limits.round_seconds / 2)
            for slot in slots:
                self._epochs.pop(slot, None)
            await self._slots.release(self.owner, slots)
        finally:
            self._leaving = set()
        log.info("slots.released", owner=self.owner, slots=len(slots))

    async def _finish(self, slots: Collection[int], seconds: float) -> None:
        """Wait for the open turns of *slots*, though not for ever: the fence stops the late."""
        try:
            async with asyncio.timeout(seconds):
                await self._flush(slots)
        except TimeoutError:
            log.warning("slots.unflushed", owner=self.owner, slots=len(slots))

    async def drain(self) -> None:
        """Take no more turns and finish those taken."""
        self._draining = True
        await self._finish(tuple(self._epochs), self._limits.lease_seconds)

    async def leave(self) -> None:
        """Give everything back; without a database the lease ends by itself."""
        self._draining = True
        self._epochs.clear()
        try:
            await self._slots.leave(self.owner)
        except Unavailable:
            log.warning("slots.left_to_lease", owner=self.owner)


def _epochs(leases: Sequence[SlotLease]) -> dict[int, int]:
    """Return the epoch of each slot."""
    return {lease.slot: lease.epoch for lease in leases}


def _fair_share(alive: int) -> int:
    """Return how many slots each of *alive* owners may hold, rounded up so that none is left.

    Nobody alive who may own slots means that a newer generation is: then nothing is ours.
    """
    return -(-SLOT_COUNT // alive) if alive else 0
