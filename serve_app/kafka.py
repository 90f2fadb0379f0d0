"""The connection to Kafka that the settings name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.messaging.connection import KafkaConnection

if TYPE_CHECKING:
    from actors.settings import Settings


def kafka_connection(settings: Settings) -> KafkaConnection | None:
    """Return how the brokers are reached, or ``None`` where the outbox itself is the bus.

    Raises:
        ConnectionIncomplete: If the settings do not go together.
    """
    if settings.kafka_bootstrap_servers is None:
        return None
    password = settings.kafka_sasl_password
    return KafkaConnection(
        settings.kafka_bootstrap_servers,
        security_protocol=settings.kafka_security_protocol,
        sasl_mechanism=settings.kafka_sasl_mechanism,
        username=settings.kafka_sasl_username,
        password=None if password is None else password.get_secret_value(),
        ca_file=settings.kafka_ca_file,
        certificate_file=settings.kafka_certificate_file,
        key_file=settings.kafka_key_file,
        group_protocol=settings.kafka_group_protocol,
    )
