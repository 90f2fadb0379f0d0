"""How far a group of consumers is behind in Kafka, asked without joining it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from confluent_kafka import Consumer, KafkaException, TopicPartition

from actors.messaging.connection import error_of
from actors.messaging.passing import patiently
from actors.ports.events import SourceUnavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actors.messaging.connection import KafkaConnection

ANSWER_SECONDS: Final = 15.0
LOOK_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class GroupLag:
    """How much a group has not done.

    Attributes:
        events: Records after its commits.
        oldest_seconds: The age of the oldest of them, None where there is none or it is not told.
    """

    events: int
    oldest_seconds: float | None


def group_lag(connection: KafkaConnection, group: str, topics: Sequence[str]) -> GroupLag:
    """Return how far *group* is behind in *topics*; a topic that is missing counts nothing.

    Blocks until the brokers answer.

    Raises:
        SourceUnavailable: If they do not.
    """
    # Asking for offsets joins no group, whatever its protocol.
    consumer = Consumer(connection.consumer(group, group_protocol="classic"))
    try:
        behind = _behind(consumer, topics)
        return GroupLag(sum(behind.values()), _oldest_seconds(consumer, list(behind)))
    except KafkaException as error:
        raise SourceUnavailable(error_of(error).str()) from error
    finally:
        consumer.close()


def _behind(consumer: Consumer, topics: Sequence[str]) -> dict[TopicPartition, int]:
    """Return the partitions that are not done, each where it goes on, with how much is left."""
    known = patiently(lambda: consumer.list_topics(timeout=ANSWER_SECONDS)).topics
    places = [
        TopicPartition(topic, number)
        for topic in topics
        if topic in known
        for number in known[topic].partitions
    ]
    behind: dict[TopicPartition, int] = {}
    for each in _committed(consumer, places):
        low, high = patiently(partial(consumer.get_watermark_offsets, each, ANSWER_SECONDS))
        begin = max(low, each.offset)  # without a commit it is negative: all of it
        if begin < high:
            behind[TopicPartition(each.topic, each.partition, begin)] = high - begin
    return behind


def _committed(consumer: Consumer, places: list[TopicPartition]) -> list[TopicPartition]:
    """Return *places* with the offsets that the group has committed."""

    def ask() -> list[TopicPartition]:
        answers = consumer.committed(places, timeout=ANSWER_SECONDS)
        for each in answers:
            if each.error is not None:
                raise KafkaException(each.error)
        return answers

    return patiently(ask) if places else []


def _oldest_seconds(consumer: Consumer, places: list[TopicPartition]) -> float | None:
    """Return the age of the oldest of the next records, as far as they come in time."""
    consumer.assign(places)
    until = time.monotonic() + LOOK_SECONDS
    seen: dict[tuple[str | None, int | None], int] = {}
    while len(seen) < len(places) and time.monotonic() < until:
        for message in consumer.consume(100, 0.2):
            if message.error() is None:
                place = (message.topic(), message.partition())
                seen.setdefault(place, message.timestamp()[1])
    if not seen:
        return None
    return max(0.0, time.time() - min(seen.values()) / 1000)
