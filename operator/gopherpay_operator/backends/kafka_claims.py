"""Who owns which topic, in a compacted topic beside them: every cluster of operators sees it.

A claim is one record: its key names the topic and the claimant, its value the topic's id.  Each
claimant has a key of its own, so no claim overwrites another's, and compaction keeps their order:
of several claims the first counts, and whoever finds another's before its own takes its own back.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.cimpl import NewTopic

from gopherpay_operator.backends.kafka_client import ANSWER_SECONDS, KafkaClient, error_of
from gopherpay_operator.backends.kafka_tail import KafkaTail
from gopherpay_operator.backends.ports import Overtaken, Owner, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gopherpay_operator.backends.kafka_tail import Record

TOPIC: Final = "__gopherpay_ownership"
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
    """`ports.TopicClaims` in Kafka itself; many threads may use it at once."""

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
        self._standing = Standing()
        self._tail = KafkaTail(self._client, topic, self._standing.take, self._standing.clear)
        self._producer: Producer | None = None
        self._making = threading.Lock()

    def owners(self, topics: Mapping[str, str | None]) -> dict[str, Owner]:
        """Return who owns which of *topics*, given with the id that each has now."""
        self._tail.catch_up(_READING)
        found = {name: self._standing.first(name, topic_id) for name, topic_id in topics.items()}
        return {
            name: Owner(claim.claimant, claim.topic_id == topics[name])
            for name, claim in found.items()
            if claim is not None
        }

    def claim(self, topic: str, topic_id: str | None, claim: str) -> None:
        """Record that *topic* belongs to *claim*, unless another was before."""
        if not self._tail.catch_up(_READING):
            self._make()
        before = self._standing.first(topic, topic_id)
        if before is not None and before.claimant != claim:
            raise _overtaken(topic, before)
        if before is not None and before.topic_id == topic_id:
            return
        self._write(topic, claim, json.dumps({"topic_id": topic_id}))
        self._tail.catch_up(_READING)
        winner = self._standing.first(topic, topic_id)
        if winner is None or winner.claimant != claim:
            self._write(topic, claim, None)
            raise _overtaken(topic, winner)

    def release(self, topic: str, claim: str) -> None:
        """Take back what *claim* has recorded on *topic*."""
        self._tail.catch_up(_READING)
        if self._standing.has(topic, claim):
            self._write(topic, claim, None)

    def close(self) -> None:
        """Let go of what reads and what writes."""
        self._tail.close()
        with self._making:
            self._producer = None

    def _make(self) -> None:
        wanted = NewTopic(self._topic, 1, -1, config=_SHAPE)
        asked = self._client.admin.create_topics(
            [wanted], request_timeout=self._client.answer_seconds
        )
        try:
            self._client.result(asked[self._topic], _WRITING)
        except KafkaException as error:
            if error_of(error).code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise self._client.failure(error_of(error), _WRITING) from None
        self._client.settle(self._is_led, _WRITING)

    def _is_led(self) -> bool:
        there = self._tail.described(_WRITING)
        return there is not None and all(each.leader is not None for each in there.partitions)

    def _write(self, topic: str, claimant: str, value: str | None) -> None:
        outcome: list[KafkaError | None] = []
        producer = self._writer()
        key = json.dumps([topic, claimant])
        told = threading.Event()

        def tell(error: KafkaError | None, _: object) -> None:
            outcome.append(error)
            told.set()

        producer.produce(self._topic, value, key, 0, on_delivery=tell)
        producer.flush(self._client.answer_seconds * 2)
        told.wait(self._client.answer_seconds)  # another thread's flush may be about to tell
        if not outcome:
            raise Unavailable(f"{_WRITING}: it is not certain that it was.")
        if outcome[0] is not None:
            raise self._client.failure(outcome[0], _WRITING)

    def _writer(self) -> Producer:
        """Return the one that writes: to begin with one takes as long as many records."""
        with self._making:
            if self._producer is None:
                self._producer = Producer(
                    {
                        **self._client.configuration,
                        "acks": "all",
                        "enable.idempotence": True,
                        "linger.ms": 0,
                        "delivery.timeout.ms": int(self._client.answer_seconds * 1000),
                    }
                )
            return self._producer


class Standing:
    """The claims that were not taken back, by topic and claimant; one thread writes at a time."""

    def __init__(self) -> None:
        """Begin with none."""
        self._claims: dict[str, Mapping[str, Claim]] = {}

    def take(self, record: Record) -> None:
        """Take over one record; what is not written by us says nothing."""
        try:
            topic, claimant = json.loads(record.key)
            topic_id = None if record.value is None else json.loads(record.value)["topic_id"]
        except (ValueError, TypeError, KeyError):
            return
        # A new mapping, since others may be looking at the old one.
        claims = {who: each for who, each in self._of(topic).items() if who != claimant}
        if record.value is not None:
            claims[claimant] = Claim(record.offset, topic, claimant, topic_id)
        self._put(topic, claims)

    def clear(self) -> None:
        """Forget all of them."""
        self._claims = {}

    def has(self, topic: str, claimant: str) -> bool:
        """Tell whether *claimant* has a claim on *topic*, whatever its id."""
        return claimant in self._of(topic)

    def first(self, topic: str, topic_id: str | None) -> Claim | None:
        """Return the claim on *topic* that counts."""
        return first(self._of(topic).values(), topic_id)

    def _of(self, topic: str) -> Mapping[str, Claim]:
        return self._claims.get(topic, {})

    def _put(self, topic: str, claims: Mapping[str, Claim]) -> None:
        if claims:
            self._claims[topic] = claims
        else:
            self._claims.pop(topic, None)


def first(claims: Iterable[Claim], topic_id: str | None) -> Claim | None:
    """Return the claim that counts; one that names the topic's id beats one made before it."""
    standing = [each for each in claims if each.counts_for(topic_id)]
    exact = [each for each in standing if each.topic_id == topic_id]
    return min(exact or standing, default=None, key=lambda each: each.offset)


def _overtaken(topic: str, winner: Claim | None) -> Overtaken:
    by = f"'{winner.claimant}' has claimed it before" if winner else "the claim did not last"
    return Overtaken(f"Topic '{topic}' cannot be claimed: {by}.")
