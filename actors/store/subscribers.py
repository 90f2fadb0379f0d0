"""What Novu was told of people: ``actors.ports.courier.Subscribers`` on Postgres."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from uuid import UUID

from actors.domain.credentials import WrappedKey
from actors.ports.courier import Stale
from actors.store import encoding

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from psycopg import AsyncConnection

    from actors.store.pool import Pool

SECOND_LOOK_SECONDS: Final = 60
"""A user may change while being told of for the first time, when there is no row to mark yet."""

KNOWN: Final = """
SELECT user_id, profile_hash FROM novu_subscribers WHERE user_id = ANY(%s::uuid[])
"""

REMEMBER: Final = f"""
INSERT INTO novu_subscribers (user_id, profile_hash, due_at)
VALUES (%s, %s, now() + interval '{SECOND_LOOK_SECONDS} seconds')
ON CONFLICT (user_id) DO UPDATE SET profile_hash = excluded.profile_hash, synced_at = now()
"""  # noqa: S608  constants only

DOUBT: Final = "UPDATE novu_subscribers SET profile_hash = '' WHERE user_id = ANY(%s::uuid[])"

MARK_CHANGED: Final = """
UPDATE novu_subscribers SET due_at = now() WHERE user_id IN (
    SELECT user_id FROM novu_subscribers WHERE user_id = ANY(%s::uuid[])
    ORDER BY user_id FOR UPDATE)
"""

CLAIM_STALE: Final = """
WITH due AS MATERIALIZED (
    SELECT user_id FROM novu_subscribers WHERE due_at <= now()
    ORDER BY due_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
)
UPDATE novu_subscribers s
SET due_at = clock_timestamp() + make_interval(secs => %(lease_seconds)s)
FROM due WHERE s.user_id = due.user_id
RETURNING s.user_id, s.due_at::text
"""

SETTLE: Final = """
UPDATE novu_subscribers SET due_at = NULL WHERE user_id = %s AND due_at = %s::timestamptz
"""

REMOVE: Final = "DELETE FROM novu_subscribers WHERE user_id = %s AND due_at = %s::timestamptz"

MARK_GONE: Final = """
WITH looked AS MATERIALIZED (
    SELECT user_id FROM novu_subscribers WHERE user_id > %(after)s
    ORDER BY user_id LIMIT %(limit)s
), marked AS (
    UPDATE novu_subscribers s SET due_at = now() FROM looked l
    WHERE s.user_id = l.user_id AND (s.due_at IS NULL OR s.due_at > now())
        AND NOT EXISTS (SELECT FROM users u WHERE u.id = l.user_id AND u.status <> 'closed')
)
SELECT user_id FROM looked ORDER BY user_id DESC LIMIT 1
"""

PERSONS: Final = """
SELECT id, kek_id, data_key, email_sealed, full_name_sealed, language
FROM users WHERE id = ANY(%s::uuid[]) AND status <> 'closed'
"""


@dataclass(frozen=True, slots=True)
class PersonRow:
    """What a subscriber is made of, sealed."""

    user_id: UUID
    kek_id: str
    data_key: bytes = field(repr=False)
    email_sealed: bytes = field(repr=False)
    full_name_sealed: bytes = field(repr=False)
    language: str

    @property
    def wrapped_key(self) -> WrappedKey:
        """Return the wrapped data key."""
        return WrappedKey(self.kek_id, self.data_key)


async def mark_changed(connection: AsyncConnection, user_ids: Collection[UUID]) -> None:
    """Have subscribers looked at again, inside the open transaction of *connection*.

    Users that Novu was never told of need no look: they are compared before the first message.
    """
    if user_ids:
        await connection.execute(MARK_CHANGED, (encoding.ids(user_ids),))


class PostgresSubscribers:
    """The subscribers that one database knows of."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def known(self, user_ids: Collection[UUID]) -> Mapping[UUID, bytes]:
        """Return the digest of the profile under which each is known."""
        return dict(await self._pool.rows(KNOWN, (encoding.ids(user_ids),))) if user_ids else {}

    async def doubt(self, user_ids: Collection[UUID]) -> None:
        """Write down that it is not certain under which profile Novu knows them."""
        async with self._pool.transaction() as connection:
            await connection.execute(DOUBT, (encoding.ids(user_ids),))

    async def remember(self, user_id: UUID, digest: bytes) -> None:
        """Write down that Novu knows the user by that profile."""
        async with self._pool.transaction() as connection:
            await connection.execute(REMEMBER, (user_id, digest))

    async def claim_stale(self, limit: int, *, lease_seconds: float) -> list[Stale]:
        """Take subscribers whose users have changed; see ``actors.ports.courier.Subscribers``."""
        parameters = {"limit": limit, "lease_seconds": lease_seconds}
        async with self._pool.transaction() as connection:
            rows = await (await connection.execute(CLAIM_STALE, parameters)).fetchall()
        return [Stale(*row) for row in rows]

    async def settle(self, stale: Stale, *, is_gone: bool) -> None:
        """End the look at a subscriber, unless its user changed again meanwhile."""
        async with self._pool.transaction() as connection:
            statement = REMOVE if is_gone else SETTLE
            await connection.execute(statement, (stale.user_id, stale.claim))

    async def mark_gone(self, after: UUID, limit: int) -> UUID | None:
        """Mark subscribers whose users are gone; see ``actors.ports.courier.Subscribers``."""
        async with self._pool.transaction() as connection:
            cursor = await connection.execute(MARK_GONE, {"after": after, "limit": limit})
            row = await cursor.fetchone()
        return None if row is None else row[0]

    async def persons(self, user_ids: Collection[UUID]) -> list[PersonRow]:
        """Return the users that are there and not closed, sealed."""
        rows = await self._pool.rows(PERSONS, (encoding.ids(user_ids),)) if user_ids else []
        return [PersonRow(*row) for row in rows]
