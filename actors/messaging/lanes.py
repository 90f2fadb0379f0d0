"""The lanes that one process reads for one reader: its fair share, and how far it is in each."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

import structlog

from actors.domain.errors import Unavailable
from actors.ports.events import LANES, START

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable, Mapping
    from typing import TypeVar

    from actors.ports.events import Outbox, Position, StoredEvent

    T = TypeVar("T")

log = structlog.get_logger(__name__)


class Lanes:
    """Reads the lanes that are held, each row once, the others on while some catch up.

    Without an answer of the database every lane is lost; the next review takes lanes anew, and
    begins where their cursors are.
    """

    def __init__(self, outbox: Outbox, reader: str) -> None:
        self._outbox = outbox
        self._reader = reader
        self._cursors: dict[int, Position] = {}
        self._read_to: dict[int, Position] = {}
        self._behind: set[int] = set()
        self._is_turn_of_behind = False
        self.has_more = False
        """Whether the last look found as much as it may."""

    @property
    def held(self) -> frozenset[int]:
        """Return the lanes that are held now."""
        return frozenset(self._cursors)

    async def review(self) -> None:
        """Give back lanes beyond the fair share, or take those that are missing from it.

        Everything that was read must be done.

        Raises:
            StoreUnavailable: If the database does not answer.
        """
        before = self.held
        await self._hold(len(before))  # whoever holds is a member, also of nothing
        members = await self._certain(self._outbox.members(self._reader))
        share = ceil(LANES / max(members, 1))
        if surplus := sorted(self.held)[share:]:
            await self._certain(self._outbox.release(surplus))
            self._keep({lane: at for lane, at in self._cursors.items() if lane not in surplus})
        elif len(self.held) < share:
            await self._hold(share)
        if self.held != before:
            log.info("lanes.held", reader=self._reader, lanes=sorted(self.held), members=members)

    async def read(self, limit: int) -> list[StoredEvent]:
        """Return the next rows, of each lane in order, at most *limit*.

        Raises:
            StoreUnavailable: If the database does not answer.
        """
        group = self._next_group()
        if not group:
            return []
        after = min(self._read_to[lane] for lane in group)
        rows = await self._certain(self._outbox.read(group, after, limit=limit))
        fresh = [row for row in rows if row.position > self._read_to[row.lane]]
        if rows:
            end = rows[-1].position
            for lane in group:  # of all of them there is nothing else up to here
                self._read_to[lane] = max(self._read_to[lane], end)
        is_full = len(rows) >= limit
        if not is_full:
            self._behind.difference_update(group)
        self.has_more = is_full or bool(self._behind)
        return fresh

    async def done(self, last: Mapping[int, Position]) -> None:
        """Remember that each of these lanes is done up to there.

        Raises:
            StoreUnavailable: If the database does not answer.
        """
        await self._certain(self._outbox.advance(self._reader, last))
        self._cursors.update({lane: at for lane, at in last.items() if lane in self._cursors})

    def rewind(self) -> None:
        """Read again what is not done."""
        self._read_to = dict(self._cursors)

    async def leave(self) -> None:
        """Give every lane back; without an answer they are free already."""
        held = self.held
        self._keep({})
        try:
            await self._outbox.release(held)
        except Unavailable:
            log.info("lanes.lost", reader=self._reader)

    def _next_group(self) -> list[int]:
        """Return the lanes to be read now: those that catch up take turns with the others."""
        others = self.held - self._behind
        self._is_turn_of_behind = not self._is_turn_of_behind
        if self._behind and (self._is_turn_of_behind or not others):
            return sorted(self._behind)
        return sorted(others)

    async def _hold(self, count: int) -> None:
        self._keep(await self._certain(self._outbox.hold(self._reader, count)))

    def _keep(self, cursors: Mapping[int, Position]) -> None:
        """Hold exactly these lanes; new ones that stand behind another have to catch up."""
        fresh = cursors.keys() - self._read_to.keys()
        self._read_to = {lane: max(at, self._read_to.get(lane, at)) for lane, at in cursors.items()}
        front = max(self._read_to.values(), default=START)
        self._behind &= cursors.keys()
        self._behind |= {lane for lane in fresh if self._read_to[lane] < front}
        self._cursors = dict(cursors)

    async def _certain(self, asked: Awaitable[T]) -> T:
        """Return what the outbox answers; without an answer nothing is held any more."""
        try:
            return await asked
        except Unavailable:
            self._keep({})
            raise


def last_of_each(events: Iterable[StoredEvent]) -> dict[int, Position]:
    """Return the position of the last of *events* in each lane."""
    return {event.lane: event.position for event in events}
