"""Reads: many at once over very few connections.

All that is asked while the event loop goes round once, or while earlier reads are under way,
leaves together: one message there, one back. Each statement is prepared once on a connection
under a name of its own, and is its own snapshot. When one fails, the server skips those behind
it up to the end of their group; they are asked again and never know.
"""

from __future__ import annotations

import asyncio
import re
import select
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

import psycopg
import structlog
from psycopg import errors, pq
from psycopg.abc import Buffer
from psycopg.adapt import PyFormat, Transformer

from actors.domain.errors import StoreUnavailable
from actors.ending import ended
from actors.store.wire import FAILED, Pipeline, WireBroken

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from psycopg import AsyncConnection
    from psycopg.pq.abc import PGresult

    from actors.store.pool import Pool

log = structlog.get_logger()

Rows: TypeAlias = list[tuple[Any, ...]]
Parameters: TypeAlias = "Sequence[object] | Mapping[str, object]"

CONNECTIONS_MAX: Final = 2
"""The second goes on answering while the first is at something slow."""

GROUP_READS_MAX: Final = 32
"""The first of a group waits for the last one's answer."""

SILENT_SECONDS: Final = 8.0
"""The server ends a statement after 5 s; a connection that is silent for longer is dead."""

REOPEN_SECONDS: Final = 0.5

_PLACE: Final = re.compile(r"%(?:\((\w+)\))?([sbt%])")


@dataclass(frozen=True, slots=True, eq=False)
class Statement:
    """A statement as libpq takes it.

    Attributes:
        text: With $1, $2, …
        names: Those of its parameters in order; None if they are given in order.
        formats: All of them are sent as text, whose type the server finds in the statement.
    """

    text: bytes
    names: tuple[str, ...] | None
    formats: tuple[PyFormat, ...]

    def values(self, parameters: Parameters) -> Sequence[object]:
        """Return *parameters* in order."""
        if self.names is None:
            return cast("Sequence[object]", parameters)
        named = cast("Mapping[str, object]", parameters)
        return [named[name] for name in self.names]


@cache
def statement(text: str) -> Statement:
    """Return what psycopg's ``%s`` and ``%(name)s`` stand for; our statements are constants."""
    places: dict[str, int] = {}

    def numbered(found: re.Match[str]) -> str:
        if found[2] == "%":
            return "%"
        name = found[1] or str(len(places))
        return f"${places.setdefault(name, len(places) + 1)}"

    converted = _PLACE.sub(numbered, text).encode()
    named = any(not name.isdecimal() for name in places)
    return Statement(converted, tuple(places) if named else None, (PyFormat.TEXT,) * len(places))


@dataclass(slots=True, eq=False)
class Read:
    """A question on its way."""

    statement: Statement
    parameters: Sequence[Buffer | None]
    answer: asyncio.Future[Rows]

    def tell(self, rows: Rows) -> None:
        """Give the rows."""
        if not self.answer.done():
            self.answer.set_result(rows)

    def fail(self, error: Exception) -> None:
        """Say why there are none."""
        if not self.answer.done():
            self.answer.set_exception(error)


@dataclass(frozen=True, slots=True, eq=False)
class Preparation:
    """A statement that is being prepared, for the first who asks it."""

    name: bytes
    read: Read


class ReadingWire:
    """Asks one group of reads after the other.

    Args:
        connection: In autocommit mode, and used by nobody else from now on.
        returned: Called when a group is back, with the reads that must be asked again.
    """

    def __init__(
        self, connection: AsyncConnection, returned: Callable[[Sequence[Read]], None]
    ) -> None:
        self.connection = connection
        self.busy = False
        self._returned = returned
        self._pipeline = Pipeline(connection, self)
        self._loader = Transformer(connection)
        self._encoding = connection.info.encoding
        self._poll = select.poll()
        self._poll.register(connection.fileno(), select.POLLIN)
        self._names: dict[Statement, bytes] = {}
        self._names_given = 0
        self._sent: deque[Read | Preparation] = deque()
        self._again: list[Read] = []
        self._asked_at = 0.0

    def is_over(self) -> bool:
        """Tell whether it can be used no more, at the price of one system call when idle.

        An idle one has nothing to read; what there is, is its end.
        """
        if self.busy and self._pipeline.loop.time() - self._asked_at > SILENT_SECONDS:
            log.error("reading.silent", reads=len(self._sent))
            self.close()
        return self._pipeline.broken or (not self.busy and bool(self._poll.poll(0)))

    def ask(self, reads: Sequence[Read]) -> None:
        """Send *reads* as one group."""
        pipeline = self._pipeline
        self.busy, self._asked_at = True, pipeline.loop.time()
        fresh: dict[Statement, bytes] = {}
        try:
            for read in reads:
                name = self._names.get(read.statement) or fresh.get(read.statement)
                if name is None:
                    name = fresh[read.statement] = self._prepare(read)
                self._sent.append(read)
                pipeline.pgconn.send_query_prepared(
                    name, read.parameters, result_format=pq.Format.BINARY
                )
            pipeline.sync()
        except psycopg.OperationalError as error:
            self._sent.extend(reads)  # some are there twice now, and fail once
            pipeline.give_up(error)

    def close(self) -> None:
        """Stop listening; reads under way are answered as lost."""
        self._pipeline.give_up(None)

    def _prepare(self, read: Read) -> bytes:
        """Send the statement of *read* ahead, under a name that counts once it is confirmed."""
        self._names_given += 1
        name = b"r%d" % self._names_given
        self._sent.append(Preparation(name, read))
        self._pipeline.pgconn.send_prepare(name, read.statement.text)
        return name

    def took(self, result: PGresult) -> None:
        """Give the oldest read its rows, its failure, or another chance."""
        asked, status = self._sent.popleft(), result.status
        if isinstance(asked, Preparation):
            self._prepared(asked, result)
        elif status == pq.ExecStatus.TUPLES_OK:
            self._load(asked, result)
        elif status == pq.ExecStatus.PIPELINE_ABORTED:
            self._again.append(asked)
        else:
            asked.fail(errors.error_from_result(result, encoding=self._encoding))

    def synced(self) -> None:
        """Let the next group go."""
        self.busy = False
        again, self._again = self._again, []
        self._returned([read for read in again if not read.answer.done()])

    def lost(self, error: WireBroken) -> None:
        """Answer every read under way."""
        self.busy = False
        reads = [asked for asked in self._sent if isinstance(asked, Read)] + self._again
        self._sent.clear()
        self._again.clear()
        for read in reads:
            read.fail(error)
        self._returned(())

    def _prepared(self, preparation: Preparation, result: PGresult) -> None:
        """Know the name from now on; what is behind a refused statement was not executed."""
        if result.status == pq.ExecStatus.COMMAND_OK:
            self._names[preparation.read.statement] = preparation.name
        elif result.status in FAILED:
            error = errors.error_from_result(result, encoding=self._encoding)
            preparation.read.fail(error)

    def _load(self, read: Read, result: PGresult) -> None:
        """Give *read* the rows of *result* as Python has them."""
        if read.answer.done():
            return
        try:
            self._loader.set_pgresult(result)
            rows = self._loader.load_rows(0, result.ntuples, tuple)
        except Exception as mistake:  # noqa: BLE001  the one who waits is told
            read.fail(mistake)
        else:
            read.tell(rows)


class Reader:
    """Answers reads over connections of its own, opened when there is something to read.

    Args:
        pool: Gives it connections.
        wait_seconds: The longest that one may take to open.
    """

    def __init__(self, pool: Pool, *, wait_seconds: float) -> None:
        self._pool = pool
        self._wait_seconds = wait_seconds
        self._loop = asyncio.get_running_loop()
        self._dumper = Transformer()
        self._wires: list[ReadingWire] = []
        self._over: list[ReadingWire] = []
        self._waiting: deque[Read] = deque()
        self._opening: asyncio.Task[None] | None = None
        self._open_again_at = 0.0
        self._is_due = False
        self._closed = False

    def rows(self, text: str, parameters: Parameters) -> asyncio.Future[Rows]:
        """Ask one reading statement, which tells the type of each parameter, as in ``%s::text``.

        The future raises what went wrong: ``StoreUnavailable`` or an error of psycopg.

        Raises:
            psycopg.Error: If a parameter cannot be sent.
        """
        asked = statement(text)
        values = asked.values(parameters)
        if len(values) != len(asked.formats):
            message = f"{len(asked.formats)} parameters are needed, {len(values)} were given"
            raise psycopg.ProgrammingError(message)
        dumped = self._dumper.dump_sequence(values, asked.formats)
        read = Read(asked, dumped, self._loop.create_future())
        self._waiting.append(read)
        self._ask_soon()
        return read.answer

    async def close(self) -> None:
        """Open no more connections, and fail those who wait for one."""
        self._closed = True
        if self._opening is not None:
            await ended(self._opening)
        self._fail_waiting(None)

    def _ask_soon(self) -> None:
        """Ask at the end of the loop's round: others may come until then."""
        if not self._is_due:
            self._is_due = True
            self._loop.call_soon(self._ask)

    def _ask(self) -> None:
        """Send what waits over connections that are free."""
        self._is_due = False
        while self._waiting:
            wire = self._free()
            if wire is None:
                return self._grow()
            count = min(len(self._waiting), GROUP_READS_MAX)
            group = [self._waiting.popleft() for _ in range(count)]
            wire.ask([read for read in group if not read.answer.done()])
        return None

    def _free(self) -> ReadingWire | None:
        """Return a wire with nothing under way, after sorting out those that are over."""
        for wire in tuple(self._wires):
            if wire.is_over():
                wire.close()
                self._wires.remove(wire)
                self._over.append(wire)
            elif not wire.busy:
                return wire
        return None

    def _returned(self, again: Sequence[Read]) -> None:
        """Let those go first that must be asked again."""
        self._waiting.extendleft(reversed(again))
        if self._waiting:
            self._ask_soon()

    def _grow(self) -> None:
        """See to one more connection if there may be one."""
        if self._closed:
            return self._fail_waiting(None)
        if self._opening is not None or len(self._wires) >= CONNECTIONS_MAX:
            return None
        if not self._wires or self._loop.time() >= self._open_again_at:
            self._opening = self._loop.create_task(self._open())
        return None

    async def _open(self) -> None:
        """Open a connection; if there is none at all, say so to those who wait."""
        try:
            async with asyncio.timeout(self._wait_seconds):
                while self._over:
                    await self._pool.disown(self._over.pop().connection)
                connection = await self._pool.own(self._close_wires)
            self._wires.append(ReadingWire(connection, self._returned))
        except (psycopg.Error, StoreUnavailable, TimeoutError) as trouble:
            log.warning("reading.not_opened", trouble=repr(trouble))
            self._open_again_at = self._loop.time() + REOPEN_SECONDS
            if not self._wires:
                self._fail_waiting(trouble)
        finally:
            self._opening = None
        self._ask_soon()

    def _fail_waiting(self, trouble: Exception | None) -> None:
        """Tell those who wait that the database cannot be asked."""
        while self._waiting:
            unavailable = StoreUnavailable()
            unavailable.__cause__ = trouble
            self._waiting.popleft().fail(unavailable)

    def _close_wires(self) -> None:
        """Let go of the connections, which are about to be closed."""
        for wire in self._wires:
            wire.close()
