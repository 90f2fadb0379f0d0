"""A consumer: it takes records from its source, lets them have their effect, and goes on.

What was polled is committed after its effect, so a crash repeats it; the effect happens once all
the same, because it is remembered by event id in its own transaction (ADR 0025).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from actors.messaging import envelope
from actors.messaging.catalogue import catalogue

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from uuid import UUID

    from actors.domain.events import CloudEvent
    from actors.messaging.delivery import Delivery, Pair
    from actors.ports.events import Record, RecordSource


class Pace(Protocol):
    """How a consumer leaves room for payments."""

    async def after(self, worked_seconds: float) -> None:
        """Rest in proportion to the work that was just done."""
        ...


@dataclass(frozen=True, slots=True)
class Polling:
    """How much is taken at once, and how long an idle consumer waits for it."""

    records_max: int = 500
    wait_seconds: float = 1.0


@dataclass(frozen=True, slots=True)
class ConsumerHealth:
    """How a consumer is.

    Attributes:
        alive: Whether its loop runs.
        idle_seconds: Since the source last answered, None if it never did.
        stalled_by: What it waits for, None while everything goes well.
        delivered: Events that had their effect, now or before.
        skipped: Events of a type that means nothing here, and second copies in one batch.
        dead: Records that were given up.
    """

    alive: bool
    idle_seconds: float | None
    stalled_by: str | None
    delivered: int
    skipped: int
    dead: int


def _is_in_catalogue(event_type: str) -> bool:
    """Tell whether a CloudEvents type is one of ours; a newer version of us may have more."""
    return event_type in catalogue()


class Consumer:
    """Runs one group's effect over one source."""

    def __init__(
        self,
        source: RecordSource,
        delivery: Delivery,
        *,
        pace: Pace,
        polling: Polling | None = None,
        is_known: Callable[[str], bool] = _is_in_catalogue,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Put a consumer together.

        Args:
            source: Where the records come from.
            delivery: What becomes of them.
            pace: Rests after work.
            polling: How much at once.
            is_known: Tells by its type whether an event means anything here.
            clock: Seconds that never go back.
        """
        self._source = source
        self._delivery = delivery
        self._pace = pace
        self._polling = polling or Polling()
        self._is_known = is_known
        self._clock = clock
        self._running = False
        self._answered_at: float | None = None
        self._skipped = 0

    async def run(self) -> None:
        """Consume until cancelled; outages of the bus and of the database are waited for."""
        self._running = True
        try:
            await self._delivery.persistence.until_certain(self._source.open)
            while True:
                await self._turn()
        finally:
            self._running = False
            await self._source.close()

    def health(self) -> ConsumerHealth:
        """Return how it is now; it costs nothing."""
        answered_at = self._answered_at
        return ConsumerHealth(
            alive=self._running,
            idle_seconds=None if answered_at is None else self._clock() - answered_at,
            stalled_by=self._delivery.persistence.stalled_by,
            delivered=self._delivery.delivered,
            skipped=self._skipped,
            dead=self._delivery.dead,
        )

    async def _turn(self) -> None:
        """Take what there is, let it have its effect, and remember that."""
        records = await self._delivery.persistence.until_certain(self._poll)
        self._answered_at = self._clock()
        if not records:
            return
        await self._delivery.deliver(await self._readable(records))
        await self._delivery.persistence.until_certain(lambda: self._source.commit(records))
        await self._pace.after(self._clock() - self._answered_at)

    async def _poll(self) -> list[Record]:
        return await self._source.poll(
            limit=self._polling.records_max, timeout_seconds=self._polling.wait_seconds
        )

    async def _readable(self, records: Sequence[Record]) -> list[Pair]:
        """Return what can be read and is for this consumer; what cannot is given up."""
        found: dict[UUID, Pair] = {}
        for record in records:
            event = await self._parsed(record)
            if event is None:
                continue
            if event.id in found or not self._is_known(event.type):
                self._skipped += 1
            else:
                found[event.id] = (record, event)
        return list(found.values())

    async def _parsed(self, record: Record) -> CloudEvent | None:
        try:
            return envelope.parse(record)
        except envelope.Malformed as malformed:
            await self._delivery.give_up(record, malformed.reason, str(malformed))
            return None
