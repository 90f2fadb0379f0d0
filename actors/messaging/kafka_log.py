"""What is in topics of Kafka, read from anywhere to the end as it is now, in no group."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, Final, TypeAlias

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from actors.messaging import envelope, kafka_dead_letters
from actors.messaging.connection import error_of
from actors.messaging.kafka_source import as_record
from actors.messaging.own_thread import OwnThread
from actors.messaging.passing import patiently
from actors.ports.events import SourceUnavailable
from actors.ports.replay import KeptLetter, Selection, SelectionRefused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
    from typing import TypeVar
    from uuid import UUID

    from confluent_kafka import Message

    from actors.messaging.connection import KafkaConnection
    from actors.ports.events import Record

    T = TypeVar("T")

Partition: TypeAlias = tuple[str, int]

BATCH: Final = 500
ANSWER_SECONDS: Final = 15.0
SILENT_SECONDS: Final = 30.0
POLL_SECONDS: Final = 0.2
NOWHERE: Final = -1
"""Where a time leads that is after the last record."""

GROUP: Final = "gopherpay-replay"
"""librdkafka wants a name; nothing is ever committed under it."""


class KafkaLog:
    """An `EventLog` over topics of Kafka."""

    def __init__(self, connection: KafkaConnection) -> None:
        self._connection = connection

    async def read(self, selection: Selection) -> AsyncIterator[Sequence[Record]]:
        """Yield the records that are there now; see ``actors.ports.replay.EventLog``."""
        async with _reading(self._connection, selection) as following:
            while batch := await following():
                wanted = batch
                if selection.event_id is not None:
                    wanted = [each for each in batch if _tells_of(each, selection.event_id)]
                if wanted:
                    yield wanted


class KafkaLetterLog:
    """A `LetterLog` over the topic of dead letters.

    A topic cannot be marked: a letter's event is done once its consumer's inbox has it.
    """

    def __init__(self, connection: KafkaConnection, *, topic: str) -> None:
        self._connection = connection
        self._topic = topic

    async def letters(
        self, *, consumer: str | None = None, reason: str | None = None
    ) -> AsyncIterator[Sequence[KeptLetter]]:
        """Yield the letters in the order they were added; what is no letter is passed over."""
        async with _reading(self._connection, Selection((self._topic,))) as following:
            while batch := await following():
                kept = [each for each in map(_kept, batch) if each is not None]
                wanted = [
                    each
                    for each in kept
                    if consumer in {None, each.letter.consumer}
                    and reason in {None, each.letter.reason}
                ]
                if wanted:
                    yield wanted

    async def mark_replayed(self, letters: Sequence[KeptLetter]) -> None:
        """Do nothing: the inbox remembers."""


@dataclass(slots=True)
class _Spans:
    """What is left to read: partitions, each with its end."""

    consumer: Consumer
    ends: dict[Partition, int] = field(default_factory=dict)

    def begin(self, selection: Selection) -> None:
        """Find where every partition begins and ends, and go there."""
        begins: list[TopicPartition] = []
        for each in _partitions(self.consumer, selection):
            begin, end = _span(self.consumer, each, selection)
            if begin < end:
                begins.append(TopicPartition(*each, begin))
                self.ends[each] = end
        self.consumer.assign(begins)

    def following(self) -> list[Record]:
        """Return the next records, none after the last."""
        until = monotonic() + SILENT_SECONDS
        while self.ends:
            messages = self.consumer.consume(BATCH, POLL_SECONDS)
            if records := [record for each in messages for record in self._taken(each)]:
                return records
            if not messages and monotonic() > until:
                raise SourceUnavailable("no broker answers")
        return []

    def _taken(self, message: Message) -> Iterator[Record]:
        """Yield the record of *message* if it is before its partition's end."""
        partition = (message.topic() or "", message.partition() or 0)
        error = message.error()
        if error is not None:
            if error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001  its public name
                raise KafkaException(error)
            self.ends.pop(partition, None)
            return
        end = self.ends.get(partition, 0)
        offset = message.offset() or 0
        if offset < end:
            yield as_record(message)
        if offset + 1 >= end:
            self.ends.pop(partition, None)


@asynccontextmanager
async def _reading(
    connection: KafkaConnection, selection: Selection
) -> AsyncIterator[Callable[[], Awaitable[list[Record]]]]:
    """Yield a function that waits for the next records."""
    thread = OwnThread("kafka-log")
    configuration = connection.consumer(GROUP, group_protocol="classic", enable_partition_eof=True)
    try:
        spans = _Spans(await _answer(thread, Consumer, configuration))
        try:
            await _answer(thread, spans.begin, selection)
            yield lambda: _answer(thread, spans.following)
        finally:
            await _answer(thread, spans.consumer.close)
    finally:
        thread.end()


async def _answer(thread: OwnThread, function: Callable[..., T], *arguments: object) -> T:
    try:
        return await thread.call(function, *arguments)
    except KafkaException as error:
        raise SourceUnavailable(error_of(error).str()) from error


def _partitions(consumer: Consumer, selection: Selection) -> list[Partition]:
    """Return every partition that is meant.

    Raises:
        SelectionRefused: If there is no such topic or partition.
    """
    found: list[Partition] = []
    for topic in selection.topics:
        metadata = consumer.list_topics(topic, timeout=ANSWER_SECONDS).topics[topic]
        if metadata.error is not None:
            raise SelectionRefused(f"there is no topic {topic}")
        numbers = sorted(metadata.partitions)
        if selection.partition is not None:
            if selection.partition not in numbers:
                raise SelectionRefused(f"{topic} has the partitions 0 to {numbers[-1]}")
            numbers = [selection.partition]
        found += [(topic, number) for number in numbers]
    return found


def _span(consumer: Consumer, partition: Partition, selection: Selection) -> tuple[int, int]:
    """Return the first offset of a partition that is meant, and the one after the last.

    Raises:
        SelectionRefused: If the partition has no such offset.
    """
    place = TopicPartition(*partition)
    low, high = patiently(lambda: consumer.get_watermark_offsets(place, ANSWER_SECONDS))
    begin, end = low, high
    if selection.offset is not None:
        if not low <= selection.offset <= high:
            raise SelectionRefused(
                f"partition {partition[1]} of {partition[0]} has the offsets {low} to {high - 1}"
            )
        begin = selection.offset
    if selection.since is not None:
        begin = max(begin, _at(consumer, partition, selection.since, high))
    if selection.until is not None:
        end = _at(consumer, partition, selection.until, high)
    return begin, end


def _at(consumer: Consumer, partition: Partition, time: datetime, high: int) -> int:
    """Return the first offset that was written at *time* or later."""

    def ask() -> int:
        asked = TopicPartition(*partition, int(time.timestamp() * 1000))
        (answer,) = consumer.offsets_for_times([asked], timeout=ANSWER_SECONDS)
        if answer.error is not None:
            raise KafkaException(answer.error)
        return answer.offset

    offset = patiently(ask)
    return high if offset == NOWHERE else offset


def _tells_of(record: Record, event_id: UUID) -> bool:
    try:
        return envelope.parse(record).id == event_id
    except envelope.Malformed:
        return False


def _kept(record: Record) -> KeptLetter | None:
    found = kafka_dead_letters.letter(record)
    if found is None:
        return None
    added_at = datetime.fromtimestamp(record.timestamp_ms / 1000, UTC)
    return KeptLetter(record.offset, found, added_at)
