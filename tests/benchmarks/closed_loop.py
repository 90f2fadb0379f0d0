"""The closed loop: each connection sends its next request when it has the whole answer."""

from __future__ import annotations

import asyncio
import sys
from time import perf_counter
from typing import TYPE_CHECKING

from tests.benchmarks.connection import Connection
from tests.benchmarks.requests import requests

if TYPE_CHECKING:
    from tests.benchmarks.plan import Plan
    from tests.benchmarks.tally import Tally


class ClosedLoop:
    """Some connections that are always busy."""

    def __init__(self, plan: Plan, tally: Tally) -> None:
        self._plan, self._tally = plan, tally
        self._requests = requests(plan, tally.recent)
        self._ends_at = perf_counter() + plan.seconds
        self._left = plan.answers_max or sys.maxsize

    async def run(self, drain_seconds: float) -> None:
        """Send until the time is over, then wait for answers, but not forever."""
        loop, plan = asyncio.get_running_loop(), self._plan
        clients = [
            (await loop.create_connection(self._client, plan.host, plan.port))[1]
            for _ in range(plan.connections)
        ]
        waiting = [client.ended for client in clients]
        await asyncio.wait(waiting, timeout=plan.seconds + drain_seconds)
        for client in clients:
            if not client.ended.done():
                client.abandon()
        await asyncio.wait(waiting)

    def _client(self) -> Connection:
        return Connection(self._tally, self._next)

    def _next(self, connection: Connection) -> None:
        now = perf_counter()
        if now >= self._ends_at or self._left <= 0:
            connection.close()
            return
        self._left -= 1
        connection.send(next(self._requests), now)
