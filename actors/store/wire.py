"""The wire: statements over one connection, each sent behind the other, without waiting.

The next may be sent before the last has come back, and the server runs them in order. psycopg's
cursors cost more than the server does here, so this speaks to libpq's pipeline mode directly
(PostgreSQL manual, 32.5).
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final, Protocol

import psycopg
from psycopg import errors, pq

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg import AsyncConnection
    from psycopg.pq.abc import PGresult

NAME: Final = b"wired"
FAILED: Final = (pq.ExecStatus.FATAL_ERROR, pq.ExecStatus.NONFATAL_ERROR)


class WireBroken(psycopg.OperationalError):
    """The connection is gone; whether its last calls were executed is not known."""


class Listener(Protocol):
    """Is told what comes back over a pipeline, in the order in which it was sent."""

    def took(self, result: PGresult) -> None:
        """Take the one result of a statement."""
        ...

    def synced(self) -> None:
        """Know that all before a sync has come back: its transaction has ended."""
        ...

    def lost(self, error: WireBroken) -> None:
        """Know that nothing more will come back; said again for each try to send."""
        ...


class Pipeline:
    """A connection in libpq's pipeline mode.

    Args:
        connection: In autocommit mode, and used by nobody else from now on.
        listener: Is told what comes back.
    """

    def __init__(self, connection: AsyncConnection, listener: Listener) -> None:
        self.pgconn = connection.pgconn
        self.broken = False
        self.loop = asyncio.get_running_loop()
        self._listener = listener
        self._socket = connection.fileno()
        self._syncs_under_way = 0
        self._writing = False
        self.pgconn.enter_pipeline_mode()
        self.loop.add_reader(self._socket, self._readable)

    def sync(self) -> None:
        """Send what was given to ``pgconn``, as a transaction of its own.

        Raises:
            psycopg.OperationalError: If the connection is gone; see ``give_up``.
        """
        self.pgconn.pipeline_sync()
        self._syncs_under_way += 1
        self._flush()

    def give_up(self, error: psycopg.OperationalError | None) -> None:
        """Stop listening for good, and say so."""
        if not self.broken:
            self.broken = True
            self.loop.remove_reader(self._socket)
            self.loop.remove_writer(self._socket)
        self._listener.lost(WireBroken(str(error or "closed")))

    def _flush(self) -> None:
        """Send what libpq holds back, now or as soon as the socket takes it."""
        rest = self.pgconn.flush() == 1
        if rest and not self._writing:
            self.loop.add_writer(self._socket, self._writable)
        elif self._writing and not rest:
            self.loop.remove_writer(self._socket)
        self._writing = rest

    def _writable(self) -> None:
        try:
            self._flush()
        except psycopg.OperationalError as error:
            self.give_up(error)

    def _readable(self) -> None:
        """Take in what has come, and hand on what is whole."""
        try:
            self.pgconn.consume_input()
            if self._writing:
                self._flush()
            self._take_results()
        except psycopg.OperationalError as error:
            self.give_up(error)

    def _take_results(self) -> None:
        """Read results while there are any: None ends a statement, a sync its transaction."""
        ended = False
        while self._syncs_under_way and not self.pgconn.is_busy():
            result = self.pgconn.get_result()
            if result is None:
                if ended:
                    return
                ended = True
                continue
            ended = False
            if result.status == pq.ExecStatus.PIPELINE_SYNC:
                self._syncs_under_way -= 1
                self._listener.synced()
            else:
                self._listener.took(result)


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
    """Sends calls of one statement in order, and gives each its answer; see ``wire_to``.

    A call is a transaction of its own and one round trip.
    """

    def __init__(self, connection: AsyncConnection) -> None:
        self.connection = connection
        self._pipeline = Pipeline(connection, self)
        self._under_way: deque[asyncio.Future[bytes]] = deque()
        self._value: bytes | None = None
        self._failure: psycopg.Error | None = None
        self._encoding = connection.info.encoding

    @property
    def broken(self) -> bool:
        """Tell whether it can be used no more."""
        return self._pipeline.broken

    def call(self, parameters: Sequence[bytes | None]) -> asyncio.Future[bytes]:
        """Send one call; the answer is the text of its one value.

        The future raises ``WireBroken`` when the connection was lost, else the server's error.
        """
        pipeline = self._pipeline
        answer: asyncio.Future[bytes] = pipeline.loop.create_future()
        self._under_way.append(answer)
        try:
            pipeline.pgconn.send_query_prepared(NAME, parameters)
            pipeline.sync()
        except psycopg.OperationalError as error:
            pipeline.give_up(error)
        return answer

    def close(self) -> None:
        """Stop listening; calls under way are answered as lost."""
        self._pipeline.give_up(None)

    def took(self, result: PGresult) -> None:
        """Keep what the oldest call will be answered."""
        if result.status in FAILED:
            self._failure = errors.error_from_result(result, encoding=self._encoding)
        else:
            self._value = result.get_value(0, 0)

    def synced(self) -> None:
        """Answer the oldest call with what was read for it."""
        answer, failure, value = self._under_way.popleft(), self._failure, self._value
        self._failure = self._value = None
        if answer.done():
            return
        if failure is not None:
            answer.set_exception(failure)
        else:
            answer.set_result(value or b"")

    def lost(self, error: WireBroken) -> None:
        """Answer every call under way."""
        while self._under_way:
            answer = self._under_way.popleft()
            if not answer.done():
                answer.set_exception(error)
