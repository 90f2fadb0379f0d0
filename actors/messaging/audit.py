"""Everything that is in the topics of events, read from their beginnings for an audit."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import partial
from hashlib import md5
from typing import TYPE_CHECKING, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from actors.domain.events import rfc3339
from actors.messaging import envelope
from actors.messaging.connection import Administration, error_of
from actors.messaging.kafka_source import as_record
from actors.messaging.passing import patiently
from actors.messaging.topics import topic_names
from actors.ports.audit import AuditedRecord
from actors.ports.events import SourceUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from confluent_kafka import Message

    from actors.domain.events import CloudEvent
    from actors.messaging.connection import KafkaConnection

ANSWER_SECONDS: Final = 15.0
SILENCE_SECONDS_MAX: Final = 60.0
"""How long the brokers may give nothing before the audit gives up."""
MESSAGES_AT_ONCE: Final = 5_000
POSTED: Final = ".posted"

_Partition = tuple[str, int]


class KafkaAudit:
    """A `RecordAudit` over the topics of events; it joins no group and commits nothing."""

    def __init__(self, connection: KafkaConnection, *, topic_prefix: str) -> None:
        """Name what is read; nothing is connected yet."""
        names = topic_names(topic_prefix)
        self._connection = connection
        self._topics = (names.account, names.user)
        self._kept_since: datetime | None = None

    @property
    def kept_since(self) -> datetime | None:
        """Return from when on no topic has forgotten anything, once the records were read."""
        return self._kept_since

    def records(self) -> Iterator[AuditedRecord]:
        """Yield what is there when this begins, each partition in order.

        Raises:
            KafkaUnusable: If the brokers are not reached, with what to do.
            SourceUnavailable: If they stop answering.
        """
        Administration(self._connection).reach(ANSWER_SECONDS)
        consumer = Consumer(
            self._connection.consumer("gopherpay-verify", enable_partition_eof=True)
        )
        try:
            yield from self._all(consumer)
        except KafkaException as error:
            raise SourceUnavailable(error_of(error).str()) from error
        finally:
            consumer.close()

    def _all(self, consumer: Consumer) -> Iterator[AuditedRecord]:
        begins, ends = _bounds(consumer, self._topics)
        left = {place for place, end in ends.items() if end > begins[place]}
        self._forget(begins, ends)
        consumer.assign([TopicPartition(*place, begins[place]) for place in left])
        for message in _messages(consumer, left, ends):
            place = (message.topic() or "", message.partition() or 0)
            if begins.get(place):
                self._forgotten_before(message.timestamp()[1])
                begins[place] = 0
            yield _audited(message)

    def _forget(self, begins: dict[_Partition, int], ends: dict[_Partition, int]) -> None:
        """Take note of partitions that have forgotten everything up to now."""
        if any(begin and begin == ends[place] for place, begin in begins.items()):
            self._forgotten_before(int(time.time() * 1000))

    def _forgotten_before(self, timestamp_ms: int) -> None:
        at = datetime.fromtimestamp(timestamp_ms / 1000, UTC)
        self._kept_since = max(self._kept_since or at, at)


def _bounds(
    consumer: Consumer, topics: Iterable[str]
) -> tuple[dict[_Partition, int], dict[_Partition, int]]:
    """Return where each partition begins and ends now."""
    begins: dict[_Partition, int] = {}
    ends: dict[_Partition, int] = {}
    for topic in topics:
        found = consumer.list_topics(topic, timeout=ANSWER_SECONDS).topics[topic]
        for number in found.partitions if found.error is None else ():
            place = TopicPartition(topic, number)
            marks = patiently(partial(consumer.get_watermark_offsets, place, ANSWER_SECONDS))
            if marks is None:
                raise SourceUnavailable(f"{topic}/{number} does not say where it ends")
            begins[topic, number], ends[topic, number] = marks
    return begins, ends


def _messages(
    consumer: Consumer, left: set[_Partition], ends: dict[_Partition, int]
) -> Iterator[Message]:
    """Yield the messages of the partitions *left*, each up to its end."""
    for message in _heard(consumer, left):
        place = (message.topic() or "", message.partition() or 0)
        offset = message.offset() or 0
        is_end = _is_end(message)
        if not is_end and offset < ends[place]:
            yield message
        if is_end or offset >= ends[place] - 1:
            left.discard(place)


def _heard(consumer: Consumer, left: set[_Partition]) -> Iterator[Message]:
    """Yield whatever comes while something is *left*."""
    heard = time.monotonic()
    while left:
        messages = consumer.consume(MESSAGES_AT_ONCE, 0.5)
        if messages:
            heard = time.monotonic()
        elif time.monotonic() - heard > SILENCE_SECONDS_MAX:
            raise SourceUnavailable("the brokers have stopped answering")
        yield from messages


def _is_end(message: Message) -> bool:
    """Tell whether *message* only says that a partition ends here.

    Raises:
        KafkaException: If it says that something is wrong.
    """
    error = message.error()
    if error is None:
        return False
    if error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001  the library's public names begin so
        raise KafkaException(error)
    return True


def _audited(message: Message) -> AuditedRecord:
    record = as_record(message)
    place = (record.topic, record.partition, record.offset)
    try:
        event = envelope.parse(record)
    except envelope.Malformed as malformed:
        return AuditedRecord(*place, trouble=malformed.reason)
    return AuditedRecord(
        *place,
        event_id=str(event.id),
        subject_id=str(event.subject),
        type=event.type,
        time=rfc3339(event.time),
        version=_version(event),
        digest=md5(record.value or b"", usedforsecurity=False).hexdigest(),
    )


def _version(event: CloudEvent) -> int | None:
    """Return the version of the subject's account, where money moved."""
    if not event.name.endswith(POSTED):
        return None
    is_source = event.data.get("source_account_id") == str(event.subject)
    version = event.data.get("source_version" if is_source else "destination_version")
    return version if isinstance(version, int) else None
