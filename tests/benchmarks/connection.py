"""One client: one request in flight on a raw socket that stays open."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.benchmarks.tally import is_whole

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.benchmarks.requests import Request
    from tests.benchmarks.tally import Tally


class Connection(asyncio.Protocol):
    """Sends what it is given, has the answer counted, and says when it is free again."""

    def __init__(self, tally: Tally, on_free: Callable[[Connection], None]) -> None:
        self._tally = tally
        self._on_free = on_free
        self._buffer = b""
        self._request: Request | None = None
        self._since = 0.0
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._on_free(self)

    def send(self, request: Request, since: float) -> None:
        """Send *request*, whose latency counts from *since*."""
        self._request, self._since = request, since
        self._transport.write(request.payload)

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        request = self._request
        if request is None:  # a proxy says farewell to a connection that it finds idle
            self.close()
        elif is_whole(self._buffer):
            self._finish(request)

    def connection_lost(self, _error: Exception | None) -> None:
        if self._request is not None:
            self._tally.lose(self._request)
        if not self.ended.done():
            self.ended.set_result(None)

    @property
    def is_open(self) -> bool:
        """Tell whether it can be used."""
        return not self._transport.is_closing()

    def close(self) -> None:
        """End it; nothing is in flight."""
        self._transport.close()

    def abandon(self) -> None:
        """Stop waiting for an answer that does not come."""
        self._transport.abort()

    def _finish(self, request: Request) -> None:
        answer, self._buffer = self._buffer, b""
        self._request = None
        self._tally.record(request, answer, self._since)
        self._on_free(self)
