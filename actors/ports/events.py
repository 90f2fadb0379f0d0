"""How facts leave the platform and reach those who act on them.

A fact is a row of the outbox.  Whoever reads the outbox (the relay to Kafka, or a consumer where
there is no Kafka) remembers how far it came in a cursor a lane; a consumer sees `Record`s, the
same from Kafka and from the outbox.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from actors.domain.events import CloudEvent

LANES: Final = 8
"""Into which the slots are divided for readers of the outbox, fixed for ever: slot modulo this."""


class Position(NamedTuple):
    """Where a row stands in the outbox; rows are read in this order.

    A sequence number alone is drawn before its transaction commits, so a reader that went by it
    would skip what commits late; a transaction id below the oldest running one is final.
    """

    xid: int
    seq: int


START: Final = Position(0, 0)


class StoredEvent(NamedTuple):
    """A row of the outbox, its columns as text that needs no more conversion.

    Attributes:
        id: The event id, a UUID.
        type: The CloudEvents type.
        subject_kind: ``account`` or ``user``.
        subject_id: The key that orders it, a UUID.
        time: RFC 3339 in UTC.
        data: JSON.
        trace_parent: W3C trace context of the request that caused it.
    """

    xid: int
    seq: int
    lane: int
    id: str
    type: str
    subject_kind: str
    subject_id: str
    time: str
    data: bytes
    trace_parent: str | None

    @property
    def position(self) -> Position:
        """Return where the row stands."""
        return Position(self.xid, self.seq)


class Outbox(Protocol):
    """The facts on their way out, and how far each reader of them came."""

    async def hold(self, reader: str, lanes: int) -> Mapping[int, Position]:
        """Take up to *lanes* lanes that no other process holds for *reader*, and keep them.

        Return every lane held now with its cursor.  A lane is held as long as this process's
        connection to the database lives.

        Raises:
            StoreUnavailable: If the database does not answer; nothing is held any more.
        """
        ...

    async def members(self, reader: str) -> int:
        """Return how many processes read as *reader* now, this one included once it holds.

        A fair share of the lanes is as many as each of them may have when all have as many.

        Raises:
            StoreUnavailable: If the database does not answer; nothing is held any more.
        """
        ...

    async def release(self, lanes: Collection[int]) -> None:
        """Give lanes back, so that another process may hold them."""
        ...

    async def read(
        self, lanes: Collection[int], after: Position, *, limit: int
    ) -> list[StoredEvent]:
        """Return rows of *lanes* beyond *after*, in order.

        Only such that no running transaction can still come before.

        Raises:
            StoreUnavailable: If the database does not answer.
        """
        ...

    async def advance(self, reader: str, cursors: Mapping[int, Position]) -> None:
        """Remember how far *reader* came in each lane; a cursor never goes back.

        Raises:
            StoreUnavailable: If that is not certain; reading again is safe.
        """
        ...

    async def close(self) -> None:
        """End; every lane that was held is free, and this process is no member any more."""
        ...


@dataclass(frozen=True, slots=True)
class Record:
    """A message as it travels: of Kafka, or made from a row of the outbox.

    Attributes:
        topic: Where it was read.
        partition: Of the topic; the lane where there is no Kafka.
        offset: Within the partition; the row's sequence number where there is no Kafka.
        key: The id that orders it, as text.
        headers: In order; names may repeat.
        timestamp_ms: When it was written, since the epoch.
        position: Of the row, where it was read from the outbox.
    """

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]] = ()
    timestamp_ms: int = 0
    position: Position | None = None


class RecordSource(Protocol):
    """Where a consumer's records come from, for one group of consumers.

    Of one partition only one process of the group reads at a time; what was polled and not
    committed comes again, here or elsewhere.
    """

    async def open(self) -> None:
        """Begin; partitions are shared out with the other processes of the group."""
        ...

    async def poll(self, *, limit: int, timeout_seconds: float) -> list[Record]:
        """Return the next records, of each partition in order; none when there is nothing new.

        Raises:
            SourceUnavailable: If the bus or the database does not answer; try again later.
        """
        ...

    async def commit(self, records: Sequence[Record]) -> None:
        """Remember that all of *records*, the whole of one poll, are done.

        Raises:
            SourceUnavailable: If that is not certain; they may come again.
        """
        ...

    async def close(self) -> None:
        """End, and let the other processes of the group go on."""
        ...


class SourceUnavailable(Exception):
    """The bus does not answer now; nothing is lost, all of it comes again."""


class Poison(Exception):
    """This event can never have its effect, however often it is tried."""


class Effect(Protocol):
    """What a consumer does with events."""

    async def apply(self, events: Sequence[CloudEvent]) -> None:
        """Do what *events* demand in one transaction, each once however often it comes.

        Raises:
            StoreUnavailable, OutcomeUnknown: If it is not certain; the same events come again.
            Poison: If one of them is at fault; nothing was done.
        """
        ...


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that was given up, and why.

    Attributes:
        consumer: The group that gave it up.
        reason: A code such as ``malformed``; *detail* says more, never the record's content.
        attempts: How often it was tried.
    """

    consumer: str
    record: Record
    reason: str
    detail: str = field(repr=False)
    attempts: int = 1
    event_id: UUID | None = None


class DeadLetters(Protocol):
    """Where records go that were given up, to be looked at and replayed by a person."""

    async def add(self, letter: DeadLetter) -> None:
        """Keep *letter*.

        Raises:
            SourceUnavailable: If it is not certain; the record must not be passed over then.
        """
        ...
