"""The bus that the settings name: Kafka, or the outbox itself."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog

from actors.messaging.connection import KafkaUnusable
from actors.messaging.kafka_dead_letters import KafkaDeadLetters
from actors.messaging.kafka_source import KafkaSource
from actors.messaging.outbox_source import OutboxSource
from actors.messaging.relay import READER as RELAY
from actors.messaging.topics import ensure_topics, topic_names
from actors.notifier.fan_out import CONSUMER as NOTIFIER
from actors.store.dead_letters import DeadLetterTable
from actors.store.outbox_reading import PostgresOutbox
from serve_app.kafka import kafka_connection

if TYPE_CHECKING:
    from actors.messaging.connection import KafkaConnection
    from actors.ports.events import DeadLetters, RecordSource
    from actors.settings import Settings
    from actors.store.pool import Pool

WEBHOOKS: Final = "webhooks"
TOPICS_RETRY_SECONDS: Final = 2.0

log = structlog.get_logger()


def source(settings: Settings, pool: Pool, group: str) -> RecordSource:
    """Return what the consumers *group* read.

    Raises:
        ConnectionIncomplete: If the settings of Kafka do not go together.
    """
    connection = kafka_connection(settings)
    if connection is None:
        return OutboxSource(
            PostgresOutbox(pool),
            group=group,
            topic_prefix=settings.kafka_topic_prefix,
            source=settings.issuer,
        )
    names = topic_names(settings.kafka_topic_prefix)
    return KafkaSource(connection.named(group), group=group, topics=[names.account, names.user])


def dead_letters(settings: Settings, pool: Pool, group: str) -> DeadLetters:
    """Return where the consumers *group* put what they give up.

    Raises:
        ConnectionIncomplete: If the settings of Kafka do not go together.
    """
    connection = kafka_connection(settings)
    if connection is None:
        return DeadLetterTable(pool)
    topic = topic_names(settings.kafka_topic_prefix).dead_letter
    return KafkaDeadLetters(connection.named(f"{group}-dead-letters"), topic=topic)


def outbox_readers(settings: Settings) -> frozenset[str]:
    """Return who reads the outbox itself."""
    if settings.kafka_bootstrap_servers is not None:
        return frozenset({RELAY})
    return frozenset({NOTIFIER, WEBHOOKS})


async def topics_made(settings: Settings) -> None:
    """Return once the topics are there, if they are ours to make; brokers are waited for.

    Raises:
        ConnectionIncomplete: If the settings of Kafka do not go together.
    """
    connection = kafka_connection(settings)
    if connection is None or not settings.makes_topics:
        return
    refusal = await _made(settings, connection)
    if refusal is not None:
        log.warning("topics.not_made", reason=refusal)
    while refusal is not None:
        await asyncio.sleep(TOPICS_RETRY_SECONDS)
        refusal = await _made(settings, connection)


async def _made(settings: Settings, connection: KafkaConnection) -> str | None:
    """Make what is missing; return why it could not be made, None when all is there."""
    try:
        made = await asyncio.to_thread(
            ensure_topics,
            connection.named("topics"),
            list(topic_names(settings.kafka_topic_prefix)),
            partitions=settings.kafka_partitions,
            replication=settings.kafka_replication,
        )
    except KafkaUnusable as error:
        return str(error)
    if made:
        log.info("topics.made", topics=made)
    return None
