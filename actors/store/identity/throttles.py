"""Counters against guessing, in the database so that no restart forgives."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from actors.store.pool import Pool


class ThrottleStore:
    """Counts attempts by key."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def hit(self, key: str, *, limit: int, window_seconds: int) -> int:
        """Count an attempt; return 0 if it is within *limit* of the window, else the wait."""
        async with self._pool.transaction() as connection:
            cursor = await connection.execute(
                "INSERT INTO throttles AS t (key, hits, window_ends_at)"
                " VALUES (%s, 1, now() + make_interval(secs => %s))"
                " ON CONFLICT (key) DO UPDATE SET"
                " hits = CASE WHEN t.window_ends_at <= now() THEN 1"
                " ELSE least(t.hits + 1, %s) END,"
                " window_ends_at = CASE WHEN t.window_ends_at <= now()"
                " THEN excluded.window_ends_at ELSE t.window_ends_at END"
                " RETURNING hits, ceil(extract(epoch FROM window_ends_at - now()))::int",
                (key, window_seconds, limit + 1),
            )
            row = await cursor.fetchone()
        assert row is not None  # noqa: S101  an upsert without a condition returns its row
        hits, wait_seconds = row
        return max(1, wait_seconds) if hits > limit else 0

    async def unhit(self, key: str) -> None:
        """Take back an attempt that turned out to be honest."""
        async with self._pool.transaction() as connection:
            await connection.execute(
                "UPDATE throttles SET hits = greatest(hits - 1, 0) WHERE key = %s", (key,)
            )

    async def try_guess(self, key: str, *, free_guesses: int, wait_seconds_max: int) -> int:
        """Count a guess before it is made; return 0 if it may be made, else the wait.

        After *free_guesses* in a row each guess makes the next one wait twice as long as the
        last, from 15 s up to *wait_seconds_max*.  Counting first means that guesses made at
        the same moment cannot all slip through.
        """
        async with self._pool.transaction() as connection:
            cursor = await connection.execute(
                "INSERT INTO throttles AS t (key, hits, window_ends_at)"
                " VALUES (%(key)s, 1, now() + interval '1 day')"
                " ON CONFLICT (key) DO UPDATE SET"
                " hits = CASE WHEN t.window_ends_at <= now() THEN 1 ELSE t.hits + 1 END,"
                " window_ends_at = excluded.window_ends_at,"
                " blocked_until = CASE"
                " WHEN t.window_ends_at <= now() OR t.hits + 1 < %(free)s THEN NULL"
                " ELSE now() + make_interval(secs =>"
                " least(%(most)s, 15 * power(2, least(t.hits + 1 - %(free)s, 20)))) END"
                " WHERE t.blocked_until IS NULL OR t.blocked_until <= now()"
                " RETURNING hits",
                {"key": key, "free": free_guesses, "most": wait_seconds_max},
            )
            if await cursor.fetchone() is not None:
                return 0
            waits = await connection.execute(
                "SELECT ceil(extract(epoch FROM blocked_until - now()))::int"
                " FROM throttles WHERE key = %s",
                (key,),
            )
            row = await waits.fetchone()
        return max(1, row[0] or 1) if row else 1

    async def forget(self, key: str) -> None:
        """Start again at nothing: the guess was right."""
        async with self._pool.transaction() as connection:
            await connection.execute("DELETE FROM throttles WHERE key = %s", (key,))
