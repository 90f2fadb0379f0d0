"""Kopf, in a thread of its own: it watches our kinds and tells of every event, nothing more.

A thread, because Kopf ends every task that was born in its loop while it ran, and takes the
signals for itself. It writes nothing: no handler of ours keeps progress, so there are neither
annotations nor finalizers nor statuses of Kopf's.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from typing import TYPE_CHECKING, Any, Final

import kopf
import structlog

from gopherpay_operator.resources.catalogue import KINDS
from gopherpay_operator.resources.kinds import VERSION
from gopherpay_operator.resources.policies import GROUP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gopherpay_operator.kubernetes.access import Access
    from gopherpay_operator.kubernetes.api import Raw
    from gopherpay_operator.kubernetes.streams import Streams

log: Final = structlog.get_logger()

RETRY_SECONDS_MAX: Final = 8
STOP_SECONDS_MAX: Final = 5
KOPFS_OWN_FINALIZER: Final = f"{GROUP}/unused"
"""Kopf takes its finalizer away wherever no handler needs it: it must not know ours."""


class Patience:
    """Waits between requests that fail, without an end: a watch never gives up."""

    def __iter__(self) -> Iterator[float]:
        """Return ever longer waits, in seconds, up to a bound, with jitter."""
        longest = 0.5
        while True:
            yield random.uniform(longest / 2, longest)  # noqa: S311 - not a secret
            longest = min(RETRY_SECONDS_MAX, longest * 2)


class Watching:
    """The watches of our kinds.

    Args:
        access: To the API server.
        namespaces: To watch in; ``None`` for all.
        streams: Learns of requests.
        on_event: Called in Kopf's thread with kind, whether it was deleted, and the object.
    """

    def __init__(
        self,
        access: Access,
        namespaces: frozenset[str] | None,
        streams: Streams,
        on_event: Callable[[str, bool, Raw], None],
    ) -> None:
        self._access = access
        self._namespaces = namespaces
        self._streams = streams
        self._on_event = on_event
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread: threading.Thread | None = None
        self._logged_in_at = float("-inf")

    def start(self) -> asyncio.Future[None]:
        """Begin; what is returned is done when the watches ended, by themselves or by a failure."""
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[None] = loop.create_future()

        def run() -> None:
            failure: BaseException | None = None
            try:
                asyncio.run(self._run())
            except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - told to the loop
                failure = error
            if not loop.is_closed():
                loop.call_soon_threadsafe(_settle, ended, failure)

        self._thread = threading.Thread(target=run, name="watches", daemon=True)
        self._thread.start()
        return ended

    async def stop(self) -> None:
        """End the watches and their thread, within `STOP_SECONDS_MAX`."""
        if self._loop is not None and self._stop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stop.set)
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, STOP_SECONDS_MAX)

    async def _run(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        await kopf.operator(
            registry=self._registry(),
            settings=settings(),
            clusterwide=self._namespaces is None,
            namespaces=sorted(self._namespaces or ()),
            stop_flag=self._stop,
        )

    def _registry(self) -> kopf.OperatorRegistry:
        registry = kopf.OperatorRegistry()

        async def login(**_: object) -> kopf.AiohttpSession:
            await self._slow_down()
            return await self._access.session([self._streams.trace()])

        kopf.on.login(registry=registry)(login)
        for kind in KINDS.values():
            handler = self._handler(kind.name)
            kopf.on.event(GROUP, VERSION, kind.plural, id=kind.plural, registry=registry)(handler)
        return registry

    async def _slow_down(self) -> None:
        """Wait when the last log-in is not long ago: Kopf asks at once when one is refused."""
        now = time.monotonic()
        if now - self._logged_in_at < RETRY_SECONDS_MAX:
            await asyncio.sleep(RETRY_SECONDS_MAX)
        self._logged_in_at = time.monotonic()

    def _handler(self, kind: str) -> Callable[..., Any]:
        async def seen(event: Raw, **_: object) -> None:
            self._on_event(kind, event["type"] == "DELETED", event["object"])

        return seen


def _settle(ended: asyncio.Future[None], failure: BaseException | None) -> None:
    if ended.done():
        return
    if failure is None or isinstance(failure, asyncio.CancelledError):
        ended.set_result(None)
    else:
        ended.set_exception(failure)


def settings() -> kopf.OperatorSettings:
    """Return how Kopf is to behave."""
    made = kopf.OperatorSettings()
    made.peering.standalone = True  # the Lease decides, see lease.py
    made.scanning.disabled = True  # needs no rights in the whole cluster
    made.posting.enabled = False  # Events are ours, see writing.py
    made.persistence.finalizer = KOPFS_OWN_FINALIZER
    made.watching.server_timeout = 240  # beside the timeout of silence: belt and braces
    made.watching.client_timeout = 250
    made.watching.connect_timeout = 10
    made.networking.request_timeout = 30
    made.networking.connect_timeout = 10
    made.networking.error_backoffs = Patience()
    made.execution.max_workers = 1  # no handler is synchronous
    made.process.ultimate_exiting_timeout = None  # the process has its own end, see process.py
    return made
