"""One process of the operator: what it waits for, when it works, how it ends."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog

from gopherpay_operator.engine.servers import Servers
from gopherpay_operator.engine.working import Work
from gopherpay_operator.kubernetes.lease import Lease
from gopherpay_operator.kubernetes.rim import Rim, counts
from gopherpay_operator.observability.heartbeat import Heartbeat
from gopherpay_operator.observability.http import HttpServer, Pages
from gopherpay_operator.observability.metrics import Metrics, State

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

    from gopherpay_operator.settings import Settings

log: Final = structlog.get_logger()

ENDED_BY_SIGNAL: Final = 0
ENDED_BY_ITSELF: Final = 1
ENDED_WITHOUT_LEASE: Final = 3
FINISH_SECONDS_MAX: Final = 10.0
PASS_SECONDS_MAX: Final = 900.0
"""Longer than any pass: the longest timeout that a connection may be given is ten minutes."""

Ends = dict["asyncio.Future[Any]", int]
"""What ends the process when it is done, each with its exit code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a process is made of.

    Attributes:
        lease: ``None`` to act without one.
    """

    rim: Rim
    work: Work
    servers: Servers
    metrics: Metrics
    lease: Lease | None


class Process:
    """It waits for the definitions, then for the Lease, then it works."""

    def __init__(self, settings: Settings, parts: Parts) -> None:
        self._settings = settings
        self._parts = parts
        self._heart = Heartbeat(self._count)
        self._counted = (0, 0.0, 0.0)
        self._tasks: list[asyncio.Task[Any]] = []
        self._http = HttpServer(settings.http_host, settings.http_port, self._pages())

    async def run(self, told_to_end: asyncio.Event) -> int:
        """Work until told to end, or until that must not go on; return the exit code."""
        ends: Ends = {self._begin(told_to_end.wait(), "told to end"): ENDED_BY_SIGNAL}
        self._begin(self._heart.run(), "heartbeat")
        self._parts.metrics.stand_by(self)
        self._http.start()
        log.info("operator.started", cluster=self._settings.cluster, port=self._http.port)
        begun = self._begin(self._set_to_work(), "beginning")
        await asyncio.wait({*ends, begun}, return_when=asyncio.FIRST_COMPLETED)
        if begun.done():
            ends |= {begun: ENDED_BY_ITSELF} if begun.exception() else begun.result()
        done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        begun.cancel()
        return _exit_code(next(each for each in ends if each in done), ends)

    async def close(self) -> None:
        """Finish what is under way, begin nothing more, and let another take over."""
        await self._parts.rim.stop_following()
        await self._parts.work.stop(FINISH_SECONDS_MAX)
        self._parts.servers.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._parts.lease is not None:
            await self._parts.lease.release()
        await self._parts.rim.close()
        self._http.stop()

    def state(self) -> State:
        """Return how things stand; called from the threads of HTTP."""
        depth, oldest_seconds, _ = self._counted
        rim, lease = self._parts.rim, self._parts.lease
        return State(
            queue_depth=depth,
            queue_oldest_seconds=oldest_seconds,
            loop_lag_seconds=self._heart.lag_seconds,
            is_lease_held=lease is None or lease.is_held,
            managed=counts(rim.cache.everything()),
            watch_restarts=rim.streams.restarts(),
            reference_watches=rim.references.count,
        )

    async def _set_to_work(self) -> Ends:
        """Begin to work once that may be; return what ends it."""
        rim, work, lease = self._parts.rim, self._parts.work, self._parts.lease
        await rim.discover()
        ends: Ends = {}
        if lease is not None:
            await lease.acquire()
            lease.guard()
            ends[self._begin(lease.keep(), "lease")] = ENDED_WITHOUT_LEASE
        ends[await rim.follow(work)] = ENDED_BY_ITSELF
        ends[self._begin(work.run(), "work")] = ENDED_BY_ITSELF
        log.info("operator.working", cluster=self._settings.cluster)
        return ends

    def _begin(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        task = asyncio.create_task(work, name=name)
        self._tasks.append(task)
        return task

    def _pages(self) -> Pages:
        return Pages(
            live={
                "loop": self._heart.silent,
                "watches": self._parts.rim.streams.silent,
                "queue": self._stuck,
                "lease": self._overdue,
            },
            ready={"definitions": self._unserved},
            metrics=self._parts.metrics.text,
        )

    def _count(self) -> None:
        """Read the queue, in the loop that it belongs to."""
        queue = self._parts.work.queue
        self._counted = queue.depth, queue.oldest_seconds(), queue.running_seconds()

    def _stuck(self) -> str | None:
        _, _, seconds = self._counted
        return f"a pass has run for {seconds:.0f} s" if seconds > PASS_SECONDS_MAX else None

    def _overdue(self) -> str | None:
        lease = self._parts.lease
        return "the Lease is lost" if lease is not None and lease.is_overdue else None

    def _unserved(self) -> str | None:
        missing = ", ".join(sorted(self._parts.rim.unserved))
        return f"not served, or not to be listed: {missing}" if missing else None


def _exit_code(ended: asyncio.Future[Any], ends: Ends) -> int:
    failure = ended.exception()
    if failure is not None:
        log.error("operator.failed", exc_info=failure)
    code = ends[ended]
    if code == ENDED_WITHOUT_LEASE:
        os._exit(code)  # nothing may be finished: another may act by now
    log.info("operator.ending", exit_code=code)
    return code
