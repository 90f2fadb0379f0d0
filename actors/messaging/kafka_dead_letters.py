"""Dead letters in a topic of Kafka: the record as it was, and headers that say why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from uuid import UUID

from confluent_kafka import KafkaError, KafkaException, Producer

from actors.messaging.connection import DELIVERY_MS_MAX, error_of
from actors.messaging.own_thread import OwnThread
from actors.ports.events import DeadLetter, Record, SourceUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from confluent_kafka import Message

    from actors.messaging.connection import KafkaConnection

PREFIX: Final = "dead-letter-"
REASON: Final = "dead-letter-reason"
DETAIL: Final = "dead-letter-detail"
CONSUMER: Final = "dead-letter-consumer"
ATTEMPTS: Final = "dead-letter-attempts"
TOPIC: Final = "dead-letter-topic"
PARTITION: Final = "dead-letter-partition"
OFFSET: Final = "dead-letter-offset"
TIMESTAMP: Final = "dead-letter-timestamp"
EVENT_ID: Final = "dead-letter-event-id"
LEFT_OUT: Final = "dead-letter-left-out-bytes"
"""Instead of a content that does not fit beside the headers; it stays where it was read."""

FLUSH_SECONDS: Final = DELIVERY_MS_MAX / 1000 + 5
"""A little longer than the client itself tries."""


class KafkaDeadLetters:
    """A `DeadLetters` whose letters every broker in sync has before it says so."""

    def __init__(self, connection: KafkaConnection, *, topic: str) -> None:
        """Name where letters go; nothing is connected yet.

        Args:
            connection: To the brokers.
            topic: Such as ``gopherpay.dead-letter.v1``.
        """
        self._configuration = connection.producer(linger_ms=0)
        self._topic = topic
        self._thread = OwnThread("kafka-dead-letters")
        self._producer: Producer | None = None

    async def add(self, letter: DeadLetter) -> None:
        """Keep *letter*; one that is too large is kept without its content.

        Raises:
            SourceUnavailable: If it is not certain.
        """
        headers = [*letter.record.headers, *reasons(letter)]
        if await self._is_kept(letter.record.key, letter.record.value, headers):
            return
        left_out = str(len(letter.record.value or b"")).encode()
        headers.append((LEFT_OUT, left_out))
        if await self._is_kept(letter.record.key, None, headers):
            return
        if not await self._is_kept(None, None, [*reasons(letter), (LEFT_OUT, left_out)]):
            raise SourceUnavailable("the dead letter is too large for its topic")

    async def close(self) -> None:
        """End the thread; every letter that was told to be kept is."""
        self._thread.end()

    async def _is_kept(
        self,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes | None]],
    ) -> bool:
        """Tell whether a letter is kept now, False if it is too large.

        Raises:
            SourceUnavailable: If that is not certain.
        """
        try:
            await self._thread.call(self._produce, key, value, headers)
        except KafkaException as error:
            reason = error_of(error)
            if reason.code() == KafkaError.MSG_SIZE_TOO_LARGE:
                return False
            raise SourceUnavailable(reason.str()) from error
        return True

    def _produce(
        self,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes | None]],
    ) -> None:
        """Send one letter and wait for the brokers, in the thread.

        Raises:
            KafkaException: If they do not have it.
        """
        told: list[KafkaError | None] = []

        def tell(error: KafkaError | None, _message: Message) -> None:
            told.append(error)

        if self._producer is None:
            self._producer = Producer(self._configuration)
        producer = self._producer
        producer.produce(self._topic, value, key, headers=list(headers), on_delivery=tell)
        producer.flush(FLUSH_SECONDS)
        error = told[0] if told else KafkaError(KafkaError._TIMED_OUT)  # noqa: SLF001  public there
        if error is not None:
            if error.fatal() or not told:
                self._producer = None
            raise KafkaException(error)


def reasons(letter: DeadLetter) -> list[tuple[str, bytes | None]]:
    """Return the headers that say why, and where the record was read."""
    facts = {
        REASON: letter.reason,
        DETAIL: letter.detail[:1_000],
        CONSUMER: letter.consumer,
        ATTEMPTS: letter.attempts,
        TOPIC: letter.record.topic,
        PARTITION: letter.record.partition,
        OFFSET: letter.record.offset,
        TIMESTAMP: letter.record.timestamp_ms,
    }
    if letter.event_id is not None:
        facts[EVENT_ID] = str(letter.event_id)
    return [(name, str(fact).encode()) for name, fact in facts.items()]


def letter(record: Record) -> DeadLetter | None:
    """Return the letter that *record* of the topic carries, None if it is none.

    Of a header that is there twice the last counts: the record's own come first.
    """
    facts = {
        name: (value or b"").decode(errors="replace")
        for name, value in record.headers
        if name.startswith(PREFIX)
    }
    try:
        return DeadLetter(
            consumer=facts[CONSUMER],
            record=_original(record, facts),
            reason=facts[REASON],
            detail=facts[DETAIL],
            attempts=int(facts[ATTEMPTS]),
            event_id=UUID(facts[EVENT_ID]) if EVENT_ID in facts else None,
        )
    except (KeyError, ValueError):
        return None


def _original(record: Record, facts: Mapping[str, str]) -> Record:
    """Return the record as it was where it was read first."""
    return Record(
        topic=facts[TOPIC],
        partition=int(facts[PARTITION]),
        offset=int(facts[OFFSET]),
        key=record.key,
        value=record.value,
        headers=[header for header in record.headers if not header[0].startswith(PREFIX)],
        timestamp_ms=int(facts[TIMESTAMP]),
    )
