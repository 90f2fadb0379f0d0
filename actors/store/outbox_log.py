"""Rows of the outbox that have gone by already, for those who replay them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import psycopg
from psycopg.types.string import ByteaBinaryLoader

from actors.domain.errors import StoreUnavailable
from actors.ports.events import START
from actors.store.outbox_reading import COLUMNS, events_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from psycopg import AsyncConnection

    from actors.ports.events import Position, StoredEvent
    from actors.ports.replay import StoredSelection

PAGE: Final = 500

READ: Final = f"""
SELECT NULL, {COLUMNS} FROM outbox o
WHERE o.xid >= %(xid)s::text::xid8 AND (o.xid, o.seq) > (%(xid)s::text::xid8, %(seq)s::bigint)
    AND o.xid < pg_snapshot_xmin(pg_current_snapshot())
    AND o.aggregatetype = ANY(%(kinds)s::text[])
    AND (%(lane)s::int IS NULL OR o.slot & 7 = %(lane)s)
    AND (%(first_seq)s::bigint IS NULL OR o.seq >= %(first_seq)s)
    AND (%(since)s::timestamptz IS NULL OR o.occurred_at >= %(since)s)
    AND (%(until)s::timestamptz IS NULL OR o.occurred_at < %(until)s)
    AND (%(event_id)s::uuid IS NULL OR o.id = %(event_id)s)
ORDER BY o.xid, o.seq LIMIT %(limit)s
""".encode()  # noqa: S608  the columns are a constant


class OutboxRows:
    """A ``StoredEvents`` over the outbox of one database.

    It has a connection without time limits: who looks for one event may look at every row.
    """

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    async def read(self, selection: StoredSelection) -> AsyncIterator[Sequence[StoredEvent]]:
        """Yield the rows that are meant; see ``actors.ports.replay.StoredEvents``."""
        try:
            async with await psycopg.AsyncConnection.connect(
                self._dsn, autocommit=True, application_name="gopherpay-replay"
            ) as connection:
                connection.adapters.register_loader("json", ByteaBinaryLoader)
                await connection.execute("SET TimeZone TO 'UTC'")
                after = START
                while page := await _page(connection, selection, after):
                    yield page
                    after = page[-1].position
        except psycopg.Error as error:
            raise StoreUnavailable from error


async def _page(
    connection: AsyncConnection, selection: StoredSelection, after: Position
) -> list[StoredEvent]:
    cursor = connection.cursor(binary=True)
    await cursor.execute(
        READ,
        {
            "xid": str(after.xid),
            "seq": after.seq,
            "kinds": list(selection.subject_kinds),
            "lane": selection.lane,
            "first_seq": selection.first_seq,
            "since": selection.since,
            "until": selection.until,
            "event_id": selection.event_id,
            "limit": PAGE,
        },
    )
    return events_of(await cursor.fetchall())
