"""Connections: a bounded pool, and what its failures mean to a caller."""

from __future__ import annotations

import select
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import psycopg
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from actors.domain.errors import GopherPayError, OutcomeUnknown, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

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
    """A bounded pool of connections in autocommit mode, every statement prepared."""

    def __init__(self, dsn: str, *, size_max: int, name: str, wait_seconds: float = 2.0) -> None:
        self._pool: AsyncConnectionPool[AsyncConnection] = AsyncConnectionPool(
            dsn,
            min_size=1,
            max_size=size_max,
            timeout=wait_seconds,
            open=False,
            name=name,
            kwargs={"autocommit": True, "prepare_threshold": 0, "application_name": name},
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

    async def close(self) -> None:
        """Close every connection."""
        await self._pool.close()

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


def lost(error: psycopg.Error) -> bool:
    """Tell whether *error* means that the connection is gone, rather than an answer.

    SQLSTATE class 08 is the connection, 57P the operator, 58 the system, XX the server itself:
    each may come after the commit it seems to deny (PostgreSQL manual, appendix A).
    """
    state = error.sqlstate
    return state is None or state.startswith(("08", "57P", "58", "XX"))


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
