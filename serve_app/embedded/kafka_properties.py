"""What the embedded broker is told: one node, small, on loopback."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from serve_app.embedded.ports import LOOPBACK

NODE_ID: Final = 1

JVM_OPTIONS: Final = (
    "-Xms64m",
    "-Xmx256m",
    "-XX:+UseSerialGC",  # for two cores shared with the rest of the platform
    "-XX:TieredStopAtLevel=1",  # a start in half the time
    "-XX:+ExitOnOutOfMemoryError",  # a broker that hangs is worse than one that is started again
    "-XX:-UsePerfData",  # no file in the folder for temporary files
    "-Djava.awt.headless=true",
    "-Dlog4j2.disableJmx=true",
)

_SMALL: Final = {
    "auto.create.topics.enable": "false",  # a typo must not become a topic
    "offsets.topic.num.partitions": "8",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    # A consumer that was killed is missed soon, and its partitions go to the others.
    "group.consumer.min.session.timeout.ms": "6000",
    "group.consumer.session.timeout.ms": "10000",
    "group.consumer.min.heartbeat.interval.ms": "1000",
    "group.consumer.heartbeat.interval.ms": "1000",
    "num.network.threads": "2",
    "num.io.threads": "4",
    "background.threads": "4",
    "log.cleaner.dedupe.buffer.size": "16777216",
    # A broker that was killed waits for the end of its own old session before it serves again.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
}


@dataclass(frozen=True, slots=True)
class Secured:
    """A listener with TLS that asks for a password (SASL_SSL with SCRAM-SHA-512).

    Attributes:
        certificate_file: The key (PKCS#8) and the certificate for 127.0.0.1, both PEM, in one file.
        ca_file: Who signed it (PEM).
        users: The passwords by user; the first one may do everything.
    """

    certificate_file: Path
    ca_file: Path
    users: dict[str, str] = field(repr=False)


def server_properties(
    log_dir: Path, *, port: int, controller_port: int, secured: Secured | None = None
) -> dict[str, str]:
    """Return the broker's own settings."""
    return {
        "process.roles": "broker,controller",
        "node.id": str(NODE_ID),
        # The static quorum, not the dynamic one: the next start may have other ports.
        "controller.quorum.voters": f"{NODE_ID}@{LOOPBACK}:{controller_port}",
        "listeners": f"CLIENT://{LOOPBACK}:{port},CONTROLLER://{LOOPBACK}:{controller_port}",
        "advertised.listeners": f"CLIENT://{LOOPBACK}:{port}",
        "inter.broker.listener.name": "CLIENT",
        "controller.listener.names": "CONTROLLER",
        "log.dirs": str(log_dir),
        **_SMALL,
        **(_plain() if secured is None else _secured(secured)),
    }


def as_text(properties: dict[str, str]) -> str:
    """Return *properties* as a file in Java's form."""
    return "".join(f"{name}={_escaped(value)}\n" for name, value in properties.items())


def _escaped(value: str) -> str:
    """Return *value* in ASCII: Java reads such a file as Latin-1."""
    return "".join(each if each.isascii() else _utf16(each) for each in value.replace("\\", "\\\\"))


def _utf16(character: str) -> str:
    units = struct.iter_unpack(">H", character.encode("utf-16-be"))
    return "".join(f"\\u{unit:04x}" for (unit,) in units)


def _plain() -> dict[str, str]:
    return {"listener.security.protocol.map": "CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT"}


def _secured(secured: Secured) -> dict[str, str]:
    first = next(iter(secured.users))
    login = "org.apache.kafka.common.security.scram.ScramLoginModule required"
    return {
        "listener.security.protocol.map": "CLIENT:SASL_SSL,CONTROLLER:PLAINTEXT",
        "sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "sasl.mechanism.inter.broker.protocol": "SCRAM-SHA-512",
        "listener.name.client.scram-sha-512.sasl.jaas.config": (
            f'{login} username="{first}" password="{secured.users[first]}";'
        ),
        # Everybody but the first user, and the controller's own listener, needs a rule.
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": f"User:{first};User:ANONYMOUS",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(secured.certificate_file),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(secured.ca_file),
    }
