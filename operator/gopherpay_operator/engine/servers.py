"""The blocking clients of servers, each behind its own few threads and its own breaker."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from random import Random
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from gopherpay_operator.backends.ports import BackendFailure, Unavailable
from gopherpay_operator.engine.breaker import Breaker
from gopherpay_operator.engine.looks import Looks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from gopherpay_operator.backends.ports import Backend
    from gopherpay_operator.engine.ports import Key, Meter
    from gopherpay_operator.engine.things import Access
    from gopherpay_operator.plans.actions import Action
    from gopherpay_operator.plans.observed import Found

Result = TypeVar("Result")

IDLE_SECONDS: Final = 1800.0
"""After this long without a call a client is closed, should nobody have said that it may be."""


class Tools(NamedTuple):
    """What all servers have in common.

    Attributes:
        threads: Makes the threads of one server, given how many.
    """

    meter: Meter
    clock: Callable[[], float]
    random: Random
    threads: Callable[[int], Executor]


class Server:
    """One client, called from the event loop."""

    def __init__(
        self, name: str, access: Access, tools: Tools, on_back: Callable[[], None]
    ) -> None:
        """Prepare; the client is made by the first call."""
        self.fingerprint = access.fingerprint
        self.used_at = tools.clock()
        self._name = name
        self._access = access
        self._tools = tools
        self._on_back = on_back
        self._threads = tools.threads(access.concurrency)
        self._slots = asyncio.Semaphore(access.concurrency)
        self._breaker = Breaker(tools.clock, tools.random)
        self._looks = Looks(self._observe, access.batch_max)
        self._client: Backend[Any, Any] | None = None
        self._making = asyncio.Lock()
        self._calls = 0
        self._is_retired = False

    async def observe(self, name: str, wish: Any, *, is_leaving: bool = False) -> Found[Any]:  # noqa: ANN401 - of any kind
        """Return what is there of *wish*, which is called *name*; looked up with others'.

        Raises:
            BackendFailure: See `backends.ports.Backend.observe`.
        """
        with self._in_use():
            return await self._looks.look(name, wish, is_leaving=is_leaving)

    async def apply(self, actions: Sequence[Action]) -> None:
        """Carry out *actions*.

        Raises:
            BackendFailure: See `backends.ports.Backend.apply`.
        """
        with self._in_use():
            await self._call("apply", lambda client: client.apply(actions))

    def retire(self) -> None:
        """Close the client once nobody is calling it."""
        self._is_retired = True
        self._close_if_idle()

    async def _observe(
        self, wishes: Sequence[Any], *, is_leaving: bool
    ) -> Mapping[str, Found[Any]]:
        return await self._call(
            "observe", lambda client: client.observe(wishes, is_leaving=is_leaving)
        )

    async def _call(self, operation: str, ask: Callable[[Backend[Any, Any]], Result]) -> Result:
        async with self._slots:
            self._breaker.enter()
            return await self._judged(operation, ask)

    @contextmanager
    def _in_use(self) -> Iterator[None]:
        self._calls += 1
        try:
            yield
        finally:
            self._calls -= 1
            self.used_at = self._tools.clock()
            self._close_if_idle()

    async def _judged(self, operation: str, ask: Callable[[Backend[Any, Any]], Result]) -> Result:
        """Call the client and tell the breaker what came of it."""
        try:
            client = await self._made()
            result = await self._timed(operation, lambda: ask(client))
        except Unavailable as failure:
            self._breaker.unanswered(str(failure))
            raise
        except BackendFailure:
            self._answered()  # to say no is an answer
            raise
        except BaseException:
            self._breaker.left()
            raise
        self._answered()
        return result

    def _answered(self) -> None:
        if self._breaker.answered():
            self._on_back()

    async def _made(self) -> Backend[Any, Any]:
        async with self._making:
            if self._client is None:
                self._client = await self._timed("make", self._access.make)
            return self._client

    async def _timed(self, operation: str, work: Callable[[], Result]) -> Result:
        started, has_failed = self._tools.clock(), True
        try:
            result = await asyncio.get_running_loop().run_in_executor(self._threads, work)
            has_failed = False
            return result
        finally:
            seconds = self._tools.clock() - started
            self._tools.meter.called(self._name, operation, seconds, has_failed=has_failed)

    def _close_if_idle(self) -> None:
        if self._is_retired and not self._calls:
            client, self._client = self._client, None
            close = getattr(client, "close", None)
            if close is not None:
                self._threads.submit(_closed, close)
            self._threads.shutdown(wait=False)


def _closed(close: Callable[[], object]) -> None:
    with suppress(BackendFailure):
        close()


class Servers:
    """All servers that are in use, by connection."""

    def __init__(
        self,
        meter: Meter,
        *,
        clock: Callable[[], float] = time.monotonic,
        random: Random | None = None,
        threads: Callable[[int], Executor] = ThreadPoolExecutor,
    ) -> None:
        """Start with none."""
        self._tools = Tools(meter, clock, random or Random(), threads)  # noqa: S311 - no secret
        self._servers: dict[tuple[str, Key], Server] = {}
        self._on_back: Callable[[Key], None] = _nobody

    def tell(self, on_back: Callable[[Key], None]) -> None:
        """Call *on_back* with the key of a connection whose server answers again."""
        self._on_back = on_back

    def of(self, kind: str, connection: Key, access: Access) -> Server:
        """Return the server for things of *kind*; another one once *access* has changed."""
        self._sweep()
        server = self._servers.get((kind, connection))
        if server is not None and server.fingerprint == access.fingerprint:
            server.used_at = self._tools.clock()
            return server
        if server is not None:
            server.retire()
        name = connection.kind.removesuffix("Connection").lower()
        fresh = Server(name, access, self._tools, lambda: self._on_back(connection))
        self._servers[kind, connection] = fresh
        return fresh

    def forget(self, connection: Key) -> None:
        """Close what led through *connection*."""
        for name in [each for each in self._servers if each[1] == connection]:
            self._servers.pop(name).retire()

    def close(self) -> None:
        """Close all, each after its calls have ended."""
        for server in self._servers.values():
            server.retire()
        self._servers.clear()

    def _sweep(self) -> None:
        oldest = self._tools.clock() - IDLE_SECONDS
        for name in [key for key, each in self._servers.items() if each.used_at < oldest]:
            self._servers.pop(name).retire()


def _nobody(_: Key) -> None:
    return None
