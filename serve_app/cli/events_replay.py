"""Replay: look what is due, and let it have its effect in this process."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from rich.table import Table

from actors.messaging.delivery import Delivery
from actors.messaging.replay import Failures, Replay, Tally, event_id
from actors.ports.events import DeadLetter
from actors.settings import Settings
from serve_app.cli.events_bus import opened_bus
from serve_app.cli.events_selection import Asked, selection

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable
    from contextlib import AbstractAsyncContextManager

    from actors.ports.events import Effect, Record
    from actors.ports.replay import KeptLetter
    from serve_app.cli.events_bus import Bus

Tell: TypeAlias = "Callable[[str], None]"

STALL_SECONDS: Final = 60.0
"""A running consumer waits for ever; a person at a terminal is told."""


class EffectFactory(Protocol):
    """Makes what a consumer does with events."""

    def __call__(self, settings: Settings, consumer: str) -> AbstractAsyncContextManager[Effect]:
        """Return the effect of *consumer* for as long as it is used."""
        ...


@dataclass(frozen=True, slots=True)
class Wish:
    """What is replayed, and when it was asked for."""

    settings: Settings
    asked: Asked
    now: datetime


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a replay found or did, for each consumer."""

    tallies: Mapping[str, Tally]
    failed: Sequence[DeadLetter] = field(default=())

    @property
    def due(self) -> int:
        """Return how many effects were due."""
        return sum(tally.due for tally in self.tallies.values())


async def look(wish: Wish, tell: Tell) -> Outcome:
    """Return what a replay would do; nothing is changed.

    Raises:
        EventsRefused, SelectionRefused, SourceUnavailable, StoreUnavailable: See ``answered``.
    """
    async with opened_bus(wish.settings) as bus:
        views = {consumer: Replay(consumer, bus.inbox) for consumer in wish.asked.consumers}
        async for consumer, records, _ in _batches(wish, bus):
            await views[consumer].due(records)
            tell(_progress(view.tally for view in views.values()))
    return Outcome({consumer: view.tally for consumer, view in views.items()})


async def replay(wish: Wish, effects: EffectFactory, tell: Tell) -> Outcome:
    """Let everything that is due have its effect, once; events that fail are told.

    Raises:
        EventsRefused, SelectionRefused, SourceUnavailable, StoreUnavailable: See ``answered``.
        TimeoutError: If the database stops answering.
    """
    failures = Failures()
    async with opened_bus(wish.settings) as bus, _effects(wish, effects) as effect_of:
        views = {consumer: Replay(consumer, bus.inbox) for consumer in effect_of}
        deliveries = {
            consumer: Delivery(consumer, effect, failures) for consumer, effect in effect_of.items()
        }
        async for consumer, records, letters in _batches(wish, bus):
            async with asyncio.timeout(STALL_SECONDS):
                await views[consumer].do(records, deliveries[consumer])
                await _mark(bus, consumer, letters)
            tell(_progress(view.tally for view in views.values()))
    return Outcome({consumer: view.tally for consumer, view in views.items()}, failures.letters)


@asynccontextmanager
async def _effects(wish: Wish, effects: EffectFactory) -> AsyncIterator[dict[str, Effect]]:
    """Yield the effect of every consumer that is asked for."""
    async with AsyncExitStack() as stack:
        yield {
            consumer: await stack.enter_async_context(effects(wish.settings, consumer))
            for consumer in wish.asked.consumers
        }


async def _batches(
    wish: Wish, bus: Bus
) -> AsyncIterator[tuple[str, Sequence[Record], Sequence[KeptLetter]]]:
    """Yield records with the consumer they are for, and the letters they come from."""
    asked = wish.asked
    if asked.dead_letters:
        async for page in bus.letters.letters(consumer=asked.consumer, reason=asked.reason):
            for consumer, letters in _by_consumer(page, asked).items():
                yield consumer, [kept.letter.record for kept in letters], letters
        return
    async for records in bus.log.read(selection(asked, bus.topics, wish.now)):
        for consumer in asked.consumers:
            yield consumer, records, ()


def _by_consumer(page: Sequence[KeptLetter], asked: Asked) -> dict[str, list[KeptLetter]]:
    """Return the letters of each consumer that is asked for."""
    found: dict[str, list[KeptLetter]] = defaultdict(list)
    for kept in page:
        if kept.letter.consumer in asked.consumers:
            found[kept.letter.consumer].append(kept)
    return found


async def _mark(bus: Bus, consumer: str, letters: Sequence[KeptLetter]) -> None:
    """Mark the letters whose event has had its effect by now."""
    ids = {kept.number: event_id(kept.letter.record) for kept in letters}
    done = await bus.inbox.known(consumer, (each for each in ids.values() if each is not None))
    await bus.letters.mark_replayed([kept for kept in letters if ids[kept.number] in done])


def _progress(tallies: Iterable[Tally]) -> str:
    found = list(tallies)
    return (
        f"{sum(each.records for each in found):,} records read, "
        f"{sum(each.due for each in found):,} events due"
    )


def outcome_table(outcome: Outcome, title: str) -> Table:
    """Return what was found, a row a consumer."""
    table = Table(title=title)
    table.add_column("consumer")
    for name in ("records", "no event", "means nothing", "done before", "due"):
        table.add_column(name, justify="right")
    for consumer, tally in outcome.tallies.items():
        counts = (tally.records, tally.unreadable, tally.unknown, tally.done, tally.due)
        table.add_row(consumer, *(f"{count:,}" for count in counts))
    return table
