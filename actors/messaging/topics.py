"""The topics of the platform: their names, and whether they are there."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.cimpl import NewTopic

from actors.messaging.connection import (
    ANSWER_SECONDS_MAX,
    Administration,
    KafkaUnusable,
    error_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from actors.messaging.connection import KafkaConnection

LEADER_SECONDS_MAX: Final = 30
LEADER_POLL_SECONDS: Final = 0.05
REPLICATION_SAFE: Final = 3


class TopicsRefused(KafkaUnusable):
    """The brokers did not make topics that are missing."""

    def __init__(self, names: Sequence[str], reason: str) -> None:
        super().__init__(
            f"Kafka did not make the topics {', '.join(names)}: {reason}. "
            "Make them by hand, or let this user make them (CREATE on the cluster or the prefix)."
        )


@dataclass(frozen=True, slots=True)
class TopicNames:
    """The topics below one prefix; the version rises when what is in them changes its meaning."""

    account: str
    user: str
    dead_letter: str

    def __iter__(self) -> Iterator[str]:
        return iter((self.account, self.user, self.dead_letter))


def topic_names(prefix: str) -> TopicNames:
    """Return the names below *prefix*."""
    return TopicNames(f"{prefix}.account.v1", f"{prefix}.user.v1", f"{prefix}.dead-letter.v1")


def missing_topics(
    connection: KafkaConnection,
    names: Sequence[str],
    *,
    timeout_seconds: float = ANSWER_SECONDS_MAX,
) -> list[str]:
    """Return those of *names* that are not there; blocks until the brokers answer.

    Raises:
        KafkaUnusable: If they do not.
    """
    administration = Administration(connection)
    administration.reach(timeout_seconds)
    return _missing(administration, names)


def ensure_topics(
    connection: KafkaConnection, names: Sequence[str], *, partitions: int, replication: int
) -> list[str]:
    """Make those of *names* that are missing and return them; what is there stays as it is.

    Several processes may do it at once.  Blocks until every partition has a leader.

    Raises:
        KafkaUnusable: If the brokers do not answer.
        TopicsRefused: If they do not make them, and why.
    """
    administration = Administration(connection)
    administration.reach()
    missing = _missing(administration, names)
    if missing:
        _make(administration, missing, partitions, replication)
        _await_leaders(administration, missing)
    return missing


def _missing(administration: Administration, names: Sequence[str]) -> list[str]:
    return [name for name, error in _errors(administration, names).items() if error is not None]


def _errors(administration: Administration, names: Sequence[str]) -> dict[str, str | None]:
    """Return for each of *names* why it cannot be used now; ``None`` when it can."""
    asked = administration.client.describe_topics(
        TopicCollection(list(names)), request_timeout=ANSWER_SECONDS_MAX
    )
    found: dict[str, str | None] = {}
    for name, answer in asked.items():
        try:
            described = answer.result()
        except KafkaException as error:
            if error_of(error).code() not in _NOT_THERE:
                raise administration.failure(error_of(error)) from None
            found[name] = error_of(error).name()
        else:
            led = all(each.leader is not None for each in described.partitions)
            found[name] = None if led else "LEADER_NOT_AVAILABLE"
    return found


def _make(
    administration: Administration, names: Sequence[str], partitions: int, replication: int
) -> None:
    # With fewer than two in step an acknowledged fact could be lost with one machine.
    config = {"min.insync.replicas": "2"} if replication >= REPLICATION_SAFE else {}
    wanted = [NewTopic(name, partitions, replication, config=config) for name in names]
    answers = administration.client.create_topics(wanted, request_timeout=ANSWER_SECONDS_MAX)
    for answer in answers.values():
        try:
            answer.result()
        except KafkaException as error:
            if error_of(error).code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise TopicsRefused(names, _reason(error_of(error))) from None


def _await_leaders(administration: Administration, names: Sequence[str]) -> None:
    deadline = time.monotonic() + LEADER_SECONDS_MAX
    while any(_errors(administration, names).values()):
        if time.monotonic() > deadline:
            raise TopicsRefused(names, f"they have no leader after {LEADER_SECONDS_MAX} s")
        time.sleep(LEADER_POLL_SECONDS)  # in a thread of ours; no broker tells when


def _reason(error: KafkaError) -> str:
    return f"{error.name()}, {error.str().rstrip('.')}"


_NOT_THERE: Final = frozenset(
    {
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.LEADER_NOT_AVAILABLE,
        # Who may not describe a topic cannot tell it from one that is not there.
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
    }
)
