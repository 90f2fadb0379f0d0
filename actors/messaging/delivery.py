"""Bring events to their effect: again while that is uncertain, and past the one at fault."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

import structlog

from actors.domain.errors import Unavailable
from actors.ports.events import DeadLetter, Poison, SourceUnavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence
    from typing import TypeAlias
    from uuid import UUID

    from actors.domain.events import CloudEvent
    from actors.ports.events import DeadLetters, Effect, Record

    Pair: TypeAlias = tuple[Record, CloudEvent]
    Sleep: TypeAlias = Callable[[float], Awaitable[None]]

T = TypeVar("T")

UNCERTAIN: Final = (Unavailable, SourceUnavailable)
"""Nobody's fault: the same again will do, however long it takes."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait between tries.

    Attributes:
        attempts_max: Tries of an event that is at fault itself.
        pause_seconds: After the first failure; it doubles from there.
        pause_max_seconds: Never longer than this.
    """

    attempts_max: int = 5
    pause_seconds: float = 0.05
    pause_max_seconds: float = 5.0

    def pauses(self) -> Iterator[float]:
        """Yield how long to wait after each failure, for ever.

        Half of each is chance, so that those that failed together do not come back together.
        """
        pause_seconds = self.pause_seconds
        while True:
            yield pause_seconds * random.uniform(0.5, 1.0)  # noqa: S311  not a secret
            pause_seconds = min(2 * pause_seconds, self.pause_max_seconds)


class Persistence:
    """Repeats what is uncertain until it is certain, and says so once.

    Attributes:
        stalled_by: What it waits for now, None while everything goes well.
    """

    def __init__(self, consumer: str, patience: Patience, *, sleep: Sleep = asyncio.sleep) -> None:
        self.stalled_by: str | None = None
        self._consumer = consumer
        self._patience = patience
        self._sleep = sleep

    async def until_certain(self, act: Callable[[], Awaitable[T]]) -> T:
        """Return what *act* returns at last; whatever is wrong with it for good is raised."""
        pauses = self._patience.pauses()
        while True:
            try:
                result = await act()
            except UNCERTAIN as error:
                self._stall(error)
            else:
                self._recover()
                return result
            await self._sleep(next(pauses))

    def _stall(self, error: Exception) -> None:
        reason = str(error) or type(error).__name__
        if self.stalled_by is None:
            log.warning("consumer.stalled", consumer=self._consumer, reason=reason)
        self.stalled_by = reason

    def _recover(self) -> None:
        if self.stalled_by is not None:
            log.info("consumer.recovered", consumer=self._consumer)
        self.stalled_by = None


class Delivery:
    """Applies one effect to events, and gives up those that can never have it.

    Attributes:
        delivered: Events that had their effect, now or before.
        dead: Records that were given up.
    """

    def __init__(
        self,
        consumer: str,
        effect: Effect,
        letters: DeadLetters,
        *,
        patience: Patience | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.delivered = 0
        self.dead = 0
        self._consumer = consumer
        self._effect = effect
        self._letters = letters
        self._patience = patience or Patience()
        self._sleep = sleep
        self.persistence = Persistence(consumer, self._patience, sleep=sleep)

    async def deliver(self, pairs: Sequence[Pair]) -> None:
        """Let all *pairs* have their effect, in order.

        When that fails, half of them is tried, then the other half, until the one at fault
        stands alone: the others have their effect after a few transactions more.
        """
        if not pairs:
            return
        failure = await self._failure(pairs)
        if failure is None:
            return
        if len(pairs) == 1:
            await self._try_alone(pairs[0], failure)
            return
        middle = len(pairs) // 2
        await self.deliver(pairs[:middle])
        await self.deliver(pairs[middle:])

    async def give_up(
        self,
        record: Record,
        reason: str,
        detail: str,
        *,
        attempts: int = 1,
        event_id: UUID | None = None,
    ) -> None:
        """Put *record* to the dead letters, however long that takes."""
        letter = DeadLetter(self._consumer, record, reason, detail, attempts, event_id)
        await self.persistence.until_certain(lambda: self._letters.add(letter))
        self.dead += 1
        log.error(
            "event.given_up",
            consumer=self._consumer,
            reason=reason,
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            event_id=None if event_id is None else str(event_id),
        )

    async def _try_alone(self, pair: Pair, failure: Exception) -> None:
        """Try what failed once already some more times, then give it up."""
        record, event = pair
        pauses = self._patience.pauses()
        for _ in range(self._patience.attempts_max - 1):
            await self._sleep(next(pauses))
            again = await self._failure([pair])
            if again is None:
                return
            failure = again
        await self.give_up(
            record,
            "poison" if isinstance(failure, Poison) else "failed",
            _detail(failure),
            attempts=self._patience.attempts_max,
            event_id=event.id,
        )

    async def _failure(self, pairs: Sequence[Pair]) -> Exception | None:
        """Return why *pairs* cannot have their effect, None when they have it."""
        events = [event for _, event in pairs]
        try:
            await self.persistence.until_certain(lambda: self._effect.apply(events))
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not stop the partition
            return error
        self.delivered += len(events)
        return None


def _detail(failure: Exception) -> str:
    """Return what went wrong; a strange error's own words may hold the event's content."""
    return str(failure) if isinstance(failure, Poison) else type(failure).__name__
