"""An administrative client of Kafka whose answers are values or failures of ours."""

from __future__ import annotations

import time
from collections import deque
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
SETTLE_POLL_SECONDS: Final = 0.02
COMPLAINTS_MAX: Final = 100
PATIENCE_SECONDS: Final = 3.0  # more than `reconnect.backoff.max.ms`
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
    KafkaError.SECURITY_DISABLED: Rejected,
}
_ADVICE: Final[Mapping[int, str]] = {
    **dict.fromkeys(_NOT_US, "the user or its password is not accepted"),
    KafkaError._SSL: "TLS fails; one side does not trust the other",  # noqa: SLF001 - see above
    KafkaError.UNSUPPORTED_SASL_MECHANISM: "the brokers do not offer this SASL mechanism",
    KafkaError.TOPIC_AUTHORIZATION_FAILED: "our user may not do this with the topic",
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: "our user may not do this with the cluster",
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
        self._complaints: deque[KafkaError] = deque(maxlen=COMPLAINTS_MAX)
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
            return self.result(future, doing)
        except KafkaException as error:
            raise self.failure(error_of(error), doing) from None

    def answer_if_there(self, future: Future[Answer], doing: str) -> Answer | None:
        """Return what *future* brings, ``None`` for a topic that is not there."""
        try:
            return self.result(future, doing)
        except KafkaException as error:
            if error_of(error).code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                return None
            raise self.failure(error_of(error), doing) from None

    def result(self, future: Future[Answer], doing: str) -> Answer:
        """Return what *future* brings, or fail as soon as it is known why it will not.

        A request to brokers that do not let us in waits for its whole time otherwise.

        Raises:
            KafkaException: As the future has it.
            Forbidden: If the brokers do not let us in.
        """
        while True:
            try:
                answer = future.result(PATIENCE_SECONDS)
            except TimeoutError:
                refused = self._refused()
                if refused is not None and not future.done():
                    raise self._as_ours(refused, doing) from None
            else:
                self._let_in()
                return answer

    def failure(self, error: KafkaError, doing: str) -> BackendFailure:
        """Return *error* as ours; a time-out has a reason that was told in passing."""
        is_local = error.code() < 0  # what librdkafka itself says, which got no answer
        refused = self._refused() if is_local else None
        return self._as_ours(refused or error, doing)

    def _refused(self) -> KafkaError | None:
        """Return why we are not let in; librdkafka repeats itself only once a minute."""
        self.admin.poll(0)
        return next((each for each in reversed(self._complaints) if each.code() in _NOT_US), None)

    def _let_in(self) -> None:
        """Forget all complaints: they are older than this answer."""
        self.admin.poll(0)
        self._complaints.clear()

    @staticmethod
    def _as_ours(error: KafkaError, doing: str) -> BackendFailure:
        kind = _KINDS.get(error.code(), Unavailable)
        means = _ADVICE.get(error.code())
        says = f"Kafka says {error.name()}, {error.str().rstrip('.')}"
        return kind(f"{doing}: {means}. {says}." if means else f"{doing}: {says}.")

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
