"""A compacted topic of one partition, read up to its end: only what is new since the last time."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    TopicCollection,
    TopicPartition,
)

from gopherpay_operator.backends.kafka_client import error_of
from gopherpay_operator.backends.ports import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from confluent_kafka import Message
    from confluent_kafka.admin import TopicDescription

    from gopherpay_operator.backends.kafka_client import KafkaClient

POLL_SECONDS: Final = 0.5
FETCH_WAIT_MS: Final = 10  # a broker without anything new answers no sooner than this
_OURS_TO_IGNORE: Final = frozenset(
    {
        # The group is demanded by the library and never joined: no right to it is needed.
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.NOT_COORDINATOR,
    }
)


@dataclass(frozen=True, slots=True)
class Record:
    """One record; without a value it takes back what its key said."""

    offset: int
    key: bytes
    value: bytes | None


class KafkaTail:
    """The reader; many threads may ask at once, and those who wait share one look."""

    def __init__(
        self,
        client: KafkaClient,
        topic: str,
        take: Callable[[Record], None],
        start_anew: Callable[[], None],
    ) -> None:
        """Make the reader; nothing is connected yet.

        Args:
            client: Whom to ask about the topic, and by which settings to read.
            topic: What to read.
            take: Is told every record once, in order, by one thread at a time.
            start_anew: Is told that the topic is another one, and that all begins again.
        """
        self._client = client
        self._topic = topic
        self._take, self._start_anew = take, start_anew
        self._lock = threading.Lock()
        self._consumer: Consumer | None = None
        self._topic_id: str | None = None
        self._position = OFFSET_BEGINNING
        self._looks_begun = 0
        self._last_success = 0

    def catch_up(self, doing: str) -> bool:
        """Take all records that were there when this was called; tell whether the topic is there.

        Raises:
            Unavailable: If that is not certain.
            Forbidden: If we may not read it.
        """
        asked_after = self._looks_begun
        with self._lock:
            if self._last_success <= asked_after:  # the look has begun before we asked
                self._look(doing)
            return self._topic_id is not None

    def close(self) -> None:
        """Let go of the connection."""
        with self._lock:
            self._drop()

    def _look(self, doing: str) -> None:
        self._looks_begun += 1
        there = self.described(doing)
        topic_id = None if there is None else str(there.topic_id)
        if topic_id != self._topic_id:
            self._begin_again(topic_id)
        if topic_id is not None:
            try:
                self._read(doing)
            except KafkaException as error:
                self._drop()
                raise self._client.failure(error_of(error), doing) from None
        self._last_success = self._looks_begun

    def described(self, doing: str) -> TopicDescription | None:
        """Return what the topic is now, ``None`` when it is not there; asking makes nothing."""
        asked = self._client.admin.describe_topics(
            TopicCollection([self._topic]), request_timeout=self._client.answer_seconds
        )
        return self._client.answer_if_there(asked[self._topic], doing)

    def _begin_again(self, topic_id: str | None) -> None:
        self._start_anew()
        self._topic_id, self._position = topic_id, OFFSET_BEGINNING

    def _read(self, doing: str) -> None:
        """Read from where the last time ended; between two times nothing is fetched."""
        consumer = self._consumer = self._consumer or self._made()
        consumer.assign([TopicPartition(self._topic, 0, self._position)])
        deadline = time.monotonic() + self._client.answer_seconds
        while time.monotonic() < deadline:
            if self._is_end(consumer.poll(POLL_SECONDS)):
                consumer.unassign()
                return
        self._drop()
        raise Unavailable(f"{doing}: its end was not reached in time.")

    def _is_end(self, message: Message | None) -> bool:
        """Take *message*, and tell whether it says that there are no more.

        Raises:
            KafkaException: If reading cannot go on.
        """
        if message is None:
            return False
        error = message.error()
        if error is None:
            self._position = (message.offset() or 0) + 1
            self._take(_record(message))
            return False
        return self._is_end_said_by(error)

    def _is_end_said_by(self, error: KafkaError) -> bool:
        if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - so it is called
            return True
        if error.code() == KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001 - so it is called
            self._begin_again(self._topic_id)  # the broker has lost records that we have read
        if error.retriable() or error.code() in _OURS_TO_IGNORE:
            return False
        raise KafkaException(error)

    def _made(self) -> Consumer:
        return Consumer(
            {
                **self._client.configuration,
                "group.id": "gopherpay-operator",  # demanded, and never joined
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "error",
                "fetch.wait.max.ms": FETCH_WAIT_MS,
            }
        )

    def _drop(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            consumer.close()


def _record(message: Message) -> Record:
    key, value = message.key(), message.value()
    return Record(
        message.offset() or 0,
        key if isinstance(key, bytes) else b"",
        value if isinstance(value, bytes) else None,
    )
