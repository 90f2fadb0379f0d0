"""Rows that have had their time: deleted a few at a time, by any process, at any moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from actors.store.identity import sources
from actors.store.identity.revocations import RETENTION_SECONDS

if TYPE_CHECKING:
    from actors.store.pool import Pool

_BATCH: Final = 1_000

_OVER: Final = (
    ("throttles", "key", "window_ends_at < now() - interval '1 hour'"),
    ("mail_tokens", "hash", "expires_at < now()"),
    ("revocations", "subject", f"revoked_at < now() - interval '{2 * RETENTION_SECONDS} seconds'"),
    ("sessions", "id", "expires_at < now() - interval '30 days'"),
    ("known_sources", "user_id, source_hash", sources.IS_OVER),
    # A registration nobody has proven leaves nothing behind: its password and mails go with it.
    ("users", "id", "status = 'unverified' AND created_at < now() - interval '7 days'"),
)


class Housekeeping:
    """Deletes what is over."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def sweep(self) -> int:
        """Delete at most a thousand rows of each kind; return how many went."""
        gone = 0
        for table, key, is_over in _OVER:
            async with self._pool.transaction() as connection:
                cursor = await connection.execute(
                    f"DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table}"  # noqa: S608  constants only
                    f" WHERE {is_over} LIMIT {_BATCH} FOR UPDATE SKIP LOCKED)"
                )
                gone += cursor.rowcount
        return gone
