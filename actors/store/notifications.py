"""Notices and inboxes: ``Notices``, ``Inbox`` and ``News`` of ``actors.ports.notifications``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from actors.domain.errors import NotFound
from actors.ports.notifications import Audience, Channels, Kept, Person
from actors.store import encoding

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
    from uuid import UUID

    from psycopg import AsyncConnection

    from actors.ports.notifications import Delivery, Notice, Telling
    from actors.store.pool import Pool

    MarkChanged = Callable[[AsyncConnection, Collection[UUID]], Awaitable[None]]

DELIVERED_DAYS_MAX: Final = 3
"""After which nobody wants to be told by mail any more."""

AUDIENCE: Final = """
WITH asked (account_id, user_id) AS (
    SELECT id, owner_id FROM accounts WHERE id = ANY(%s::uuid[]) AND kind = 'customer'
    UNION ALL
    SELECT NULL, unnest(%s::uuid[])
)
SELECT asked.account_id, u.id, u.language, chosen.kinds, chosen.in_app, chosen.email, chosen.push
FROM asked JOIN users u ON u.id = asked.user_id AND u.status = 'active'
CROSS JOIN LATERAL (
    SELECT array_agg(kind) AS kinds, array_agg(in_app) AS in_app, array_agg(email) AS email,
           array_agg(push) AS push
    FROM notification_preferences p WHERE p.user_id = u.id
) chosen
"""

TELL: Final = f"""
WITH fresh AS (
    INSERT INTO consumed_events (consumer, event_id)
    SELECT DISTINCT %(consumer)s::text, e FROM unnest(%(events)s::uuid[]) AS e ORDER BY e
    ON CONFLICT DO NOTHING RETURNING event_id
), told AS (
    SELECT n.*, count(*) OVER (PARTITION BY n.user_id) AS many,
           row_number() OVER (PARTITION BY n.user_id ORDER BY n.place) AS nth
    FROM unnest(%(ids)s::uuid[], %(event_ids)s::uuid[], %(user_ids)s::uuid[], %(kinds)s::text[],
            %(titles)b::text[], %(bodies)b::text[], %(contents)b::text[], %(times)s::timestamptz[])
        WITH ORDINALITY
        AS n (id, event_id, user_id, kind, title, body, data, created_at, place)
    JOIN fresh USING (event_id)
), counted AS (
    INSERT INTO notification_counters AS c (user_id, last_number)
    SELECT user_id, count(*) FROM told GROUP BY user_id ORDER BY user_id
    ON CONFLICT (user_id) DO UPDATE SET last_number = c.last_number + excluded.last_number
    RETURNING user_id, last_number
), kept AS (
    INSERT INTO notifications
        (user_id, number, id, event_id, kind, title, body, data, created_at)
    SELECT t.user_id, c.last_number - t.many + t.nth, t.id, t.event_id, t.kind, t.title, t.body,
           t.data::json, t.created_at
    FROM told t JOIN counted c USING (user_id)
), sent AS (
    INSERT INTO notification_deliveries
        (id, event_id, workflow, subscriber_id, payload, expires_at)
    SELECT d.id, d.event_id, d.workflow, d.user_id, d.payload::json,
           now() + interval '{DELIVERED_DAYS_MAX} days'
    FROM unnest(%(delivery_ids)s::uuid[], %(delivery_events)s::uuid[], %(delivery_users)s::uuid[],
            %(workflows)s::text[], %(payloads)b::text[])
        AS d (id, event_id, user_id, workflow, payload)
    JOIN fresh USING (event_id)
    ON CONFLICT DO NOTHING
)
SELECT count(*) FROM fresh
""".encode()  # noqa: S608  a constant
"""Counters are locked in user order until the commit: who sees a number sees all before it."""

COLUMNS: Final = "n.user_id, n.number, n.id, n.kind, n.title, n.body, n.data::text, n.created_at"

PAGE: Final = f"""
SELECT {COLUMNS}, n.read_at FROM notifications n
WHERE n.user_id = %s AND n.number < coalesce(%s, 9223372036854775807)
ORDER BY n.number DESC LIMIT %s
"""  # noqa: S608  the columns are a constant

UNREAD: Final = PAGE.replace("ORDER BY", "AND n.read_at IS NULL ORDER BY")

READ: Final = f"""
WITH marked AS (
    UPDATE notifications SET read_at = clock_timestamp()
    WHERE id = %(id)s AND user_id = %(user)s AND read_at IS NULL RETURNING id, read_at
)
SELECT {COLUMNS}, coalesce(n.read_at, m.read_at) FROM notifications n LEFT JOIN marked m USING (id)
WHERE n.id = %(id)s AND n.user_id = %(user)s
""".encode()  # noqa: S608  as above

READ_ALL: Final = b"""
UPDATE notifications SET read_at = clock_timestamp() WHERE user_id = %s AND read_at IS NULL
"""

PLACE: Final = """
SELECT coalesce(
    (SELECT number FROM notifications WHERE id = %(id)s AND user_id = %(user)s),
    (SELECT last_number FROM notification_counters WHERE user_id = %(user)s),
    0)
"""

BEYOND: Final = f"""
SELECT {COLUMNS}, n.read_at
FROM unnest(%(users)s::uuid[], %(numbers)s::bigint[]) AS open (user_id, seen)
CROSS JOIN LATERAL (
    SELECT * FROM notifications WHERE user_id = open.user_id AND number > open.seen
    ORDER BY number LIMIT %(limit)s
) n
ORDER BY n.user_id, n.number
"""  # noqa: S608  as above


class NoticeStore:
    """Writes notices.

    Args:
        pool: The database.
        mark_changed: Called in the transaction with those whose profile has changed.
    """

    def __init__(self, pool: Pool, *, mark_changed: MarkChanged | None = None) -> None:
        self._pool = pool
        self._mark_changed = mark_changed

    async def audience(self, account_ids: Collection[UUID], user_ids: Collection[UUID]) -> Audience:
        """Return who owns *account_ids*, and what is known of them and of *user_ids*."""
        if not account_ids and not user_ids:
            return Audience({}, {})
        rows = await self._pool.rows(AUDIENCE, (encoding.ids(account_ids), encoding.ids(user_ids)))
        owners = {row[0]: row[1] for row in rows if row[0] is not None}
        return Audience(owners, {row[1]: _person(row) for row in rows})

    async def tell(self, consumer: str, telling: Telling) -> int:
        """Keep *telling* in one transaction, without what an earlier one has done."""
        parameters = {
            "consumer": consumer,
            "events": encoding.ids(telling.event_ids),
            **_notices(telling.notices),
            **_deliveries(telling.deliveries),
        }
        async with self._pool.transaction() as connection:
            row = await (await connection.execute(TELL, parameters)).fetchone()
            if self._mark_changed is not None and telling.changed_users:
                await self._mark_changed(connection, telling.changed_users)
        return 0 if row is None else int(row[0])


def _person(row: Sequence[Any]) -> Person:
    """Return the person of a row of AUDIENCE."""
    _, user_id, language, kinds, *ways = row
    chosen = dict(zip(kinds, map(Channels, *ways), strict=True)) if kinds else {}
    return Person(user_id, language, chosen)


def _notices(notices: Sequence[Notice]) -> dict[str, object]:
    """Return the columns of *notices*."""
    return {
        "ids": encoding.ids(each.id for each in notices),
        "event_ids": encoding.ids(each.event_id for each in notices),
        "user_ids": encoding.ids(each.user_id for each in notices),
        "kinds": encoding.words(each.kind for each in notices),
        "titles": [each.title for each in notices],
        "bodies": [each.body for each in notices],
        "contents": [each.data for each in notices],
        "times": encoding.times(each.created_at for each in notices),
    }


def _deliveries(deliveries: Sequence[Delivery]) -> dict[str, object]:
    """Return the columns of *deliveries*."""
    return {
        "delivery_ids": encoding.ids(each.id for each in deliveries),
        "delivery_events": encoding.ids(each.event_id for each in deliveries),
        "delivery_users": encoding.ids(each.user_id for each in deliveries),
        "workflows": encoding.words(each.workflow for each in deliveries),
        "payloads": [each.payload for each in deliveries],
    }


class InboxStore:
    """Reads what people were told, and marks it as read."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def page(
        self, user_id: UUID, *, unread: bool, before: int | None, limit: int
    ) -> list[Kept]:
        """Return at most *limit* notices numbered below *before*, newest first."""
        if unread:  # may have to pass over many
            rows = await self._pool.search(UNREAD, (user_id, before, limit))
        else:
            rows = await self._pool.rows(PAGE, (user_id, before, limit))
        return [Kept(*row) for row in rows]

    async def read(self, user_id: UUID, notice_id: UUID) -> Kept:
        """Mark a notice as read, the first time; return it.

        Raises:
            NotFound: If this person has no such notice.
        """
        async with self._pool.transaction() as connection:
            cursor = await connection.execute(READ, {"id": notice_id, "user": user_id})
            row = await cursor.fetchone()
        if row is None:
            raise NotFound
        return Kept(*row)

    async def read_all(self, user_id: UUID) -> int:
        """Mark everything as read; return how much was not."""
        async with self._pool.transaction() as connection:
            return (await connection.execute(READ_ALL, (user_id,))).rowcount


class NewsStore:
    """Reads what has been added to inboxes."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def place(self, user_id: UUID, last_id: UUID | None) -> int:
        """Return the number of *last_id*; that of the newest notice if there is no such."""
        rows = await self._pool.rows(PLACE, {"id": last_id, "user": user_id})
        return int(rows[0][0])

    async def beyond(self, places: Mapping[UUID, int], *, limit: int) -> list[Kept]:
        """Return up to *limit* notices of each user beyond the number given, in order."""
        if not places:
            return []
        parameters = {
            "users": encoding.ids(places),
            "numbers": encoding.numbers(places.values()),
            "limit": limit,
        }
        return [Kept(*row) for row in await self._pool.rows(BEYOND, parameters)]
