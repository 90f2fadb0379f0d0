"""How the brokers are reached: plain values in, settings of librdkafka out."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

Protocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]
GroupProtocol = Literal["consumer", "classic"]
Configuration = dict[str, Any]
"""What a client of `confluent_kafka` is made of."""

DELIVERY_MS_MAX: Final = 30_000
SESSION_MS_MAX: Final = 10_000
RECONNECT_MS_MAX: Final = 2_000  # the default is 10 s, which a broker's restart would then take
SETUP_MS_MAX: Final = 10_000
QUEUED_KBYTES_MAX: Final = 65_536
FETCHED_KBYTES_MAX: Final = 16_384
ANSWER_SECONDS_MAX: Final = 15.0
TRY_SECONDS: Final = 1.0

_CREDENTIALS: Final = frozenset(
    {
        KafkaError._AUTHENTICATION,  # noqa: SLF001 - librdkafka's own codes begin so
        KafkaError.SASL_AUTHENTICATION_FAILED,
        KafkaError.UNSUPPORTED_SASL_MECHANISM,
        KafkaError.ILLEGAL_SASL_STATE,
    }
)
_UNTRUSTED: Final = frozenset({KafkaError._SSL})  # noqa: SLF001 - see above
_FORBIDDEN: Final = frozenset(
    {
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    }
)


class KafkaUnusable(Exception):
    """The brokers cannot be used; the message is one sentence that says what to do."""


class ConnectionIncomplete(KafkaUnusable):
    """The settings of the connection do not go together."""


@dataclass(frozen=True, slots=True)
class KafkaConnection:
    """Where the brokers are and how we prove ourselves.

    Attributes:
        bootstrap_servers: ``host:port``, separated by commas.
        client_id: How the brokers' logs and quotas call us.
        ca_file: Who may sign the brokers' certificates (PEM); the system's when not given.
        certificate_file: Our own certificate (PEM), with *key_file*.
        group_protocol: ``classic`` for brokers older than Kafka 4.0, which lack KIP-848.
    """

    bootstrap_servers: str
    client_id: str = "gopherpay"
    security_protocol: Protocol = "PLAINTEXT"
    sasl_mechanism: Mechanism = "SCRAM-SHA-512"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None
    group_protocol: GroupProtocol = "consumer"

    def __post_init__(self) -> None:
        if self._has_sasl and not (self.username and self.password):
            raise ConnectionIncomplete(
                f"Kafka over {self.security_protocol} needs a user and a password; set "
                "GOPHERPAY_KAFKA_SASL_USERNAME and GOPHERPAY_KAFKA_SASL_PASSWORD."
            )
        if (self.certificate_file is None) != (self.key_file is None):
            raise ConnectionIncomplete(
                "A certificate for Kafka goes with its key; set both GOPHERPAY_KAFKA_CERTIFICATE_"
                "FILE and GOPHERPAY_KAFKA_KEY_FILE."
            )

    def named(self, part: str) -> KafkaConnection:
        """Return the same connection for *part* of the platform, which the brokers then see."""
        return replace(self, client_id=f"{self.client_id}-{part}")

    def producer(self, **more: object) -> Configuration:
        """Return the settings of a producer: in order a key, never twice, safe on all replicas.

        *more* overrides them, with underscores for dots.
        """
        return {
            **self._client(),
            "enable.idempotence": True,
            "acks": "all",
            "compression.type": "lz4",
            "linger.ms": 5,
            "delivery.timeout.ms": DELIVERY_MS_MAX,
            # As Java's clients choose, so that a key has one partition whoever writes it.
            "partitioner": "murmur2_random",
            "queue.buffering.max.kbytes": QUEUED_KBYTES_MAX,
            **_dotted(more),
        }

    def consumer(self, group: str, **more: object) -> Configuration:
        """Return the settings of a consumer of *group* that commits by hand.

        *more* overrides them, with underscores for dots.
        """
        return {
            **self._client(),
            "group.id": group,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
            "queued.max.messages.kbytes": FETCHED_KBYTES_MAX,
            "group.protocol": self.group_protocol,
            # With KIP-848 the brokers say how soon a silent member is missed, and refuse ours.
            **({"session.timeout.ms": SESSION_MS_MAX} if self.group_protocol == "classic" else {}),
            **_dotted(more),
        }

    def admin(self, **more: object) -> Configuration:
        """Return the settings of an administrative client."""
        return {**self._client(), **_dotted(more)}

    @property
    def files(self) -> list[Path]:
        """Return the files that a client will read."""
        given = (self.ca_file, self.certificate_file, self.key_file)
        return [file for file in given if file is not None]

    @property
    def _has_sasl(self) -> bool:
        return self.security_protocol.startswith("SASL_")

    def _client(self) -> Configuration:
        return {
            "bootstrap.servers": self.bootstrap_servers,
            "client.id": self.client_id,
            "reconnect.backoff.max.ms": RECONNECT_MS_MAX,
            "socket.connection.setup.timeout.ms": SETUP_MS_MAX,
            "socket.keepalive.enable": True,
            # Errors come to us as values; librdkafka would write lines to stderr as well.
            "log_level": 2,
            **self._security(),
        }

    def _security(self) -> Configuration:
        given: Configuration = {"security.protocol": self.security_protocol}
        if self._has_sasl:
            given |= {
                "sasl.mechanism": self.sasl_mechanism,
                "sasl.username": self.username,
                "sasl.password": self.password,
            }
        if self.security_protocol.endswith("SSL"):
            files = {
                "ssl.ca.location": self.ca_file,
                "ssl.certificate.location": self.certificate_file,
                "ssl.key.location": self.key_file,
            }
            given |= {name: str(file) for name, file in files.items() if file is not None}
        return given


class Administration:
    """An administrative client that can say why the brokers do not answer; its calls block."""

    def __init__(self, connection: KafkaConnection) -> None:
        """Make the client; nothing is connected yet.

        Raises:
            KafkaUnusable: If a file cannot be read, or librdkafka refuses a setting.
        """
        for file in connection.files:
            if not os.access(file, os.R_OK):
                raise KafkaUnusable(f"The file {file} for Kafka cannot be read.")
        self._connection = connection
        self._complaints: list[KafkaError] = []
        try:
            self.client = AdminClient(connection.admin(error_cb=self._complaints.append))
        except KafkaException as error:
            reason = error_of(error).str().rstrip(".")
            raise KafkaUnusable(f"The settings for Kafka are refused: {reason}.") from None

    def reach(self, timeout_seconds: float = ANSWER_SECONDS_MAX) -> None:
        """Make sure that the brokers answer.

        Raises:
            KafkaUnusable: If they do not, refuse us, or are not those that we trust.
        """
        deadline = time.monotonic() + timeout_seconds
        while True:
            try:
                self.client.list_topics(timeout=TRY_SECONDS)
            except KafkaException as error:
                # One refusal may come from a broker that has not read its users yet.
                if len(self._refusals()) > 1 or time.monotonic() > deadline:
                    raise self.failure(error_of(error)) from None
            else:
                return

    def failure(self, error: KafkaError) -> KafkaUnusable:
        """Return *error* as ours: a time-out has a reason that was told in passing."""
        told = self._refusals()
        return KafkaUnusable(explained(told[-1] if told else error, self._connection))

    def _refusals(self) -> list[KafkaError]:
        self.client.poll(0)
        return [each for each in self._complaints if each.code() in _CREDENTIALS | _UNTRUSTED]


def explained(error: KafkaError, connection: KafkaConnection) -> str:
    """Return what *error* of a client on *connection* means, in a sentence without secrets."""
    code, servers = error.code(), connection.bootstrap_servers
    if code in _CREDENTIALS:
        return (
            f"Kafka at {servers} does not accept the user '{connection.username}' with this "
            f"password by {connection.sasl_mechanism}."
        )
    if code in _UNTRUSTED:
        return (
            f"The connection to Kafka at {servers} is not trusted; check "
            "GOPHERPAY_KAFKA_CA_FILE, GOPHERPAY_KAFKA_SECURITY_PROTOCOL and the names in the "
            "broker's certificate."
        )
    if code in _FORBIDDEN:
        return f"Kafka at {servers} does not allow that to us ({error.name()})."
    return f"Kafka at {servers} does not answer as it should ({error.name()})."


def error_of(exception: KafkaException) -> KafkaError:
    """Return the error that *exception* carries."""
    error: KafkaError = exception.args[0]
    return error


def _dotted(more: dict[str, object]) -> Configuration:
    return {_CALLBACKS.get(name, name.replace("_", ".")): value for name, value in more.items()}


_CALLBACKS: Final = {
    name: name for name in ("error_cb", "stats_cb", "throttle_cb", "on_delivery", "logger")
}
