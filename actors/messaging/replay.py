"""Do again what has gone by: each event once, whatever was done already."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from actors.messaging import envelope
from actors.messaging.catalogue import catalogue

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from actors.messaging.delivery import Delivery, Pair
    from actors.ports.events import DeadLetter, Record
    from actors.ports.replay import Inbox


@dataclass(slots=True)
class Tally:
    """What was found, for one consumer; it counts on.

    Attributes:
        records: Everything that was read.
        unreadable: Of these, what is no event.
        unknown: What is of a type that means nothing here.
        done: Events that had their effect before.
        due: Events that had none; after a replay, those of them that were tried.
    """

    records: int = 0
    unreadable: int = 0
    unknown: int = 0
    done: int = 0
    due: int = 0


class Failures:
    """Dead letters of a replay: they are told to the one who asked for it."""

    def __init__(self) -> None:
        self.letters: list[DeadLetter] = []

    async def add(self, letter: DeadLetter) -> None:
        """Keep *letter*."""
        self.letters.append(letter)

    def are_of(self, event_id: UUID) -> bool:
        """Tell whether the event failed."""
        return any(letter.event_id == event_id for letter in self.letters)


def event_id(record: Record) -> UUID | None:
    """Return the id of the event that *record* tells of, None if it tells of none."""
    try:
        return envelope.parse(record).id
    except envelope.Malformed:
        return None


class Replay:
    """One consumer's view of records that have gone by.

    Attributes:
        tally: What was found so far.
    """

    def __init__(self, consumer: str, inbox: Inbox) -> None:
        self.tally = Tally()
        self._consumer = consumer
        self._inbox = inbox

    async def due(self, records: Sequence[Record]) -> list[Pair]:
        """Return those of *records* whose event has had no effect yet, each event once.

        Raises:
            StoreUnavailable: If the database does not answer.
        """
        pairs = self._readable(records)
        done = await self._inbox.known(self._consumer, pairs.keys())
        found = [pair for event_id, pair in pairs.items() if event_id not in done]
        self.tally.done += len(pairs) - len(found)
        self.tally.due += len(found)
        return found

    async def do(self, records: Sequence[Record], delivery: Delivery) -> list[Pair]:
        """Let what is due of *records* have its effect, and return it.

        Raises:
            StoreUnavailable: If the database does not answer.
        """
        found = await self.due(records)
        await delivery.deliver(found)
        return found

    def _readable(self, records: Sequence[Record]) -> dict[UUID, Pair]:
        found: dict[UUID, Pair] = {}
        self.tally.records += len(records)
        for record in records:
            try:
                event = envelope.parse(record)
            except envelope.Malformed:
                self.tally.unreadable += 1
                continue
            if event.type not in catalogue():
                self.tally.unknown += 1
            else:
                found.setdefault(event.id, (record, event))
        return found
