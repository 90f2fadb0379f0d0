"""An administrative client of Kafka whose answers are values or failures of ours."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, TypeVar

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from gopherpay_operator.backends.ports import (
    BackendFailure,
    Forbidden,
    Overtaken,
    Rejected,
    Unavailable,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from concurrent.futures import Future

Answer = TypeVar("Answer")
Configuration = dict[str, Any]
"""What a client of `confluent_kafka` is made of."""

ANSWER_SECONDS: Final = 15.0
SETTLE_SECONDS_MAX: Final = 30.0
SETTLE_POLL_SECONDS: Final = 0.05
STEADY: Final[Mapping[str, object]] = {
    "client.id": "gopherpay-operator",
    "reconnect.backoff.max.ms": 2_000,
    "socket.keepalive.enable": True,
    "log_level": 2,  # errors come to us as values
}

_NOT_US: Final = frozenset(
    {
        KafkaError._AUTHENTICATION,  # noqa: SLF001 - librdkafka's own codes begin so
        KafkaError._SSL,  # noqa: SLF001 - see above
        KafkaError.SASL_AUTHENTICATION_FAILED,
        KafkaError.UNSUPPORTED_SASL_MECHANISM,
    }
)
_KINDS: Final[Mapping[int, type[BackendFailure]]] = {
    **dict.fromkeys(_NOT_US, Forbidden),
    KafkaError.TOPIC_AUTHORIZATION_FAILED: Forbidden,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: Forbidden,
    KafkaError.GROUP_AUTHORIZATION_FAILED: Forbidden,
    KafkaError.TOPIC_ALREADY_EXISTS: Overtaken,
    KafkaError.UNKNOWN_TOPIC_OR_PART: Overtaken,
    KafkaError.INVALID_PARTITIONS: Rejected,
    KafkaError.INVALID_REPLICATION_FACTOR: Rejected,
    KafkaError.INVALID_CONFIG: Rejected,
    KafkaError.INVALID_REQUEST: Rejected,
    KafkaError.TOPIC_EXCEPTION: Rejected,
    KafkaError.POLICY_VIOLATION: Rejected,
    KafkaError.TOPIC_DELETION_DISABLED: Rejected,
}


class KafkaClient:
    """A client that waits for its answers, and knows why they do not come."""

    def __init__(self, configuration: Mapping[str, object], answer_seconds: float) -> None:
        """Make the client; nothing is connected yet.

        Raises:
            Rejected: If librdkafka refuses a setting.
        """
        self.answer_seconds = answer_seconds
        self.configuration: Configuration = {**STEADY, **configuration}
        self._complaints: list[KafkaError] = []
        try:
            settings: Configuration = {"error_cb": self._complaints.append}
            self.admin = AdminClient({**self.configuration, **settings})
        except KafkaException as error:
            raise Rejected(
                f"The settings for Kafka are refused: {error_of(error).str().rstrip('.')}."
            ) from None

    def answer(self, future: Future[Answer], doing: str) -> Answer:
        """Return what *future* brings.

        Raises:
            BackendFailure: As the brokers say, in a sentence that begins with *doing*.
        """
        try:
            return future.result()
        except KafkaException as error:
            raise self.failure(error_of(error), doing) from None

    def answer_if_there(self, future: Future[Answer], doing: str) -> Answer | None:
        """Return what *future* brings, ``None`` for a topic that is not there."""
        try:
            return future.result()
        except KafkaException as error:
            if error_of(error).code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                return None
            raise self.failure(error_of(error), doing) from None

    def failure(self, error: KafkaError, doing: str) -> BackendFailure:
        """Return *error* as ours; a time-out has a reason that was told in passing."""
        self.admin.poll(0)
        told = [each for each in self._complaints if each.code() in _NOT_US]
        self._complaints.clear()
        meant = told[-1] if told else error
        kind = _KINDS.get(meant.code(), Unavailable)
        return kind(f"{doing}: Kafka says {meant.name()}, {meant.str().rstrip('.')}.")

    def settle(self, is_so: Callable[[], bool], doing: str) -> None:
        """Wait until the broker that we ask has heard what the controller has decided.

        Raises:
            Unavailable: If it has not in time.
        """
        deadline = time.monotonic() + SETTLE_SECONDS_MAX
        while not is_so():
            if time.monotonic() > deadline:
                raise Unavailable(f"{doing}: not every broker has heard of it yet.")
            time.sleep(SETTLE_POLL_SECONDS)  # no broker tells when it has heard


def error_of(exception: KafkaException) -> KafkaError:
    """Return the error that *exception* carries."""
    error: KafkaError = exception.args[0]
    return error
