"""The one connection of a reader of the outbox: what it holds lives as long as the connection."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import psycopg
from psycopg.types.string import ByteaBinaryLoader

from actors.domain.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg import AsyncConnection

    from actors.store.pool import Pool

SILENT_SECONDS: Final = 8.0
"""The server ends a statement after 5 s; a connection that is silent for longer is dead."""

IDLE_SECONDS: Final = 120
"""After which the server ends a frozen process's session, and with it its hold on lanes."""

SETTINGS: Final = {
    # A cursor that is lost in a crash is read again; nobody waits for the disk because of it.
    "synchronous_commit": "off",
    # One plan for every cursor, and always by the index: a backlog is long, a batch short.
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "jit": "off",
    "idle_session_timeout": f"{IDLE_SECONDS}s",
}


class OutboxSession:
    """A session of its own; whatever goes wrong in it ends it."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._connection: AsyncConnection | None = None
        self._turn = asyncio.Lock()

    async def open(self) -> bool:
        """Make sure that there is a session; tell whether it is a new one, which holds nothing.

        Raises:
            StoreUnavailable: If the database does not answer.
        """
        async with self._turn:
            if self._connection is not None and not self._connection.closed:
                return False
            await self._end()
            try:
                async with asyncio.timeout(SILENT_SECONDS):
                    self._connection = await self._pool.own(lambda: None)
                    await self._prepare(self._connection)
            except (psycopg.Error, TimeoutError) as error:
                await self._end()
                raise StoreUnavailable from error
            return True

    async def rows(
        self, statement: bytes, parameters: Sequence[object] = ()
    ) -> list[tuple[Any, ...]]:
        """Return the rows of *statement*, JSON as bytes; none for one that has no rows.

        Raises:
            StoreUnavailable: If there is no session, or there is none any more.
        """
        async with self._turn:
            if self._connection is None:
                raise StoreUnavailable
            try:
                async with asyncio.timeout(SILENT_SECONDS):
                    cursor = self._connection.cursor(binary=True)
                    await cursor.execute(statement, parameters)
                    return [] if cursor.description is None else await cursor.fetchall()
            except (psycopg.Error, TimeoutError) as error:
                await self._end()
                raise StoreUnavailable from error

    async def close(self) -> None:
        """End the session; everything that it holds is free then."""
        async with self._turn:
            await self._end()

    @staticmethod
    async def _prepare(connection: AsyncConnection) -> None:
        # What is only passed on needs no parsing.
        connection.adapters.register_loader("json", ByteaBinaryLoader)
        for name, value in SETTINGS.items():
            await connection.execute("SELECT set_config(%s, %s, false)", (name, value))

    async def _end(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await self._pool.disown(connection)
