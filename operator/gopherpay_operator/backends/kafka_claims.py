"""Who owns which topic, in a compacted topic beside them: every cluster of operators sees it.

A claim is one record: its key names the topic and the claimant, its value the topic's id.  Each
claimant has a key of its own, so no claim overwrites another's, and compaction keeps their order:
of several claims the first counts, and whoever finds another's before its own takes its own back.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.cimpl import NewTopic

from gopherpay_operator.backends.kafka_client import ANSWER_SECONDS, KafkaClient, error_of
from gopherpay_operator.backends.ports import Overtaken, Owner, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from confluent_kafka import Message

TOPIC: Final = "__gopherpay_ownership"
POLL_SECONDS: Final = 0.5
FETCH_WAIT_MS: Final = 10  # a broker without anything new answers no sooner than this
_READING: Final = f"The record of owners in topic '{TOPIC}' cannot be read"
_WRITING: Final = f"The record of owners in topic '{TOPIC}' cannot be written"
_SHAPE: Final = {
    "cleanup.policy": "compact",
    # Long enough that whoever claims at the same moment sees what the other wrote.
    "min.compaction.lag.ms": "3600000",
}


@dataclass(frozen=True, slots=True, order=True)
class Claim:
    """One record; they sort by the order in which they were written."""

    offset: int
    topic: str
    claimant: str
    topic_id: str | None

    def counts_for(self, topic_id: str | None) -> bool:
        """Tell whether it is about the topic that has *topic_id* now, or that is not there."""
        return None in {self.topic_id, topic_id} or self.topic_id == topic_id


class KafkaClaims:
    """`ports.TopicClaims` in Kafka itself."""

    def __init__(
        self,
        configuration: Mapping[str, object],
        *,
        topic: str = TOPIC,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        """Make the client; nothing is connected, and the topic is made by the first claim.

        Raises:
            Rejected: If librdkafka refuses a setting.
        """
        self._client = KafkaClient(configuration, answer_seconds)
        self._topic = topic

    def owners(self, topics: Mapping[str, str | None]) -> dict[str, Owner]:
        """Return who owns which of *topics*, given with the id that each has now."""
        claims = self._read()
        found = {name: first(claims, name, topic_id) for name, topic_id in topics.items()}
        return {
            name: Owner(claim.claimant, claim.topic_id == topics[name])
            for name, claim in found.items()
            if claim is not None
        }

    def claim(self, topic: str, topic_id: str | None, claim: str) -> None:
        """Record that *topic* belongs to *claim*, unless another was before."""
        self._make()
        before = first(self._read(), topic, topic_id)
        if before is not None and before.claimant != claim:
            raise _overtaken(topic, before)
        if before is not None and before.topic_id == topic_id:
            return
        self._write(topic, claim, json.dumps({"topic_id": topic_id}))
        winner = first(self._read(), topic, topic_id)
        if winner is None or winner.claimant != claim:
            self._write(topic, claim, None)
            raise _overtaken(topic, winner)

    def release(self, topic: str, claim: str) -> None:
        """Take back what *claim* has recorded on *topic*."""
        if any((each.topic, each.claimant) == (topic, claim) for each in self._read()):
            self._write(topic, claim, None)

    @cached_property
    def _producer(self) -> Producer:
        """Return the one that writes: to begin with one takes as long as many records."""
        return Producer(
            {
                **self._client.configuration,
                "acks": "all",
                "enable.idempotence": True,
                "linger.ms": 0,
                "delivery.timeout.ms": int(self._client.answer_seconds * 1000),
            }
        )

    def _make(self) -> None:
        if self._is_there():
            return
        wanted = NewTopic(self._topic, 1, -1, config=_SHAPE)
        asked = self._client.admin.create_topics(
            [wanted], request_timeout=self._client.answer_seconds
        )
        try:
            asked[self._topic].result()
        except KafkaException as error:
            if error_of(error).code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise self._client.failure(error_of(error), _WRITING) from None
        self._client.settle(self._is_there, _WRITING)

    def _is_there(self) -> bool:
        """Tell whether the topic can be read; asking makes nothing."""
        try:
            known = self._client.admin.list_topics(timeout=self._client.answer_seconds).topics
        except KafkaException as error:
            raise self._client.failure(error_of(error), _READING) from None
        return self._topic in known and all(
            each.leader >= 0 for each in known[self._topic].partitions.values()
        )

    def _read(self) -> list[Claim]:
        """Return all claims, in order."""
        if not self._is_there():
            return []
        consumer = Consumer(
            {
                **self._client.configuration,
                "group.id": "gopherpay-operator",  # demanded, and never joined
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",
                "fetch.wait.max.ms": FETCH_WAIT_MS,
            }
        )
        try:
            consumer.assign([TopicPartition(self._topic, 0, 0)])
            return sorted(standing(self._until_end(consumer)))
        finally:
            consumer.close()

    def _until_end(self, consumer: Consumer) -> list[Message]:
        deadline = time.monotonic() + self._client.answer_seconds
        messages: list[Message] = []
        while time.monotonic() < deadline:
            message = consumer.poll(POLL_SECONDS)
            error = None if message is None else message.error()
            if message is not None and error is None:
                messages.append(message)
            if error is not None and error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - so it is called
                return messages
            if error is not None and not error.retriable():
                raise self._client.failure(error, _READING)
        raise Unavailable(f"{_READING}: it did not come to its end in time.")

    def _write(self, topic: str, claimant: str, value: str | None) -> None:
        outcome: list[KafkaError | None] = []
        producer = self._producer
        key = json.dumps([topic, claimant])
        producer.produce(self._topic, value, key, 0, on_delivery=lambda e, _: outcome.append(e))
        producer.flush(self._client.answer_seconds * 2)
        if not outcome:
            raise Unavailable(f"{_WRITING}: it is not certain that it was.")
        if outcome[0] is not None:
            raise self._client.failure(outcome[0], _WRITING)


def standing(messages: Iterable[Message]) -> list[Claim]:
    """Return the claims among *messages* that were not taken back or written anew."""
    claims: dict[bytes, Claim] = {}
    for message in messages:
        key, value, offset = message.key(), message.value(), message.offset()
        if not isinstance(key, bytes):
            continue  # not written by us
        claims.pop(key, None)
        if value is not None:
            topic, claimant = json.loads(key)
            claims[key] = Claim(offset or 0, topic, claimant, json.loads(value)["topic_id"])
    return list(claims.values())


def first(claims: Iterable[Claim], topic: str, topic_id: str | None) -> Claim | None:
    """Return the claim on *topic* that counts; one that names its id beats one made before it."""
    standing_for = [each for each in claims if each.topic == topic and each.counts_for(topic_id)]
    exact = [each for each in standing_for if each.topic_id == topic_id]
    return min(exact or standing_for, default=None, key=lambda each: each.offset)


def _overtaken(topic: str, winner: Claim | None) -> Overtaken:
    by = f"'{winner.claimant}' has claimed it before" if winner else "the claim did not last"
    return Overtaken(f"Topic '{topic}' cannot be claimed: {by}.")
