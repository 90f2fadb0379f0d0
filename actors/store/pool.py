"""Connections: a bounded pool, and what its failures mean to a caller."""

from __future__ import annotations

import asyncio
import select
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import psycopg
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from actors.domain.errors import GopherPayError, OutcomeUnknown, StoreUnavailable
from actors.store.failures import lost
from actors.store.reading import Reader

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

STATEMENT_TIMEOUT_MS: Final = 5_000
LOCK_TIMEOUT_MS: Final = 3_000
IDLE_IN_TRANSACTION_TIMEOUT_MS: Final = 10_000
"""The whole of a request has 5 s: what waits longer in the database helps nobody."""

TRANSACTION_TIMEOUT_MS: Final = 6_000
"""A frozen process must not hold the locks of its last batch, and with them its accounts.

The timeout for idle ones does not end it: psycopg's pipeline flushes after its sync, and any
message disarms that timer. This one needs Postgres 17.
"""


class Pool:
    """A bounded pool of connections in autocommit mode, every statement prepared.

    Reads and owners have some of their own beside those that are lent.
    """

    def __init__(self, dsn: str, *, size_max: int, name: str, wait_seconds: float = 2.0) -> None:
        self._dsn = dsn
        self._settings: dict[str, Any] = {
            "autocommit": True,
            "prepare_threshold": 0,
            "application_name": name,
        }
        self._owned: list[tuple[AsyncConnection, Callable[[], None]]] = []
        self._owning = asyncio.Lock()
        self._wait_seconds = wait_seconds
        self._reader: Reader | None = None
        self._closed = False
        self._pool: AsyncConnectionPool[AsyncConnection] = AsyncConnectionPool(
            dsn,
            min_size=1,
            max_size=size_max,
            timeout=wait_seconds,
            open=False,
            name=name,
            kwargs=self._settings,
            configure=_configure,
        )

    async def open(self) -> None:
        """Open the first connection.

        Raises:
            StoreUnavailable: If the database does not answer.
        """
        try:
            await self._pool.open(wait=True, timeout=10)
        except PoolTimeout as error:
            raise StoreUnavailable from error
        self._reader = Reader(self, wait_seconds=self._wait_seconds)

    async def close(self) -> None:
        """Close every connection."""
        if self._reader is not None:
            await self._reader.close()
        async with self._owning:  # one may be on its way
            self._closed = True
            for connection, when_closing in self._owned:
                when_closing()
                await connection.close()
            self._owned.clear()
        await self._pool.close()

    async def own(self, when_closing: Callable[[], None]) -> AsyncConnection:
        """Return a connection beside those that are lent, for one user alone.

        Args:
            when_closing: Called right before the pool closes it.

        Raises:
            psycopg.OperationalError: If the database does not answer.
            StoreUnavailable: If the pool is closed.
        """
        async with self._owning:
            if self._closed:
                raise StoreUnavailable
            connection = await AsyncConnection.connect(self._dsn, **self._settings)
            self._owned.append((connection, when_closing))
            try:
                await _configure(connection)
            except BaseException:
                await self.disown(connection)
                raise
            return connection

    async def disown(self, connection: AsyncConnection) -> None:
        """Close a connection that ``own`` returned."""
        self._owned = [each for each in self._owned if each[0] is not connection]
        await connection.close()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncConnection]:
        """Lend a connection; a broken one is replaced.

        Raises:
            StoreUnavailable: If none is free in time.
        """
        try:
            connection = await self._living()
        except psycopg.OperationalError as error:
            raise StoreUnavailable from error
        try:
            yield connection
        finally:
            await self._pool.putconn(connection)

    async def _living(self) -> AsyncConnection:
        """Return a connection, after sorting out those that the server has ended meanwhile.

        The pool's own check waits a second after each, far too long after a restart.
        """
        while _is_over(connection := await self._pool.getconn()):
            await connection.close()
            await self._pool.putconn(connection)
        return connection

    async def rows(
        self, statement: str, parameters: Sequence[object] | Mapping[str, object] = ()
    ) -> list[tuple[Any, ...]]:
        """Return the rows of one reading statement, which is one snapshot.

        Reads of many callers share a connection: what may take long belongs to ``search``.

        Raises:
            StoreUnavailable: If the database did not answer.
        """
        if self._reader is None:
            raise StoreUnavailable
        try:
            return await self._reader.rows(statement, parameters)
        except psycopg.Error as error:
            raise StoreUnavailable from error

    async def search(
        self, statement: str, parameters: Sequence[object] | Mapping[str, object] = ()
    ) -> list[tuple[Any, ...]]:
        """Return the rows of a statement that may take long, so that no other read waits for it.

        Raises:
            StoreUnavailable: If the database did not answer.
        """
        try:
            async with self.connection() as connection:
                return await (await connection.execute(statement.encode(), parameters)).fetchall()
        except psycopg.Error as error:
            raise StoreUnavailable from error

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """Lend a connection inside a transaction that commits at the end.

        Raises:
            StoreUnavailable: If the database failed before the commit.
            OutcomeUnknown: If the connection was lost, perhaps while committing.
        """
        try:
            async with self.connection() as connection, connection.transaction():
                yield connection
        except psycopg.OperationalError as error:
            raise unavailable(error) from error


def unavailable(error: psycopg.Error) -> GopherPayError:
    """Return what a database error means to the caller.

    A lost connection may have taken the answer to a COMMIT with it.
    """
    return OutcomeUnknown() if lost(error) else StoreUnavailable()


async def _configure(connection: AsyncConnection) -> None:
    """Bound every wait inside the database, and read every time in UTC."""
    await connection.execute(
        "SELECT set_config('TimeZone', 'UTC', false), set_config('statement_timeout', %s, false),"
        " set_config('lock_timeout', %s, false),"
        " set_config('idle_in_transaction_session_timeout', %s, false)",
        (
            str(STATEMENT_TIMEOUT_MS),
            str(LOCK_TIMEOUT_MS),
            str(IDLE_IN_TRANSACTION_TIMEOUT_MS),
        ),
    )
    await connection.execute(
        "SELECT set_config(name, %s, false) FROM pg_settings WHERE name = 'transaction_timeout'",
        (str(TRANSACTION_TIMEOUT_MS),),
    )


def _is_over(connection: AsyncConnection) -> bool:
    """Tell whether the server has ended an idle connection, at the price of one system call.

    An idle one has nothing to read; what there is, is its end or a change of the server's mind.
    """
    if connection.closed:
        return True
    socket = select.poll()
    socket.register(connection.fileno(), select.POLLIN)
    return bool(socket.poll(0))
