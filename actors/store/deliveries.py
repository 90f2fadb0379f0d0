"""The ledger of what is told by mail and push: ``actors.ports.courier.Deliveries`` on Postgres.

A row is taken by moving its next attempt beyond a lease and by counting the attempt; whoever
dies with it loses it to another, who is told that the attempt may have been accepted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from actors.domain.credentials import RESET_SECONDS, VERIFY_SECONDS
from actors.ports.courier import MAIL_WORKFLOWS, Delivery
from actors.store import encoding
from actors.store.identity.mails import MailRow

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from uuid import UUID

    from actors.ports.courier import Verdict
    from actors.store.pool import Pool

DAYS_TO_SEND: Final = 3
"""How long news without a token is worth sending."""

DAYS_KEPT: Final = 30
MAILS_AT_ONCE: Final = 1_000

ADD_MAILS: Final = f"""
INSERT INTO notification_deliveries (id, event_id, workflow, subscriber_id, payload, expires_at)
SELECT m.id, m.id, 'gopherpay-' || m.kind, m.user_id, '{{}}',
    m.created_at + CASE m.kind
        WHEN 'verify-email' THEN interval '{VERIFY_SECONDS} seconds'
        WHEN 'reset-password' THEN interval '{RESET_SECONDS} seconds'
        ELSE interval '{DAYS_TO_SEND} days' END
FROM mails m
WHERE m.sent_at IS NULL
    AND m.id >= (lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint
        - %(window_ms)s::bigint), 12, '0') || repeat('0', 20))::uuid
    AND NOT EXISTS (SELECT FROM notification_deliveries d WHERE d.id = m.id)
ORDER BY m.id LIMIT {MAILS_AT_ONCE}
ON CONFLICT DO NOTHING
"""  # noqa: S608  constants only
"""Ids of mails begin with their time (UUIDv7), so old ones that nobody will send cost nothing."""

EXPIRE: Final = """
WITH late AS MATERIALIZED (
    SELECT id FROM notification_deliveries
    WHERE status = 'pending' AND next_attempt_at <= now() AND expires_at <= now()
    ORDER BY next_attempt_at LIMIT %s FOR UPDATE SKIP LOCKED
)
UPDATE notification_deliveries d
SET status = 'expired', next_attempt_at = NULL, ended_at = now() FROM late WHERE d.id = late.id
"""


def _claim(which: str) -> str:
    """Return the statement that takes due rows of a kind."""
    return f"""
WITH due AS MATERIALIZED (
    SELECT id, is_doubtful FROM notification_deliveries
    WHERE status = 'pending' AND next_attempt_at <= now() AND expires_at > now() AND {which}
    ORDER BY next_attempt_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
)
UPDATE notification_deliveries d
SET attempts = attempts + 1, is_doubtful = true,
    next_attempt_at = clock_timestamp() + make_interval(secs => %(lease_seconds)s)
FROM due WHERE d.id = due.id
RETURNING d.id, d.event_id, d.workflow, d.subscriber_id, d.payload, d.attempts, due.is_doubtful
"""  # noqa: S608  constants only


CLAIM_MAILS: Final = _claim("event_id = id")
"""Before all others: the links in mails do not live long, and a backlog of news may take longer."""

CLAIM: Final = _claim("event_id <> id")

RECORD: Final = """
WITH verdict AS (
    SELECT * FROM unnest(%(ids)s::uuid[], %(attempts)s::integer[], %(statuses)s::text[],
        %(reasons)s::text[], %(waits)s::double precision[], %(doubts)s::boolean[])
        AS v (id, attempts, status, reason, wait_seconds, is_doubtful)
), judged AS (
    UPDATE notification_deliveries d
    SET status = v.status, last_error = v.reason, is_doubtful = v.is_doubtful,
        next_attempt_at = CASE WHEN v.status = 'pending' THEN
            least(clock_timestamp() + make_interval(secs => v.wait_seconds), d.expires_at) END,
        ended_at = CASE WHEN v.status <> 'pending' THEN now() END
    FROM verdict v WHERE d.id = v.id AND d.attempts = v.attempts AND d.status = 'pending'
    RETURNING d.event_id, d.workflow, d.status
)
UPDATE mails m SET sent_at = now() FROM judged j
WHERE j.status = 'sent' AND j.workflow = ANY(%(mail_workflows)s::text[])
    AND m.id = j.event_id AND m.sent_at IS NULL
"""
"""The count of attempts tells whether the row is still the caller's."""

SWEEP: Final = f"""
DELETE FROM notification_deliveries WHERE id IN (
    SELECT id FROM notification_deliveries WHERE ended_at < now() - interval '{DAYS_KEPT} days'
    LIMIT %s FOR UPDATE SKIP LOCKED)
"""  # noqa: S608  constants only

MAILS: Final = """
SELECT m.id, m.user_id, m.kind, m.payload_sealed, m.created_at, u.kek_id, u.data_key, u.language
FROM mails m JOIN users u ON u.id = m.user_id
WHERE m.id = ANY(%s::uuid[]) AND u.status <> 'closed'
"""

OLDEST: Final = """
SELECT coalesce(extract(epoch FROM now() - min(next_attempt_at)), 0)::double precision
FROM notification_deliveries WHERE status = 'pending' AND next_attempt_at <= now()
"""


class PostgresDeliveries:
    """The deliveries of one database."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def add_mails(self, *, window_seconds: float) -> int:
        """Make deliveries of unsent mails; see ``actors.ports.courier.Deliveries``."""
        async with self._pool.transaction() as connection:
            window_ms = round(window_seconds * 1_000)
            return (await connection.execute(ADD_MAILS, {"window_ms": window_ms})).rowcount

    async def expire(self, limit: int) -> int:
        """End what has come too late."""
        return await self._count(EXPIRE, limit)

    async def claim(self, limit: int, *, lease_seconds: float) -> list[Delivery]:
        """Take what is due, mails first; see ``actors.ports.courier.Deliveries``."""
        rows: list[tuple[Any, ...]] = []
        async with self._pool.transaction() as connection:
            for statement in (CLAIM_MAILS, CLAIM):
                asked = {"limit": limit - len(rows), "lease_seconds": lease_seconds}
                rows += await (await connection.execute(statement.encode(), asked)).fetchall()
        return [Delivery(*row) for row in rows]

    async def record(self, verdicts: Sequence[Verdict]) -> None:
        """Write down what became of attempts."""
        if not verdicts:
            return
        async with self._pool.transaction() as connection:
            await connection.execute(RECORD, _columns(verdicts))

    async def sweep(self, limit: int) -> int:
        """Delete what ended long ago."""
        return await self._count(SWEEP, limit)

    async def oldest_due_seconds(self) -> float:
        """Return for how long the oldest delivery that is due has waited beyond its time."""
        rows = await self._pool.rows(OLDEST)
        return float(rows[0][0])

    async def mails(self, mail_ids: Collection[UUID]) -> list[MailRow]:
        """Return the sealed mails that are still there."""
        rows = await self._pool.rows(MAILS, (encoding.ids(mail_ids),)) if mail_ids else []
        return [MailRow(*row) for row in rows]

    async def _count(self, statement: str, limit: int) -> int:
        async with self._pool.transaction() as connection:
            return (await connection.execute(statement.encode(), (limit,))).rowcount


def _columns(verdicts: Sequence[Verdict]) -> dict[str, object]:
    """Return the parameters of RECORD."""
    return {
        "ids": encoding.ids(verdict.delivery.id for verdict in verdicts),
        "attempts": encoding.numbers(verdict.delivery.attempts for verdict in verdicts),
        "statuses": encoding.words(verdict.status for verdict in verdicts),
        "reasons": [verdict.reason for verdict in verdicts],
        "waits": [float(verdict.wait_seconds) for verdict in verdicts],
        "doubts": [verdict.is_doubtful for verdict in verdicts],
        "mail_workflows": encoding.words(MAIL_WORKFLOWS.values()),
    }
