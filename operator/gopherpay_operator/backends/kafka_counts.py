"""How much would be lost with a topic: the records it keeps, and those nobody has read yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import OffsetSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gopherpay_operator.backends.kafka_client import KafkaClient

_COUNTING: Final = "The records of the topics cannot be counted"
Place = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Counts:
    """What one topic has.

    Attributes:
        records: At most so many; compaction and transactions leave gaps that are counted.
        unread: How many a group has not read, summed up; ``None`` when nobody asked.
    """

    records: int
    unread: int | None


def count(
    client: KafkaClient, partitions: Mapping[str, int], *, with_groups: bool
) -> dict[str, Counts]:
    """Return the counts of topics, given with the number of their partitions.

    Raises:
        BackendFailure: If the brokers do not say.
    """
    places = [(name, number) for name, many in partitions.items() for number in range(many)]
    if not places:
        return {}
    low = _offsets(client, places, OffsetSpec.earliest())  # type: ignore[no-untyped-call]
    high = _offsets(client, places, OffsetSpec.latest())  # type: ignore[no-untyped-call]
    unread = _unread(client, low, high) if with_groups else None
    return {
        name: Counts(
            sum(high[place] - low[place] for place in places if place[0] == name),
            None if unread is None else unread[name],
        )
        for name in partitions
    }


def _offsets(client: KafkaClient, places: list[Place], spec: OffsetSpec) -> dict[Place, int]:
    asked = client.admin.list_offsets(
        {TopicPartition(*place): spec for place in places}, request_timeout=client.answer_seconds
    )
    return {
        (place.topic, place.partition): client.answer(answer, _COUNTING).offset
        for place, answer in asked.items()
    }


def _unread(
    client: KafkaClient, low: Mapping[Place, int], high: Mapping[Place, int]
) -> dict[str, int]:
    """Return by topic what all groups together have left; who never committed reads nothing."""
    total = dict.fromkeys((topic for topic, _ in high), 0)
    listed = client.answer(
        client.admin.list_consumer_groups(request_timeout=client.answer_seconds), _COUNTING
    )
    for group in listed.valid:
        for place, committed in _committed(client, group.group_id).items():
            if place in high:
                total[place[0]] += max(0, high[place] - max(committed, low[place]))
    return total


def _committed(client: KafkaClient, group: str) -> dict[Place, int]:
    asked = client.admin.list_consumer_group_offsets(
        [ConsumerGroupTopicPartitions(group)], request_timeout=client.answer_seconds
    )
    answered = client.answer(asked[group], _COUNTING)
    return {
        (each.topic, each.partition): each.offset
        for each in answered.topic_partitions or ()
        if each.offset >= 0
    }
