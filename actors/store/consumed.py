"""Which events each consumer has done, written in the transaction that does them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from actors.store import encoding

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from psycopg import AsyncConnection

    from actors.store.pool import Pool

DAYS_KEPT: Final = 35
"""An event may come again for as long as a topic keeps it; a month is more than most do."""

_SWEEP: Final = 5_000

# In the order of ids: two that do the same events wait for each other instead of dead-locking.
BEGIN: Final = """
INSERT INTO consumed_events (consumer, event_id)
SELECT %s, id FROM unnest(%s::uuid[]) AS given (id) ORDER BY id
ON CONFLICT DO NOTHING RETURNING event_id
"""

KNOWN: Final = """
SELECT event_id FROM consumed_events WHERE consumer = %s AND event_id = ANY(%s::uuid[])
"""

SWEEP: Final = """
DELETE FROM consumed_events WHERE (consumer, event_id) IN (
    SELECT consumer, event_id FROM consumed_events
    WHERE consumed_at < now() - make_interval(days => %s) LIMIT %s
)
"""


async def begin(
    connection: AsyncConnection, consumer: str, event_ids: Iterable[UUID]
) -> frozenset[UUID]:
    """Return those of *event_ids* that *consumer* has never done, and remember all of them.

    It happens inside the open transaction of *connection*: who does the same events at the same
    time waits for it, and finds them done if it commits.
    """
    cursor = await connection.execute(BEGIN, (consumer, encoding.ids(event_ids)))
    return frozenset(row[0] for row in await cursor.fetchall())


class ConsumedEvents:
    """Reads what was done, and forgets what cannot come again."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def known(self, consumer: str, event_ids: Iterable[UUID]) -> frozenset[UUID]:
        """Return those of *event_ids* that *consumer* has done.

        Raises:
            StoreUnavailable: If the database does not answer.
        """
        rows = await self._pool.search(KNOWN, (consumer, encoding.ids(event_ids)))
        return frozenset(row[0] for row in rows)

    async def sweep(self, *, days_kept: int = DAYS_KEPT) -> int:
        """Forget some thousand events that were done so long ago; return how many went.

        Raises:
            StoreUnavailable, OutcomeUnknown: If the database fails.
        """
        async with self._pool.transaction() as connection:
            cursor = await connection.execute(SWEEP, (days_kept, _SWEEP))
            return cursor.rowcount
