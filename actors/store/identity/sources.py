"""From where each user has signed in, as keyed hashes: a few, and not for long."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from uuid import UUID

    from psycopg import AsyncConnection

DAYS_KEPT: Final = 180
KEPT_OF_USER: Final = 20

SEE: Final = """seen AS (
    INSERT INTO known_sources AS k (user_id, source_hash)
    SELECT o.id, %(source_hash)s FROM owner o
    ON CONFLICT (user_id, source_hash) DO UPDATE SET seen_at = now()
    RETURNING k.xmax = 0 AS is_new
)"""
"""Part of a statement whose part ``owner`` is the user (id, created_at).

A row that was there has been locked by this transaction, and bears it in xmax; of log-ins at
the same time one makes the row.
"""

IS_NEW: Final = "(SELECT is_new FROM seen)"

IS_NEWS: Final = f"""(
    o.created_at < now() - interval '{DAYS_KEPT} days'
    OR EXISTS (SELECT FROM known_sources k WHERE k.user_id = o.id)
)"""
"""Whether the user would wonder: not at the first log-in of all.

Who has known no source for longer than sources are kept has been away, which is when a stranger
goes unnoticed.  The statement sees the rows that were there before it.
"""

IS_OVER: Final = f"seen_at < now() - interval '{DAYS_KEPT} days'"

_FORGET_OLDEST: Final = f"""
DELETE FROM known_sources WHERE (user_id, source_hash) IN (
    SELECT user_id, source_hash FROM known_sources
    WHERE user_id = %(user_id)s AND source_hash IN (
        SELECT source_hash FROM known_sources
        WHERE user_id = %(user_id)s AND source_hash <> %(kept)s
        ORDER BY seen_at DESC OFFSET {KEPT_OF_USER - 1}
    ) FOR UPDATE SKIP LOCKED
)
"""  # noqa: S608  constants only
"""Log-ins of one user at the same time never wait for each other here."""


async def forget_oldest(connection: AsyncConnection, user_id: UUID, kept: bytes) -> None:
    """Delete a user's sources beyond the newest, of which *kept* is one."""
    await connection.execute(_FORGET_OLDEST.encode(), {"user_id": user_id, "kept": kept})


async def forget_all(connection: AsyncConnection, user_id: UUID) -> None:
    """Delete every source of a user."""
    await connection.execute("DELETE FROM known_sources WHERE user_id = %s", (user_id,))
