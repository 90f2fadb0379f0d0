"""Ids that have died before their time, for every process to hear of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from uuid import UUID

    from actors.store.pool import Pool

RETENTION_SECONDS: Final = 15 * 60
"""Far longer than an access token lives (five minutes)."""

OVERLAP_SECONDS: Final = 60
"""A row is seen when its transaction commits, which is later than the time it carries."""


class RevocationStore:
    """Reads revocations; they are written where sessions and keys end."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def within(self, seconds: float) -> list[UUID]:
        """Return what died in the last *seconds*, oldest first."""
        async with self._pool.transaction() as connection:
            cursor = await connection.execute(
                "SELECT subject FROM revocations"
                " WHERE revoked_at > now() - make_interval(secs => %s) ORDER BY revoked_at",
                (seconds,),
            )
            return [row[0] for row in await cursor.fetchall()]
