"""Reading the outbox in order and without a gap: ``actors.ports.events.Outbox`` on Postgres.

A row is read when no running transaction has an id up to its own, so nothing can come before it
any more; rows are ordered by that id, and within one transaction by their number. Who reads a
lane holds an advisory lock on it, in the same session in which its cursor moves: a process that
lost the lane cannot move the cursor.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from actors.ports.events import LANES, START, Position, StoredEvent
from actors.store import encoding
from actors.store.outbox_session import OutboxSession

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from actors.store.pool import Pool

COLUMNS: Final = """o.xid::text::bigint, o.seq, o.slot & 7, o.id::text, o.type, o.aggregatetype,
        o.aggregateid::text, o.occurred_at::text, o.payload, o.trace_parent"""
"""As ``StoredEvent`` has them, but for the form of the time."""

READ: Final = f"""
SELECT horizon.xmin::text::bigint, rows.*
FROM (SELECT pg_snapshot_xmin(pg_current_snapshot()) AS xmin) AS horizon
LEFT JOIN LATERAL (
    SELECT {COLUMNS}
    FROM outbox o
    WHERE o.xid >= %s::text::xid8 AND (o.xid, o.seq) > (%s::text::xid8, %s::bigint)
        AND o.xid < horizon.xmin AND (o.slot & 7) = ANY(%s::int[])
    ORDER BY o.xid, o.seq LIMIT %s::int
) AS rows ON true
""".encode()  # noqa: S608  the columns are a constant
"""One row at least, which says up to where there is nothing else."""

TAKE: Final = b"SELECT pg_try_advisory_lock(%s, %s)"
GIVE: Final = b"SELECT pg_advisory_unlock(%s, lane) FROM unnest(%s::int[]) AS lane"
JOIN: Final = b"SELECT pg_try_advisory_lock_shared(%s, %s)"
MEMBERS: Final = b"""
SELECT count(*) FROM pg_locks
WHERE locktype = 'advisory' AND classid = %s::bigint::oid AND objid = %s::oid AND objsubid = 2
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
"""Every process that reads holds one shared lock beside those of its lanes."""

MEMBERSHIP: Final = LANES
"""The number of that lock, after those of the lanes."""

CURSORS: Final = b"""
SELECT lane::int, xid::text::bigint, seq FROM event_cursors
WHERE reader = %s AND lane = ANY(%s::smallint[])
"""

ADVANCE: Final = b"""
INSERT INTO event_cursors AS stored (reader, lane, xid, seq)
SELECT %s, moved.* FROM unnest(%s::smallint[], %s::xid8[], %s::bigint[]) AS moved(lane, xid, seq)
ON CONFLICT (reader, lane) DO UPDATE
    SET xid = excluded.xid, seq = excluded.seq, moved_at = clock_timestamp()
    WHERE (excluded.xid, excluded.seq) > (stored.xid, stored.seq)
"""

LOOKED_AT_MAX: Final = 10_000
"""Rows that the lag is counted over; beyond, it is told by the numbers that were given out."""

LAG: Final = f"""
SELECT r.reader,
    CASE WHEN near.is_all THEN near.events
         ELSE greatest(near.events, pg_sequence_last_value('outbox_seq') - least.seq) END,
    coalesce(near.oldest_seconds, 0)::float8,
    (SELECT count(*) FROM parked_events p WHERE p.reader = r.reader)
FROM (SELECT reader, count(*) AS lanes FROM event_cursors GROUP BY reader) AS r
CROSS JOIN LATERAL (
    SELECT CASE WHEN r.lanes < {LANES} THEN '0'::xid8 ELSE c.xid END AS xid, c.seq
    FROM event_cursors c WHERE c.reader = r.reader ORDER BY c.xid, c.seq LIMIT 1
) AS least
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE is_beyond) AS events, count(*) < {LOOKED_AT_MAX} AS is_all,
        extract(epoch FROM clock_timestamp() - min(occurred_at) FILTER (WHERE is_beyond))
            AS oldest_seconds
    FROM (
        SELECT o.occurred_at, coalesce((o.xid, o.seq) > (c.xid, c.seq), true) AS is_beyond
        FROM outbox o
        LEFT JOIN event_cursors c ON c.reader = r.reader AND c.lane = (o.slot & 7)
        WHERE o.xid >= least.xid ORDER BY o.xid LIMIT {LOOKED_AT_MAX}
    ) AS looked_at
) AS near
ORDER BY r.reader
"""  # noqa: S608  the limits are constants


@dataclass(frozen=True, slots=True)
class Lag:
    """How far a reader is behind.

    Attributes:
        events: That it has not done; about so many when they are more than ten thousand.
        oldest_seconds: Since the oldest of them was written, 0 when there are none.
        parked: Events of it that stand aside.
    """

    reader: str
    events: int
    oldest_seconds: float
    parked: int


async def lag(pool: Pool) -> list[Lag]:
    """Return how far each reader that ever began is behind; cheap however far it is.

    Raises:
        StoreUnavailable: If the database does not answer.
    """
    return [Lag(*row) for row in await pool.search(LAG)]


@dataclass(slots=True)
class _Lane:
    """What is known of a lane that is held.

    Attributes:
        cursor: As it is stored.
        last: Of the rows that were ever returned.
        horizon: Between *last* and this there is no row of the lane, for ever.
    """

    cursor: Position
    last: Position
    horizon: Position

    def passes(self, done: Position) -> Position:
        """Return where the lane stands when everything up to *done* is."""
        return max(done, self.horizon) if done >= self.last else done


class PostgresOutbox:
    """The outbox for one reader, over a session of its own."""

    def __init__(self, pool: Pool) -> None:
        self.session = OutboxSession(pool)
        self._class = 0
        self._held: dict[int, _Lane] = {}

    async def hold(self, reader: str, lanes: int) -> Mapping[int, Position]:
        """Take up to *lanes* lanes and keep them; see ``actors.ports.events.Outbox``.

        Cursors of lanes in which nothing has happened follow the others here.
        """
        if await self.session.open():
            self._held.clear()
            self._class = _lock_class(reader)
            await self.session.rows(JOIN, (self._class, MEMBERSHIP))
        taken = await self._take(lanes - len(self._held))
        if taken:
            found = await self.session.rows(CURSORS, (reader, encoding.numbers(taken)))
            cursors = {lane: Position(xid, seq) for lane, xid, seq in found}
            for lane in taken:
                cursor = cursors.get(lane, START)
                self._held[lane] = _Lane(cursor, cursor, cursor)
        await self.advance(reader, {number: lane.cursor for number, lane in self._held.items()})
        return {number: lane.cursor for number, lane in sorted(self._held.items())}

    async def members(self, reader: str) -> int:
        """Return how many processes read as *reader*; see ``actors.ports.events.Outbox``."""
        ((count,),) = await self.session.rows(
            MEMBERS, (_lock_class(reader) & 0xFFFF_FFFF, MEMBERSHIP)
        )
        return int(count)

    async def release(self, lanes: Collection[int]) -> None:
        """Give *lanes* back."""
        given = [lane for lane in lanes if self._held.pop(lane, None) is not None]
        if given:
            await self.session.rows(GIVE, (self._class, encoding.numbers(given)))

    async def read(
        self, lanes: Collection[int], after: Position, *, limit: int
    ) -> list[StoredEvent]:
        """Return rows that can no longer be overtaken; see ``actors.ports.events.Outbox``."""
        begin = min((self._begin(lane, after) for lane in lanes), default=after)
        xid = str(begin.xid)
        parameters = (xid, xid, begin.seq, encoding.numbers(lanes), limit)
        found = await self.session.rows(READ, parameters)
        events = [] if found[0][1] is None else events_of(found)
        last = events[-1].position if len(events) == limit else Position(found[0][0], 0)
        self._learn(lanes, after, events, last)
        return events

    async def advance(self, reader: str, cursors: Mapping[int, Position]) -> None:
        """Remember how far *reader* came; see ``actors.ports.events.Outbox``."""
        moved = {
            number: position
            for number, done in cursors.items()
            if (lane := self._held.get(number)) is not None
            and (position := lane.passes(done)) > lane.cursor
        }
        if not moved:
            return
        parameters = (
            reader,
            encoding.numbers(moved),
            encoding.numbers(position.xid for position in moved.values()),
            encoding.numbers(position.seq for position in moved.values()),
        )
        await self.session.rows(ADVANCE, parameters)
        for number, position in moved.items():
            self._held[number].cursor = position

    async def close(self) -> None:
        """End the session; see ``actors.ports.events.Outbox``."""
        self._held.clear()
        await self.session.close()

    async def _take(self, count: int) -> list[int]:
        """Return up to *count* lanes that nobody else holds, and hold them."""
        free = [lane for lane in range(LANES) if lane not in self._held]
        random.shuffle(free)  # so that those who begin together do not all ask for the same one
        taken: list[int] = []
        for lane in free:
            if len(taken) >= count:
                break
            ((is_ours,),) = await self.session.rows(TAKE, (self._class, lane))
            if is_ours:
                taken.append(lane)
        return taken

    def _begin(self, number: int, after: Position) -> Position:
        """Return from where lane *number* must be read, past what is known to be empty."""
        lane = self._held.get(number)
        if lane is None or not lane.last <= after < lane.horizon:
            return after
        return lane.horizon

    def _learn(
        self,
        lanes: Collection[int],
        after: Position,
        events: Sequence[StoredEvent],
        horizon: Position,
    ) -> None:
        """Remember up to where *lanes* are known, now that *events* are all beyond *after*."""
        last = {event.lane: event.position for event in events}
        for number in lanes:
            lane = self._held.get(number)
            if lane is None:
                continue
            lane.last = max(lane.last, last.get(number, lane.last))
            if lane.horizon >= after:  # else there is a stretch between that nobody has looked at
                lane.horizon = max(lane.horizon, horizon)


def events_of(rows: Iterable[Sequence[object]]) -> list[StoredEvent]:
    """Return the events of rows of READ."""
    return [
        StoredEvent(xid, seq, lane, id_, type_, kind, subject, rfc3339(at), data, trace)  # type: ignore[arg-type]
        for _, xid, seq, lane, id_, type_, kind, subject, at, data, trace in rows
    ]


@lru_cache(maxsize=1024)
def rfc3339(at: str) -> str:
    """Return a time in UTC as Postgres writes it with microseconds and a Z (RFC 3339)."""
    seconds, _, fraction = at[11:-3].partition(".")
    return f"{at[:10]}T{seconds}.{fraction:0<6}Z"


def _lock_class(reader: str) -> int:
    """Return the first half of the keys of *reader*'s advisory locks."""
    return int.from_bytes(blake2b(reader.encode(), digest_size=4).digest(), "big", signed=True)
