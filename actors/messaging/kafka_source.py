"""Records of Apache Kafka, for one group of consumers.

The client is called in a thread of its own.  Nothing is committed but what was done, and that
only for partitions that were never given away since they were polled.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Final, cast

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from actors.ending import ended
from actors.messaging.connection import error_of
from actors.messaging.own_thread import OwnThread
from actors.ports.events import Record, SourceUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import TypeAlias, TypeVar

    from confluent_kafka import Message

    from actors.messaging.connection import KafkaConnection

    Partition: TypeAlias = tuple[str, int]
    _Headers: TypeAlias = list[tuple[str, str | bytes | None]]
    T = TypeVar("T")

HOLDING_SECONDS: Final = 1.0
"""How often the group hears of a consumer that is still busy with what it polled."""

COMMIT_TRIES: Final = 20
COMMIT_PAUSE_SECONDS: Final = 0.1
"""What cannot be committed after these two seconds comes again, to no effect."""

PROBE_SECONDS: Final = 2.0
LOOK_SECONDS: Final = 5.0
"""How often one that has nothing to read looks whether the topics are there."""

CLOSE_SECONDS: Final = 15.0

LOST: Final = frozenset(
    {
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.REBALANCE_IN_PROGRESS,
        KafkaError.FENCED_INSTANCE_ID,
        KafkaError.FENCED_MEMBER_EPOCH,
        KafkaError.STALE_MEMBER_EPOCH,
        KafkaError._ASSIGNMENT_LOST,  # noqa: SLF001  the library's public names begin so
        KafkaError._MAX_POLL_EXCEEDED,  # noqa: SLF001  see above
        KafkaError._NO_OFFSET,  # noqa: SLF001  see above
    }
)
"""Answers that mean: another one has the partition now, and will do this again."""

UNREADABLE: Final[list[tuple[str, bytes | None]]] = [("unreadable", None)]
"""Instead of headers whose names are no text."""

log = structlog.get_logger(__name__)


class KafkaSource:
    """A `RecordSource` over topics of Kafka."""

    def __init__(self, connection: KafkaConnection, *, group: str, topics: Sequence[str]) -> None:
        """Name what is read; nothing is connected yet.

        Args:
            connection: To the brokers.
            group: The group of consumers that shares the partitions.
            topics: What it reads.
        """
        self._configuration = connection.consumer(group, error_cb=self._on_error)
        self._group = group
        self._topics = list(topics)
        self._thread = OwnThread(f"kafka-{group}")
        self._consumer: Consumer | None = None
        self._holding: asyncio.Task[None] | None = None
        # From here on only the thread writes.
        self._assignments = 0
        self._mine: dict[Partition, int] = {}
        self._polled: dict[Partition, int] = {}
        self._early: deque[Record] = deque()
        self._paused = False
        self._is_down = False
        self._look_at = 0.0

    async def open(self) -> None:
        """Join the group.

        Raises:
            SourceUnavailable: If the client refuses its configuration.
        """
        await self._call(self._open)

    async def poll(self, *, limit: int, timeout_seconds: float) -> list[Record]:
        """Return the next records, of each partition in order; none when there is nothing new.

        Raises:
            SourceUnavailable: If no broker answers.
        """
        await self._hold_no_more()
        records = await self._call(self._poll, limit, timeout_seconds)
        if records:
            self._holding = asyncio.create_task(self._hold())
        return records

    async def commit(self, records: Sequence[Record]) -> None:
        """Remember that *records* are done, where the partition has been ours all along.

        Raises:
            SourceUnavailable: If the group's coordinator does not answer.
        """
        ends: dict[Partition, int] = {}
        for record in records:
            partition = (record.topic, record.partition)
            ends[partition] = max(record.offset + 1, ends.get(partition, 0))
        await self._call(self._commit, ends)

    async def close(self) -> None:
        """Leave the group; a broker that does not answer is not waited for long."""
        await self._hold_no_more()
        with suppress(SourceUnavailable, TimeoutError):
            await asyncio.wait_for(self._call(self._close), CLOSE_SECONDS)
        self._thread.end()

    @property
    def assigned(self) -> frozenset[tuple[str, int]]:
        """Return the partitions that are ours now."""
        return frozenset(self._mine)

    async def _call(self, function: Callable[..., T], *arguments: object) -> T:
        try:
            return await self._thread.call(function, *arguments)
        except KafkaException as error:
            raise SourceUnavailable(error_of(error).str()) from error

    async def _hold(self) -> None:
        """Keep the group going while what was polled is worked on, perhaps for long."""
        while True:
            await asyncio.sleep(HOLDING_SECONDS)
            with suppress(SourceUnavailable):
                await self._call(self._keep_alive)

    async def _hold_no_more(self) -> None:
        if self._holding is not None:
            await ended(self._holding)
            self._holding = None

    # Below: in the thread.

    def _open(self) -> Consumer:
        if self._consumer is None:
            self._consumer = Consumer(self._configuration)
            self._consumer.subscribe(
                self._topics,
                on_assign=self._on_assign,
                on_revoke=self._on_revoke,
                on_lost=self._on_revoke,
            )
        return self._consumer

    def _close(self) -> None:
        consumer, self._consumer = self._consumer, None
        self._mine.clear()
        self._early.clear()
        if consumer is not None:
            consumer.close()

    def _poll(self, limit: int, timeout_seconds: float) -> list[Record]:
        consumer = self._open()
        if self._paused:
            consumer.resume(consumer.assignment())
            self._paused = False
        if self._is_down or (not self._mine and time.monotonic() > self._look_at):
            self._look(consumer)
        records = self._take_early() or self._read(consumer, limit, timeout_seconds)
        # What was given away while reading is somebody else's by now.
        records = [record for record in records if (record.topic, record.partition) in self._mine]
        self._polled = dict(self._mine)
        return records

    def _look(self, consumer: Consumer) -> None:
        """Make sure that the brokers answer and that the topics are there.

        The group itself says nothing of a topic that is missing: it assigns nothing of it.

        Raises:
            KafkaException: If not.
        """
        for topic in self._topics:
            found = consumer.list_topics(topic, timeout=PROBE_SECONDS).topics[topic]
            if found.error is not None:
                self._keep_alive()
                raise KafkaException(found.error)
        self._is_down = False
        self._look_at = time.monotonic() + LOOK_SECONDS

    def _take_early(self) -> list[Record]:
        records = list(self._early)
        self._early.clear()
        return records

    def _read(self, consumer: Consumer, limit: int, timeout_seconds: float) -> list[Record]:
        """Wait for one message, and take what has come with it.

        ``consume`` alone would wait for the whole of *limit*.
        """
        first = consumer.poll(timeout_seconds)
        if first is None:
            return []
        messages = [first, *consumer.consume(limit - 1, 0)] if limit > 1 else [first]
        records = [as_record(message) for message in messages if message.error() is None]
        if not records:
            self._refuse(messages)
        return records

    def _refuse(self, messages: Sequence[Message]) -> None:
        """Say what is wrong when there are only errors.

        Raises:
            KafkaException: With the first error that is not passing by itself.
        """
        for message in messages:
            error = message.error()
            if error is not None and error.code() not in LOST:
                if error.fatal():
                    self._close()
                raise KafkaException(error)

    def _commit(self, ends: Mapping[Partition, int]) -> None:
        """Commit what is still ours; while partitions are shared out anew, hear of that first."""
        for _ in range(COMMIT_TRIES):
            offsets = [
                TopicPartition(*partition, end)
                for partition, end in ends.items()
                if self._mine.get(partition, -1) == self._polled.get(partition)
            ]
            if not offsets or _is_committed(self._open(), offsets):
                return
            self._keep_alive()
            time.sleep(COMMIT_PAUSE_SECONDS)  # in a thread of ours; the group settles meanwhile

    def _keep_alive(self) -> None:
        """Serve the group's wishes and take no messages; one that slips through waits here."""
        if (consumer := self._consumer) is None:
            return
        consumer.pause(consumer.assignment())
        self._paused = True
        message = consumer.poll(0)
        if message is not None and message.error() is None:
            self._early.append(as_record(message))

    def _on_assign(self, _consumer: Consumer, partitions: Sequence[TopicPartition]) -> None:
        self._assignments += 1
        for each in partitions:
            self._mine[each.topic, each.partition] = self._assignments
        log.info("partitions.assigned", group=self._group, partitions=_named(partitions))

    def _on_revoke(self, _consumer: Consumer, partitions: Sequence[TopicPartition]) -> None:
        for each in partitions:
            self._mine.pop((each.topic, each.partition), None)
        self._early = deque(
            record for record in self._early if (record.topic, record.partition) in self._mine
        )
        log.info("partitions.revoked", group=self._group, partitions=_named(partitions))

    def _on_error(self, error: KafkaError) -> None:
        if error.code() == KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001  see LOST
            self._is_down = True


def _is_committed(consumer: Consumer, offsets: list[TopicPartition]) -> bool:
    """Commit *offsets*; tell whether the group took them all.

    Raises:
        KafkaException: If it is not known.
    """
    try:
        answers = consumer.commit(offsets=offsets, asynchronous=False) or []
    except KafkaException as error:
        if error_of(error).code() in LOST:
            return False
        raise
    refused = [each.error for each in answers if each.error is not None]
    for reason in refused:
        if reason.code() not in LOST:
            raise KafkaException(reason)
    return not refused


def as_record(message: Message) -> Record:
    """Return a message of the client as ours."""
    return Record(
        topic=message.topic() or "",
        partition=message.partition() or 0,
        offset=message.offset() or 0,
        key=_bytes(message.key()),
        value=_bytes(message.value()),
        headers=_headers(message),
        timestamp_ms=message.timestamp()[1],
    )


def _headers(message: Message) -> list[tuple[str, bytes | None]]:
    try:
        given = message.headers()
    except UnicodeDecodeError:
        return UNREADABLE
    return [(name, _bytes(value)) for name, value in cast("_Headers", given or [])]


def _bytes(content: str | bytes | None) -> bytes | None:
    return content.encode() if isinstance(content, str) else content


def _named(partitions: Sequence[TopicPartition]) -> list[str]:
    return [f"{each.topic}/{each.partition}" for each in partitions]
