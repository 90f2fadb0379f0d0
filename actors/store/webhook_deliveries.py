"""The queue of webhook deliveries: filled by events, emptied by senders that lease from it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from actors.domain.webhooks import DISABLE_SECONDS
from actors.ports.webhooks import Due, Listener, SealedSecret
from actors.store import encoding

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from psycopg import AsyncConnection

    from actors.ports.webhooks import NewDelivery, Result
    from actors.store.pool import Pool

CONSUMER: Final = "webhooks"
"""The group of consumers under whose name events are done."""

LEASE_SECONDS: Final = 60
"""An attempt takes at most ten, and its result waits for the database at most a few more."""

EACH_MAX: Final = 4
"""Attempts at once to one webhook, by one sender; to one that fails, a single one."""

KEPT_DAYS: Final = 30
SWEPT_MAX: Final = 1_000

LISTENERS: Final = """
SELECT s.subject_id, w.id, w.event_types, w.created_at
FROM (
    SELECT a.id AS subject_id, a.owner_id FROM accounts a WHERE a.id = ANY(%(accounts)s::uuid[])
    UNION ALL
    SELECT u, u FROM unnest(%(users)s::uuid[]) AS u
) AS s
JOIN webhooks w ON w.owner_id = s.owner_id
WHERE w.status = 'active' AND w.deleted_at IS NULL
AND (SELECT EXISTS (SELECT FROM webhooks WHERE status = 'active' AND deleted_at IS NULL))
"""
"""The last line is decided first: with no webhook at all, no account is looked up."""

CONSUME: Final = """
INSERT INTO consumed_events (consumer, event_id)
SELECT %s, e FROM unnest(%s::uuid[]) AS e ORDER BY e
ON CONFLICT DO NOTHING RETURNING event_id
"""

ADD: Final = """
INSERT INTO webhook_deliveries (id, webhook_id, event_id, event_type, body)
SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::text[], %s::text[])
ON CONFLICT ON CONSTRAINT uq_webhook_deliveries_once DO NOTHING
"""

CLAIM: Final = """
WITH RECURSIVE waiting AS (  -- each webhook that has something, by one step down the index
    (SELECT webhook_id FROM webhook_deliveries WHERE status = 'pending'
     ORDER BY webhook_id LIMIT 1)
    UNION ALL
    SELECT (SELECT d.webhook_id FROM webhook_deliveries d
            WHERE d.status = 'pending' AND d.webhook_id > before.webhook_id
            ORDER BY d.webhook_id LIMIT 1)
    FROM waiting before WHERE before.webhook_id IS NOT NULL
), turns AS MATERIALIZED (
    SELECT w.id, greatest(
        0, CASE WHEN w.failing_since IS NULL THEN %(each)s ELSE 1 END - coalesce(s.sending, 0)
    ) AS room
    FROM waiting
    JOIN webhooks w ON w.id = waiting.webhook_id
    LEFT JOIN unnest(%(busy)s::uuid[], %(sending)s::integer[]) AS s (id, sending) ON s.id = w.id
    WHERE w.status = 'active' AND w.deleted_at IS NULL
    ORDER BY w.id <= %(after)s, w.id
), chosen AS MATERIALIZED (
    SELECT due.id FROM turns CROSS JOIN LATERAL (
        SELECT d.id FROM webhook_deliveries d
        WHERE d.webhook_id = turns.id AND d.status = 'pending' AND d.next_attempt_at <= now()
        ORDER BY d.next_attempt_at LIMIT turns.room FOR UPDATE SKIP LOCKED
    ) AS due LIMIT %(room)s
)
UPDATE webhook_deliveries d
SET attempts = d.attempts + 1, next_attempt_at = now() + make_interval(secs => %(lease)s)
FROM chosen, webhooks w, users u
WHERE d.id = chosen.id AND w.id = d.webhook_id AND u.id = w.owner_id
RETURNING d.id, d.webhook_id, w.url, d.body, d.attempts, d.next_attempt_at,
    w.owner_id, w.secret_sealed, u.kek_id, u.data_key
"""

RECORD: Final = """
WITH told AS (
    SELECT * FROM unnest(
        %s::uuid[], %s::timestamptz[], %s::text[], %s::smallint[], %s::text[], %s::float8[],
        %s::boolean[]
    ) AS t (id, leased_until, status, response_status, error, wait_seconds, is_gone)
)
UPDATE webhook_deliveries d SET
    status = CASE WHEN later.is_over THEN 'failed' ELSE t.status END,
    response_status = t.response_status,
    last_error = t.error,
    next_attempt_at = CASE WHEN NOT later.is_over AND t.status = 'pending' THEN later.at END,
    ended_at = CASE WHEN later.is_over OR t.status <> 'pending' THEN now() END
FROM told t
JOIN webhook_deliveries old ON old.id = t.id
CROSS JOIN LATERAL (
    SELECT now() + make_interval(secs => t.wait_seconds) AS at,
        t.status = 'pending'
        AND now() + make_interval(secs => t.wait_seconds) > old.give_up_at AS is_over
) AS later
WHERE d.id = t.id AND d.status = 'pending' AND d.next_attempt_at = t.leased_until
RETURNING d.webhook_id, d.status = 'delivered', t.is_gone
"""
"""Only under the lease: a result that comes too late says nothing about a newer attempt."""

JUDGE: Final = """
WITH told AS (
    SELECT id, bool_or(is_good) AS is_good, bool_or(is_gone) AS is_gone
    FROM unnest(%(ids)s::uuid[], %(good)s::boolean[], %(gone)s::boolean[])
        AS t (id, is_good, is_gone)
    GROUP BY id
), judged AS MATERIALIZED (
    SELECT w.id, CASE WHEN NOT t.is_good THEN coalesce(w.failing_since, now()) END AS failing_since,
        t.is_gone OR (
            NOT t.is_good AND w.failing_since <= now() - make_interval(secs => %(disable)s)
        ) IS TRUE AS is_over
    FROM told t JOIN webhooks w ON w.id = t.id
    WHERE w.status = 'active' AND (t.is_gone OR t.is_good = (w.failing_since IS NOT NULL)
        OR w.failing_since <= now() - make_interval(secs => %(disable)s))
    ORDER BY w.id FOR UPDATE OF w
)
UPDATE webhooks w SET
    failing_since = j.failing_since,
    status = CASE WHEN j.is_over THEN 'disabled' ELSE w.status END
FROM judged j WHERE w.id = j.id
RETURNING w.id, w.status = 'disabled'
"""
"""Touches a webhook only when its health changes."""

END_OVERDUE: Final = """
UPDATE webhook_deliveries SET status = 'failed', next_attempt_at = NULL, ended_at = now(),
    last_error = coalesce(last_error, 'given-up')
WHERE id IN (
    SELECT d.id FROM webhook_deliveries d JOIN webhooks w ON w.id = d.webhook_id
    WHERE d.status = 'pending'
    AND (d.give_up_at <= now() OR w.status = 'disabled' OR w.deleted_at IS NOT NULL)
    LIMIT %s FOR UPDATE OF d SKIP LOCKED
)
"""

FORGET: Final = """
DELETE FROM webhook_deliveries WHERE id IN (
    SELECT id FROM webhook_deliveries WHERE id < %s AND status <> 'pending'
    ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
)
"""


class WebhookDeliveries:
    """Reads and writes the queue."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def listeners(
        self, accounts: Collection[UUID], users: Collection[UUID]
    ) -> list[Listener]:
        """Return the active webhooks of *users* and of the owners of *accounts*.

        Raises:
            StoreUnavailable: If the database does not answer.
        """
        asked = {"accounts": encoding.ids(accounts), "users": encoding.ids(users)}
        rows = await self._pool.search(LISTENERS, asked)
        return [Listener(row[0], row[1], tuple(row[2]), row[3]) for row in rows]

    async def add(self, deliveries: Sequence[NewDelivery]) -> int:
        """Add *deliveries*, but none of an event that was consumed before; return how many.

        Raises:
            StoreUnavailable: If nothing was written.
            OutcomeUnknown: If that is not known; it may be repeated.
        """
        events = {each.event_id for each in deliveries}
        async with self._pool.transaction() as connection:
            cursor = await connection.execute(CONSUME, (CONSUMER, encoding.ids(events)))
            fresh = {row[0] for row in await cursor.fetchall()}
            new = [each for each in deliveries if each.event_id in fresh]
            if not new:
                return 0
            columns = [list(column) for column in zip(*new, strict=True)]
            return (await connection.execute(ADD, columns)).rowcount

    async def claim(self, room: int, sending: Mapping[UUID, int], after: UUID) -> list[Due]:
        """Lease up to *room* due deliveries, a few of each webhook.

        Raises:
            StoreUnavailable, OutcomeUnknown: If it is not certain; leases end by themselves.
        """
        asked = {
            "each": EACH_MAX,
            "busy": encoding.ids(sending),
            "sending": encoding.numbers(sending.values()),
            "after": after,
            "room": room,
            "lease": LEASE_SECONDS,
        }
        async with self._pool.transaction() as connection:
            rows = await (await connection.execute(CLAIM, asked)).fetchall()
        return [_due(row) for row in rows]

    async def record(self, results: Sequence[Result]) -> list[UUID]:
        """Write down *results* whose lease still stands; return the webhooks that this disabled.

        Raises:
            StoreUnavailable, OutcomeUnknown: If it is not certain; it may be repeated.
        """
        async with self._pool.transaction() as connection:
            cursor = await connection.execute(RECORD, _columns(results))
            return await _judge(connection, await cursor.fetchall())

    async def sweep(self) -> int:
        """End some deliveries that are over and forget some old ones; return how many.

        Raises:
            StoreUnavailable, OutcomeUnknown: If it is not certain; it may be repeated.
        """
        async with self._pool.transaction() as connection:
            ended = await connection.execute(END_OVERDUE, (SWEPT_MAX,))
        oldest = datetime.now(UTC) - timedelta(days=KEPT_DAYS)
        async with self._pool.transaction() as connection:
            gone = await connection.execute(FORGET, (_first_id_of(oldest), SWEPT_MAX))
        return ended.rowcount + gone.rowcount


async def _judge(connection: AsyncConnection, told: Sequence[tuple[Any, ...]]) -> list[UUID]:
    """Note what the attempts say of the health of webhooks; return those now disabled."""
    if not told:
        return []
    ids, good, gone = (list(column) for column in zip(*told, strict=True))
    asked = {"ids": ids, "good": good, "gone": gone, "disable": DISABLE_SECONDS}
    rows = await (await connection.execute(JUDGE, asked)).fetchall()
    return [row[0] for row in rows if row[1]]


def _due(row: Sequence[Any]) -> Due:
    secret = SealedSecret(row[1], row[6], row[7], row[8], row[9])
    return Due(row[0], row[1], row[2], row[3], row[4], row[5], secret)


def _columns(results: Sequence[Result]) -> tuple[object, ...]:
    """Return the parameters of RECORD."""
    return (
        encoding.ids(each.id for each in results),
        [each.leased_until for each in results],
        encoding.words(each.status for each in results),
        [each.told.response_status for each in results],
        [each.told.error for each in results],
        [each.retry_seconds for each in results],
        [each.is_gone for each in results],
    )


def _first_id_of(at: datetime) -> UUID:
    """Return the lowest UUIDv7 of that millisecond (RFC 9562 §5.7): ids are in order of time."""
    return UUID(int=int(at.timestamp() * 1_000) << 80)
