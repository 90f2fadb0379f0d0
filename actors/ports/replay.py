"""What has gone by already, to be looked at and done again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from actors.ports.events import DeadLetter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

    from actors.ports.events import Record, StoredEvent


@dataclass(frozen=True, slots=True)
class Selection:
    """Which records are meant; every condition that is given must hold.

    Attributes:
        topics: By name; of each the whole, unless more is said.
        partition: Of the only topic; the lane where there is no Kafka.
        offset: The first one of that partition; the row's number where there is no Kafka.
        since: Written then or later.
        until: Written before.
        event_id: The only event.
    """

    topics: tuple[str, ...]
    partition: int | None = None
    offset: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    event_id: UUID | None = None


class SelectionRefused(Exception):
    """There is no such topic, partition or offset; the message is one clause that says so."""


class EventLog(Protocol):
    """Everything that was told and is still kept."""

    def read(self, selection: Selection) -> AsyncIterator[Sequence[Record]]:
        """Yield the records that are there now, of each partition in order.

        Raises:
            SelectionRefused: If what is named does not exist.
            SourceUnavailable: If the bus or the database does not answer.
        """
        ...


@dataclass(frozen=True, slots=True)
class KeptLetter:
    """A dead letter as it is kept.

    Attributes:
        number: What tells it from others in its place.
        added_at: When it was given up.
        replayed_at: When its event had its effect after all, where that is kept beside it.
    """

    number: int
    letter: DeadLetter
    added_at: datetime
    replayed_at: datetime | None = None


class LetterLog(Protocol):
    """The dead letters that are kept."""

    def letters(
        self, *, consumer: str | None = None, reason: str | None = None
    ) -> AsyncIterator[Sequence[KeptLetter]]:
        """Yield the letters in the order they were added.

        Raises:
            SourceUnavailable: If the bus or the database does not answer.
        """
        ...

    async def mark_replayed(self, letters: Sequence[KeptLetter]) -> None:
        """Remember that the events of *letters* had their effect.

        Raises:
            SourceUnavailable: If that is not certain.
        """
        ...


class Inbox(Protocol):
    """Which events each consumer has done."""

    async def known(self, consumer: str, event_ids: Iterable[UUID]) -> frozenset[UUID]:
        """Return those of *event_ids* that *consumer* has done.

        Raises:
            StoreUnavailable: If the database does not answer.
        """
        ...


@dataclass(frozen=True, slots=True)
class StoredSelection:
    """Which rows of the outbox are meant.

    Attributes:
        subject_kinds: Of ``account`` and ``user``.
        lane: The only one.
        first_seq: No row with a smaller number.
        since: Written then or later.
        until: Written before.
        event_id: The only event.
    """

    subject_kinds: tuple[str, ...]
    lane: int | None = None
    first_seq: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    event_id: UUID | None = None


class StoredEvents(Protocol):
    """The rows of the outbox that are still kept."""

    def read(self, selection: StoredSelection) -> AsyncIterator[Sequence[StoredEvent]]:
        """Yield the rows that are there now, in order.

        Raises:
            StoreUnavailable: If the database does not answer.
        """
        ...
