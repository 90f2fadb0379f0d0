"""Events that could not be told: ``actors.ports.parked.Parked`` on Postgres."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final
from uuid import UUID

from actors.store import encoding
from actors.store.outbox_reading import COLUMNS, events_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from actors.ports.events import StoredEvent
    from actors.store.outbox_session import OutboxSession
    from actors.store.pool import Pool

RETRY_SECONDS: Final = 10
RETRY_SECONDS_MAX: Final = 3_600
ERROR_LENGTH_MAX: Final = 500

SUBJECTS: Final = b"""
SELECT DISTINCT subject_id::text FROM parked_events
WHERE reader = %s AND lane = ANY(%s::smallint[])
"""

PARK: Final = b"""
INSERT INTO parked_events
    (reader, seq, xid, lane, subject_id, occurred_at, error, next_attempt_at)
SELECT %s, aside.*, %s, clock_timestamp() + make_interval(secs => %s::float8)
FROM unnest(%s::bigint[], %s::xid8[], %s::smallint[], %s::uuid[], %s::timestamptz[]) AS aside
ON CONFLICT (reader, seq) DO NOTHING
"""

DUE: Final = f"""
SELECT 0, {COLUMNS}
FROM (
    SELECT DISTINCT ON (subject_id) subject_id, next_attempt_at FROM parked_events
    WHERE reader = %s AND lane = ANY(%s::smallint[]) ORDER BY subject_id, xid, seq
) AS first
JOIN parked_events p ON p.reader = %s AND p.subject_id = first.subject_id
JOIN outbox o ON o.seq = p.seq AND o.occurred_at = p.occurred_at
WHERE first.next_attempt_at <= clock_timestamp()
ORDER BY p.xid, p.seq LIMIT %s::int
""".encode()  # noqa: S608  the columns are a constant

TOLD: Final = b"DELETE FROM parked_events WHERE reader = %s AND seq = ANY(%s::bigint[])"

REFUSED: Final = b"""
UPDATE parked_events SET attempts = attempts + 1, error = %s, next_attempt_at =
    clock_timestamp() + make_interval(secs => least(%s::int * 2 ^ least(attempts, 20), %s::int))
WHERE reader = %s AND seq = %s
"""

LISTED: Final = """
SELECT p.reader, p.subject_id, count(*), min(p.parked_at), first.seq, first.type, first.attempts,
    first.error, first.next_attempt_at
FROM parked_events p
JOIN LATERAL (
    SELECT f.seq, f.attempts, f.error, f.next_attempt_at, o.type
    FROM parked_events f
    LEFT JOIN outbox o ON o.seq = f.seq AND o.occurred_at = f.occurred_at
    WHERE f.reader = p.reader AND f.subject_id = p.subject_id ORDER BY f.xid, f.seq LIMIT 1
) AS first ON true
GROUP BY p.reader, p.subject_id, first.seq, first.type, first.attempts, first.error,
    first.next_attempt_at
ORDER BY min(p.parked_at) LIMIT %s
"""

TRY_NOW: Final = """
UPDATE parked_events SET next_attempt_at = clock_timestamp()
WHERE %s::uuid IS NULL OR subject_id = %s RETURNING subject_id
"""

GIVE_UP: Final = """
DELETE FROM parked_events p
USING (
    SELECT DISTINCT ON (reader) reader, seq FROM parked_events WHERE subject_id = %s
    ORDER BY reader, xid, seq
) AS first
WHERE p.reader = first.reader AND p.seq = first.seq RETURNING p.seq
"""


class PostgresParked:
    """Parked events, in the session that holds the lanes: who lost them changes nothing here."""

    def __init__(self, session: OutboxSession) -> None:
        self._session = session

    async def subjects(self, reader: str, lanes: Collection[int]) -> frozenset[str]:
        """Return who has events here; see ``actors.ports.parked.Parked``."""
        rows = await self._session.rows(SUBJECTS, (reader, encoding.numbers(lanes)))
        return frozenset(subject_id for (subject_id,) in rows)

    async def park(
        self, reader: str, events: Sequence[StoredEvent], error: str, *, wait_seconds: float = 0
    ) -> None:
        """Put *events* aside; see ``actors.ports.parked.Parked``."""
        columns = (
            encoding.numbers(event.seq for event in events),
            encoding.numbers(event.xid for event in events),
            encoding.numbers(event.lane for event in events),
            encoding.words(event.subject_id for event in events),
            encoding.words(event.time for event in events),
        )
        parameters = (reader, error[:ERROR_LENGTH_MAX], wait_seconds, *columns)
        await self._session.rows(PARK, parameters)

    async def due(self, reader: str, lanes: Collection[int], *, limit: int) -> list[StoredEvent]:
        """Return what may be tried again; see ``actors.ports.parked.Parked``."""
        parameters = (reader, encoding.numbers(lanes), reader, limit)
        return events_of(await self._session.rows(DUE, parameters))

    async def told(self, reader: str, events: Sequence[StoredEvent]) -> None:
        """Forget *events*."""
        numbers = encoding.numbers(event.seq for event in events)
        await self._session.rows(TOLD, (reader, numbers))

    async def refused(self, reader: str, event: StoredEvent, error: str) -> None:
        """Remember that *event* failed again; see ``actors.ports.parked.Parked``."""
        parameters = (error[:ERROR_LENGTH_MAX], RETRY_SECONDS, RETRY_SECONDS_MAX, reader, event.seq)
        await self._session.rows(REFUSED, parameters)


@dataclass(frozen=True, slots=True)
class ParkedSubject:
    """A subject whose events wait, and what is wrong with the first of them.

    Attributes:
        events: How many wait.
        since: When the first of those that wait was parked.
        seq: The number of the first one in the outbox.
        type: Its CloudEvents type.
        attempts: How often it was tried again.
        next_attempt_at: When it will be tried again.
    """

    reader: str
    subject_id: UUID
    events: int
    since: datetime
    seq: int
    type: str | None
    attempts: int
    error: str
    next_attempt_at: datetime


async def parked_subjects(pool: Pool, *, limit: int = 1_000) -> list[ParkedSubject]:
    """Return who has parked events, the longest waiting first.

    Raises:
        StoreUnavailable: If the database does not answer.
    """
    return [ParkedSubject(*row) for row in await pool.search(LISTED, (limit,))]


async def try_now(pool: Pool, subject_id: UUID | None) -> int:
    """Let the events of *subject_id*, or all, be tried again at once; return of how many subjects.

    Raises:
        StoreUnavailable: If the database does not answer.
    """
    return len(set(await pool.search(TRY_NOW, (subject_id, subject_id))))


async def give_up_first(pool: Pool, subject_id: UUID) -> list[int]:
    """Let the first event of *subject_id* never be told; return its number for each reader.

    Raises:
        StoreUnavailable: If the database does not answer.
    """
    return [seq for (seq,) in await pool.search(GIVE_UP, (subject_id,))]
