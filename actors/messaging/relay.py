"""The relay: it takes facts from the outbox to the bus, in order, at least once.

A batch is read, sent, and waited for; then the cursors move. Whatever happens in between, the
next one begins at the cursors: a crash repeats facts and never loses or reorders them (ADR 0024).
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import structlog

from actors.messaging.delivery import Patience, Persistence
from actors.messaging.lanes import Lanes, last_of_each
from actors.messaging.sender import UNTRIED, Failure
from actors.ports.events import SourceUnavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from actors.messaging.consume import Pace
    from actors.messaging.sender import Sender
    from actors.ports.events import Outbox, Position, Record, StoredEvent
    from actors.ports.parked import Parked

READER: Final = "relay"
FOLLOWS: Final = "waits for an earlier event of its subject"
RETRY_SECONDS: Final = 10.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Tempo:
    """How much at once, and how often.

    Attributes:
        events_max: Of one batch, which is all that is ever in memory.
        pause_seconds: Before the next look after a batch that was not full; an idle relay's
            pauses double from there.
        pause_max_seconds: The longest of them.
        review_seconds: Between two looks at who else reads, and at what is parked.
        patience: With an event that is refused, and with an outage.
    """

    events_max: int = 2_000
    pause_seconds: float = 0.02
    pause_max_seconds: float = 0.2
    review_seconds: float = 2.0
    patience: Patience = field(
        default_factory=lambda: Patience(attempts_max=3, pause_max_seconds=2.0)
    )


@dataclass(frozen=True, slots=True)
class RelayHealth:
    """How a relay is.

    Attributes:
        alive: Whether its loop runs.
        lanes: How many it holds.
        told: Events that it has taken to the bus.
        parked_subjects: Subjects of its lanes whose events wait, for one is refused.
        idle_seconds: Since the database and the bus last did what they should, None before.
        stalled_by: What it waits for, None while everything goes well.
    """

    alive: bool
    lanes: int
    told: int
    parked_subjects: int
    idle_seconds: float | None
    stalled_by: str | None


class Relay:
    """Takes the facts of its lanes to the bus."""

    def __init__(
        self,
        outbox: Outbox,
        parked: Parked,
        sender: Sender,
        to_record: Callable[[StoredEvent], Record],
        *,
        pace: Pace,
        tempo: Tempo | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Put a relay together.

        Args:
            outbox: Where the facts are, on a session of this relay alone.
            parked: Where those stand aside that are refused, in the same session.
            sender: The way to the bus.
            to_record: Makes what is sent.
            pace: Rests after work on a backlog.
            tempo: How much at once, and how often.
            sleep: Waits.
        """
        self._parked = parked
        self._sender = sender
        self._to_record = to_record
        self._pace = pace
        self._tempo = tempo or Tempo()
        self._sleep = sleep
        self._lanes = Lanes(outbox, READER)
        self._persistence = Persistence(READER, self._tempo.patience, sleep=sleep)
        self._subjects: frozenset[str] = frozenset()
        self._reviewed_at: float | None = None
        self._worked_at: float | None = None
        self._pause_seconds = self._tempo.pause_seconds
        self._running = False
        self._told = 0

    async def run(self) -> None:
        """Take facts to the bus until cancelled; outages of either side are waited for."""
        self._running = True
        try:
            while True:
                await self._persistence.until_certain(self.turn)
        finally:
            self._running = False
            await self._sender.close()
            await self._lanes.leave()

    def health(self) -> RelayHealth:
        """Return how it is now; it costs nothing."""
        worked_at = self._worked_at
        return RelayHealth(
            alive=self._running,
            lanes=len(self._lanes.held),
            told=self._told,
            parked_subjects=len(self._subjects),
            idle_seconds=None if worked_at is None else time.monotonic() - worked_at,
            stalled_by=self._persistence.stalled_by,
        )

    async def turn(self) -> None:
        """Take what there is to the bus, and pause as it is worth.

        Raises:
            StoreUnavailable, SourceUnavailable: If one side does not answer; nothing is lost.
        """
        began = time.monotonic()
        try:
            if self._reviewed_at is None or began - self._reviewed_at > self._tempo.review_seconds:
                await self._review()
            events = await self._lanes.read(self._tempo.events_max)
            if events:
                await self._tell(events)
        except BaseException:
            self._lanes.rewind()
            self._reviewed_at = None
            raise
        self._worked_at = time.monotonic()
        await self._pause(self._worked_at - began, found=bool(events))

    async def _pause(self, worked_seconds: float, *, found: bool) -> None:
        if self._lanes.has_more:
            await self._pace.after(worked_seconds)
            return
        if found:
            self._pause_seconds = self._tempo.pause_seconds
        await self._sleep(self._pause_seconds)
        self._pause_seconds = min(2 * self._pause_seconds, self._tempo.pause_max_seconds)

    async def _tell(self, events: Sequence[StoredEvent]) -> None:
        """Take *events* to the bus, or put them aside; then the cursors move past them.

        When the bus refuses one, halves are sent until it stands alone, so that the first half
        is done before the second begins.
        """
        going = await self._without_parked(events)
        failures = await self._send(going)
        refused = [failure for failure in failures if failure is not None and failure.is_lasting]
        if not any(failures):
            self._told += len(going)
        elif not refused:
            await self._keep_prefix(events, going, failures)
            raise SourceUnavailable(_reason(failures))
        elif len(going) > 1:
            middle = len(events) // 2
            await self._tell(events[:middle])
            await self._tell(events[middle:])
            return
        else:
            await self._insist(going[0], refused[0])
        await self._lanes.done(last_of_each(events))

    async def _without_parked(self, events: Sequence[StoredEvent]) -> Sequence[StoredEvent]:
        """Put those aside whose subject waits already, and return the others."""
        if not self._subjects:
            return events
        aside = [event for event in events if event.subject_id in self._subjects]
        if aside:
            await self._parked.park(READER, aside, FOLLOWS)
        return [event for event in events if event.subject_id not in self._subjects]

    async def _send(self, events: Sequence[StoredEvent]) -> list[Failure | None]:
        """Send *events*, up to the first of which no record can be made."""
        records: list[Record] = []
        failures: list[Failure | None] = []
        for event in events:
            try:
                records.append(self._to_record(event))
            except Exception as error:  # noqa: BLE001 - whatever it is, the others must go on
                failures = [Failure(f"no record: {type(error).__name__}", is_lasting=True)]
                break
        sent = await self._sender.send(records) if records else []
        untried = len(events) - len(records) - len(failures)
        return [*sent, *failures, *([UNTRIED] * untried)]

    async def _keep_prefix(
        self,
        events: Sequence[StoredEvent],
        going: Sequence[StoredEvent],
        failures: Sequence[Failure | None],
    ) -> None:
        """Move each lane's cursor up to the first of its events that is not certain."""
        uncertain = {event.seq for event, failed in zip(going, failures, strict=True) if failed}
        blocked: set[int] = set()
        last: dict[int, Position] = {}
        for event in events:
            if event.seq in uncertain:
                blocked.add(event.lane)
            elif event.lane not in blocked:
                last[event.lane] = event.position
        self._told += len(going) - len(uncertain)
        if last:
            await self._lanes.done(last)

    async def _insist(self, event: StoredEvent, failure: Failure) -> None:
        """Try *event*, which was refused, some more times; then park it with its subject."""
        pauses = self._tempo.patience.pauses()
        for _ in range(self._tempo.patience.attempts_max - 1):
            await self._sleep(next(pauses))
            again = await self._failure([event])
            if again is None:
                self._told += 1
                return
            failure = again
        await self._parked.park(READER, [event], failure.reason, wait_seconds=RETRY_SECONDS)
        self._subjects |= {event.subject_id}
        log.error(
            "event.parked",
            event_id=event.id,
            type=event.type,
            subject_id=event.subject_id,
            reason=failure.reason,
        )

    async def _failure(self, events: Sequence[StoredEvent]) -> Failure | None:
        """Send *events*, and return why the bus refuses one, if it does.

        Raises:
            SourceUnavailable: If one failed for another reason.
        """
        failures = await self._send(events)
        for failure in failures:
            if failure is not None and failure.is_lasting:
                return failure
        if any(failures):
            raise SourceUnavailable(_reason(failures))
        return None

    async def _review(self) -> None:
        """See to the lanes, and let parked events have their next try when it is due."""
        await self._lanes.review()
        held = self._lanes.held
        self._subjects = await self._parked.subjects(READER, held)
        if self._subjects:
            due = await self._parked.due(READER, held, limit=self._tempo.events_max)
            for subject_id in dict.fromkeys(event.subject_id for event in due):
                await self._retry([event for event in due if event.subject_id == subject_id])
            self._subjects = await self._parked.subjects(READER, held)
        self._reviewed_at = time.monotonic()

    async def _retry(self, events: Sequence[StoredEvent]) -> None:
        """Try the parked *events* of one subject: the first alone, then one after the other."""
        for event in events:
            failure = await self._failure([event])
            if failure is not None:
                await self._parked.refused(READER, event, failure.reason)
                return
            await self._parked.told(READER, [event])
            self._told += 1
        log.info("events.unparked", subject_id=events[0].subject_id, events=len(events))


def _reason(failures: Sequence[Failure | None]) -> str:
    """Return the first reason that says something."""
    reasons = [failure.reason for failure in failures if failure not in {None, UNTRIED}]
    return str(reasons[0]) if reasons else UNTRIED.reason
