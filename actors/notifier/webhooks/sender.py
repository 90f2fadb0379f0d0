"""The loop that sends what is due, many at once, and no receiver at the cost of another."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol
from uuid import UUID

import structlog

from actors.domain.errors import Unavailable
from actors.domain.webhooks import retry_seconds
from actors.ports.webhooks import Result

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from actors.ports.webhooks import Due, Told, WebhookQueue

log = structlog.get_logger()

IN_FLIGHT_MAX: Final = 64
POLL_SECONDS: Final = 0.5
SWEEP_SECONDS: Final = 60.0
BACK_OFF_SECONDS_MAX: Final = 10.0
FAREWELL_SECONDS: Final = 2.0
"""For writing down what has ended, when the process is told to stop."""

_GONE: Final = 410
"""The receiver says that it is no more (RFC 9110 §15.5.11; Standard Webhooks)."""

_NOBODY: Final = UUID(int=0)


class Posts(Protocol):
    """Makes attempts."""

    async def post(self, due: Due) -> Told:
        """Try *due* once and return what came of it, whatever that is."""
        ...


@dataclass(slots=True)
class SendCounts:
    """What a sender has done since it began."""

    delivered: int = 0
    failed: int = 0
    in_flight: int = 0
    is_store_reachable: bool = True


@dataclass(slots=True)
class _Turn:
    """What lies between two looks at the database."""

    results: list[Result] = field(default_factory=list)
    sending: Counter[UUID] = field(default_factory=Counter)
    after: UUID = _NOBODY


class Sender:
    """Sends what is due; several in several processes share the work.

    Args:
        queue: Where deliveries lie.
        posts: Makes attempts.
        in_flight_max: How many attempts at once.
        poll_seconds: How long an idle sender waits before it looks again.
        luck: From 0 to 1, for the jitter of retries.
    """

    def __init__(
        self,
        queue: WebhookQueue,
        posts: Posts,
        *,
        in_flight_max: int = IN_FLIGHT_MAX,
        poll_seconds: float = POLL_SECONDS,
        luck: Callable[[], float] = random.random,
    ) -> None:
        self.counts = SendCounts()
        self._queue = queue
        self._posts = posts
        self._in_flight_max = in_flight_max
        self._poll_seconds = poll_seconds
        self._luck = luck
        self._turn = _Turn()
        self._tasks: set[asyncio.Task[None]] = set()
        self._ended = asyncio.Event()
        self._sweep_at = 0.0

    def health(self) -> SendCounts:
        """Return the counts; an unreachable database is no reason to be restarted."""
        return self.counts

    async def run(self) -> None:
        """Send until cancelled; what is under way then is sent again when its lease ends."""
        failures = 0
        try:
            while True:
                try:
                    is_busy = await self.turn()
                except Unavailable:
                    failures = self._lost(failures)
                    await asyncio.sleep(self._back_off_seconds(failures))
                    continue
                failures = self._found(failures)
                if not is_busy:
                    await self._rest()
        finally:
            await self._leave()

    async def turn(self) -> bool:
        """Write down what has ended and begin what is due; tell whether there may be more.

        Raises:
            Unavailable: If the database does not answer; nothing is lost.
        """
        self._ended.clear()
        await self._record()
        await self._sweep()
        room = self._in_flight_max - len(self._tasks)
        claimed = (
            await self._queue.claim(room, self._turn.sending, self._turn.after) if room else []
        )
        for due in claimed:
            self._begin(due)
        if claimed:
            self._turn.after = _last_in_turn(claimed, self._turn.after)
        return bool(claimed) and len(self._tasks) < self._in_flight_max

    async def settle(self) -> None:
        """Wait until every attempt under way has ended, and write it down.

        Raises:
            Unavailable: If the database does not answer; nothing is lost.
        """
        while self._tasks:
            await asyncio.wait(self._tasks)
        await self._record()

    def _begin(self, due: Due) -> None:
        self._turn.sending[due.webhook_id] += 1
        task = asyncio.create_task(self._attempt(due))
        self._tasks.add(task)
        self.counts.in_flight = len(self._tasks)
        task.add_done_callback(lambda ended: self._end(ended, due))

    def _end(self, task: asyncio.Task[None], due: Due) -> None:
        self._tasks.discard(task)
        self.counts.in_flight = len(self._tasks)
        self._turn.sending[due.webhook_id] -= 1
        if not self._turn.sending[due.webhook_id]:
            del self._turn.sending[due.webhook_id]
        self._ended.set()

    async def _attempt(self, due: Due) -> None:
        result = _result(due, await self._posts.post(due), self._luck())
        self.counts.delivered += result.status == "delivered"
        self.counts.failed += result.status != "delivered"
        self._turn.results.append(result)

    async def _record(self) -> None:
        results, self._turn.results = self._turn.results, []
        if not results:
            return
        try:
            disabled = await self._queue.record(results)
        except Unavailable:
            self._turn.results = results + self._turn.results
            raise
        for webhook_id in disabled:
            log.warning("webhook.disabled", webhook_id=str(webhook_id))

    async def _sweep(self) -> None:
        now = asyncio.get_running_loop().time()
        if now >= self._sweep_at and not await self._queue.sweep():
            self._sweep_at = now + SWEEP_SECONDS

    async def _rest(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._poll_seconds):
                await self._ended.wait()

    async def _leave(self) -> None:
        for task in self._tasks:
            task.cancel()
        with suppress(Unavailable, TimeoutError):
            async with asyncio.timeout(FAREWELL_SECONDS):
                await self._record()

    def _lost(self, failures: int) -> int:
        if not failures:
            log.warning("webhooks.store_lost")
        self.counts.is_store_reachable = False
        return failures + 1

    def _found(self, failures: int) -> int:
        if failures:
            log.info("webhooks.store_found", failures=failures)
        self.counts.is_store_reachable = True
        return 0

    def _back_off_seconds(self, failures: int) -> float:
        longest = min(BACK_OFF_SECONDS_MAX, self._poll_seconds * (1 << min(failures, 10)))
        return longest * (0.5 + self._luck() / 2)


def _result(due: Due, told: Told, luck: float) -> Result:
    """Return what an attempt means for its delivery."""
    if told.error is None:
        return Result(due.id, due.leased_until, "delivered", told)
    if told.response_status == _GONE:
        return Result(due.id, due.leased_until, "failed", told, is_gone=True)
    wait_seconds = retry_seconds(due.attempts, luck)
    if wait_seconds is None:
        return Result(due.id, due.leased_until, "failed", told)
    return Result(due.id, due.leased_until, "pending", told, wait_seconds)


def _last_in_turn(claimed: Sequence[Due], after: UUID) -> UUID:
    """Return the webhook that had the last turn, going round from *after*."""
    return max((due.webhook_id for due in claimed), key=lambda each: (each <= after, each))
