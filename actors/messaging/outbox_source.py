"""Records of the outbox itself, for one group of consumers: the bus where there is no Kafka."""

from __future__ import annotations

import asyncio
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from actors.domain.errors import Unavailable
from actors.messaging import envelope
from actors.messaging.lanes import Lanes
from actors.ports.events import SourceUnavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from actors.ports.events import Outbox, Record, StoredEvent

PAUSE_SECONDS: Final = 0.02
PAUSE_SECONDS_MAX: Final = 0.2
"""Between two looks at an outbox that had nothing new."""

REVIEW_SECONDS: Final = 2.0
"""How often it is looked who else is there, to have no more and no fewer lanes than they."""


class OutboxSource:
    """A `RecordSource` over the rows of an outbox, with a cursor a lane."""

    def __init__(
        self,
        outbox: Outbox,
        *,
        group: str,
        topic_prefix: str,
        source: str,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Name what is read; nothing is held yet.

        Args:
            outbox: The rows, on a connection of this source alone.
            group: The reader in whose name cursors are kept and lanes are held.
            topic_prefix: Of the topics the records say they are of.
            source: The CloudEvents source they say they come from.
            clock: Seconds that never go back.
            sleep: Waits.
        """
        self._outbox = outbox
        self._lanes = Lanes(outbox, group)
        self._topic_prefix = topic_prefix
        self._event_source = source
        self._clock = clock
        self._sleep = sleep
        self._reviewed_at = clock()

    async def open(self) -> None:
        """Take a fair share of the lanes.

        Raises:
            SourceUnavailable: If the database does not answer.
        """
        with _as_source():
            await self._lanes.review()

    async def poll(self, *, limit: int, timeout_seconds: float) -> list[Record]:
        """Return the next records, of each lane in order; none when there is nothing new.

        Raises:
            SourceUnavailable: If the database does not answer; every lane is taken anew then.
        """
        until, pause_seconds = self._clock() + timeout_seconds, PAUSE_SECONDS
        with _as_source():
            await self._review()
            while True:
                events = await self._lanes.read(limit)
                if events:
                    return [self._record(event) for event in events]
                if self._clock() + pause_seconds > until:
                    return []
                if not self._lanes.has_more:
                    await self._sleep(pause_seconds)
                    pause_seconds = min(2 * pause_seconds, PAUSE_SECONDS_MAX)

    async def commit(self, records: Sequence[Record]) -> None:
        """Remember that *records* are done, in the lanes that are still held.

        Raises:
            SourceUnavailable: If that is not certain.
        """
        if not self._lanes.held:
            # They were lost meanwhile: whoever has them now does these again, to no effect.
            return
        with _as_source():
            await self._lanes.done(
                {each.partition: each.position for each in records if each.position is not None}
            )

    async def close(self) -> None:
        """Give the lanes back."""
        await self._outbox.close()

    @property
    def lanes(self) -> frozenset[int]:
        """Return the lanes that are held now."""
        return self._lanes.held

    async def _review(self) -> None:
        now = self._clock()
        if not self._lanes.held or now - self._reviewed_at >= REVIEW_SECONDS:
            await self._lanes.review()
            self._reviewed_at = now

    def _record(self, event: StoredEvent) -> Record:
        return envelope.record(event, topic_prefix=self._topic_prefix, source=self._event_source)


@contextmanager
def _as_source() -> Iterator[None]:
    """Tell a database that does not answer as a source that does not."""
    try:
        yield
    except Unavailable as error:
        raise SourceUnavailable(str(error)) from error
