"""The wire: calls of one prepared statement over one connection, each sent behind the other.

A call is a transaction of its own and one round trip; the next may be sent before it has come
back, and the server runs them in order. psycopg's cursors cost more than the server does here,
so this speaks to libpq's pipeline mode directly (PostgreSQL manual, 32.5).
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final

import psycopg
from psycopg import errors, pq

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg import AsyncConnection

NAME: Final = b"wired"
_FAILED: Final = (pq.ExecStatus.FATAL_ERROR, pq.ExecStatus.NONFATAL_ERROR)


class WireBroken(psycopg.OperationalError):
    """The connection is gone; whether its last calls were executed is not known."""


async def wire_to(connection: AsyncConnection, statement: bytes) -> Wire:
    """Return a wire that calls *statement*.

    Args:
        connection: In autocommit mode, and used by nobody else from now on.
        statement: Returns one value; its parameters are $1, $2, …

    Raises:
        psycopg.Error: If the server refuses it.
    """
    # The same plan each time: planning anew would cost more than a small batch does.
    await connection.execute(b"SET plan_cache_mode = force_generic_plan")
    await connection.execute(b"PREPARE " + NAME + b" AS " + statement)
    return Wire(connection)


class Wire:
    """Sends calls in order and gives each its answer; see ``wire_to``."""

    def __init__(self, connection: AsyncConnection) -> None:
        self.connection = connection
        self._pgconn = connection.pgconn
        self._socket = connection.fileno()
        self._loop = asyncio.get_running_loop()
        self._under_way: deque[asyncio.Future[bytes]] = deque()
        self._value: bytes | None = None
        self._failure: psycopg.Error | None = None
        self._encoding = connection.info.encoding
        self._writing = False
        self.broken = False
        self._pgconn.enter_pipeline_mode()
        self._loop.add_reader(self._socket, self._readable)

    def call(self, parameters: Sequence[bytes | None]) -> asyncio.Future[bytes]:
        """Send one call; the answer is the text of its one value.

        The future raises ``WireBroken`` when the connection was lost, else the server's error.
        """
        answer: asyncio.Future[bytes] = self._loop.create_future()
        self._under_way.append(answer)
        try:
            self._pgconn.send_query_prepared(NAME, parameters)
            self._pgconn.pipeline_sync()
            self._flush()
        except psycopg.OperationalError as error:
            self._break(error)
        return answer

    def close(self) -> None:
        """Stop listening; calls under way are answered as lost."""
        self._break(None)

    def _flush(self) -> None:
        """Send what libpq holds back, now or as soon as the socket takes it."""
        rest = self._pgconn.flush() == 1
        if rest and not self._writing:
            self._loop.add_writer(self._socket, self._writable)
        elif self._writing and not rest:
            self._loop.remove_writer(self._socket)
        self._writing = rest

    def _writable(self) -> None:
        try:
            self._flush()
        except psycopg.OperationalError as error:
            self._break(error)

    def _readable(self) -> None:
        """Take in what has come, and answer the calls that it ends."""
        try:
            self._pgconn.consume_input()
            if self._writing:
                self._flush()
            self._take_results()
        except psycopg.OperationalError as error:
            self._break(error)

    def _take_results(self) -> None:
        """Read results while there are any: None ends a call, then a sync ends its transaction."""
        ended = False
        while self._under_way and not self._pgconn.is_busy():
            result = self._pgconn.get_result()
            if result is None:
                if ended:
                    return
                ended = True
                continue
            ended = False
            if result.status == pq.ExecStatus.PIPELINE_SYNC:
                self._answer()
            elif result.status in _FAILED:
                self._failure = errors.error_from_result(result, encoding=self._encoding)
            else:
                self._value = result.get_value(0, 0)

    def _answer(self) -> None:
        """Answer the oldest call with what was read for it."""
        answer, failure, value = self._under_way.popleft(), self._failure, self._value
        self._failure = self._value = None
        if answer.done():
            return
        if failure is not None:
            answer.set_exception(failure)
        else:
            answer.set_result(value or b"")

    def _break(self, error: psycopg.OperationalError | None) -> None:
        """Give up the connection and answer every call under way."""
        if not self.broken:
            self.broken = True
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
        while self._under_way:
            answer = self._under_way.popleft()
            if not answer.done():
                answer.set_exception(WireBroken(str(error or "closed")))
