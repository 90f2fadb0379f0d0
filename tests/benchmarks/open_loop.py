"""The open loop: requests arrive by the clock, however slow the answers are.

A latency counts from when its request was due, so that a stall is felt by all that were due in
it (no coordinated omission). Connections are opened as needed; when the most are in use, what is
due is counted as not sent.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from time import perf_counter, process_time
from typing import TYPE_CHECKING

from tests.benchmarks.connection import Connection

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.benchmarks.plan import Phase
    from tests.benchmarks.requests import Request
    from tests.benchmarks.tally import Tally

DRAIN_TICK_SECONDS = 0.01
TICK_SECONDS = 0.001  # uvloop's timers are no finer; up, so that nothing is early


class OpenLoop:
    """Arrivals at constant rates over at most *connections_max* connections."""

    def __init__(
        self,
        address: tuple[str, int],
        requests: Iterator[Request],
        tally: Tally,
        phases: Sequence[Phase],
        *,
        connections_max: int,
    ) -> None:
        self._address, self._requests, self._tally = address, requests, tally
        self._phases, self._connections_max = phases, connections_max
        self._idle: list[Connection] = []
        self._open: set[Connection] = set()
        self._openings: set[asyncio.Task[None]] = set()
        self._due: deque[float] = deque()  # when what waits for a connection was due

    async def run(self, drain_seconds: float) -> None:
        """Offer everything when it is due, then wait for answers, but not forever."""
        begin = perf_counter()
        for phase in self._phases:
            cpu_seconds = process_time()
            for due in arrivals(phase, begin):
                if (early := due - perf_counter()) > 0:
                    await asyncio.sleep(math.ceil(early / TICK_SECONDS) * TICK_SECONDS)
                self._offer(due)
            begin += phase.seconds
            self._tally.phase_cpu_seconds.append(process_time() - cpu_seconds)
        deadline = perf_counter() + drain_seconds
        while self._is_busy() and perf_counter() < deadline:  # noqa: ASYNC110  once, at the end
            await asyncio.sleep(DRAIN_TICK_SECONDS)
        await self._close()

    def _offer(self, due: float) -> None:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open:
                connection.send(next(self._requests), due)
                return
        if len(self._open) + len(self._openings) >= self._connections_max:
            self._tally.not_sent += 1
            return
        self._due.append(due)
        opening = asyncio.create_task(self._connect())
        self._openings.add(opening)
        opening.add_done_callback(self._openings.discard)

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, connection = await loop.create_connection(self._client, *self._address)
        except OSError:
            self._give_up_one()
            return
        self._open.add(connection)
        connection.ended.add_done_callback(lambda _: self._open.discard(connection))

    def _client(self) -> Connection:
        return Connection(self._tally, self._free)

    def _free(self, connection: Connection) -> None:
        if self._due:
            connection.send(next(self._requests), self._due.popleft())
        else:
            self._idle.append(connection)

    def _give_up_one(self) -> None:
        if self._due:
            self._due.popleft()
            self._tally.not_sent += 1

    def _is_busy(self) -> bool:
        idle = sum(each.is_open for each in self._idle)
        return bool(self._openings) or len(self._open) > idle

    async def _close(self) -> None:
        """End every connection, also those that still wait for an answer."""
        for opening in list(self._openings):
            opening.cancel()
            self._give_up_one()
        ending = list(self._open)
        for connection in ending:
            connection.abandon()
        if ending:
            await asyncio.wait([each.ended for each in ending])


def arrivals(phase: Phase, begin: float) -> Iterator[float]:
    """Yield when each request of *phase* is due."""
    for number in range(round(phase.per_second * phase.seconds)):
        yield begin + number / phase.per_second
