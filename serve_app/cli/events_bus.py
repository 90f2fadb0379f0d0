"""The bus as the verbs of ``gopherpay events`` see it: what has gone by, and what was given up."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from actors.domain.errors import GopherPayError
from actors.messaging.connection import KafkaConnection, KafkaUnusable
from actors.messaging.kafka_log import KafkaLetterLog, KafkaLog
from actors.messaging.outbox_log import OutboxLog
from actors.messaging.topics import TopicNames, topic_names
from actors.ports.events import SourceUnavailable
from actors.ports.replay import EventLog, LetterLog, SelectionRefused
from actors.store.consumed import ConsumedEvents
from actors.store.dead_letters import DeadLetterTable
from actors.store.outbox_log import OutboxRows
from actors.store.pool import Pool
from serve_app.embedded.failures import StartFailure
from serve_app.kafka import kafka_connection

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

    from actors.settings import Settings

T = TypeVar("T")

CONSUMERS: Final = ("notifier", "webhooks")
"""Who acts on events."""


class EventsRefused(StartFailure):
    """What was asked of the events cannot be done."""


@dataclass(frozen=True, slots=True)
class Bus:
    """Kafka, or the outbox where there is none.

    Attributes:
        kafka: The connection to it, None where there is none.
        topics: By name.
        log: Everything that is still kept.
        letters: What was given up.
        inbox: What was done.
        pool: On the database.
    """

    kafka: KafkaConnection | None
    topics: TopicNames
    log: EventLog
    letters: LetterLog
    inbox: ConsumedEvents
    pool: Pool


@asynccontextmanager
async def opened_bus(settings: Settings) -> AsyncIterator[Bus]:
    """Yield the bus that *settings* name, which must name a database.

    Raises:
        StoreUnavailable: If there is no database.
        KafkaUnusable: If the settings of Kafka do not go together.
    """
    connection = kafka_connection(settings)
    pool = Pool(settings.app_dsn, size_max=2, name="gopherpay-events")
    await pool.open()
    try:
        yield _bus(settings, connection, pool)
    finally:
        await pool.close()


def _bus(settings: Settings, connection: KafkaConnection | None, pool: Pool) -> Bus:
    topics = topic_names(settings.kafka_topic_prefix)
    inbox = ConsumedEvents(pool)
    if connection is not None:
        letters = KafkaLetterLog(connection, topic=topics.dead_letter)
        return Bus(connection, topics, KafkaLog(connection), letters, inbox, pool)
    log = OutboxLog(
        OutboxRows(settings.app_dsn),
        topic_prefix=settings.kafka_topic_prefix,
        source=settings.issuer,
    )
    return Bus(None, topics, log, DeadLetterTable(pool), inbox, pool)


def answered(asked: Coroutine[None, None, T]) -> T:
    """Return what *asked* returns, or say in one sentence why it does not.

    Raises:
        EventsRefused: If something is missing, or does not answer.
    """
    try:
        return asyncio.run(asked)
    except SelectionRefused as error:
        raise EventsRefused(f"That cannot be replayed: {error}.") from error
    except KafkaUnusable as error:
        raise EventsRefused(str(error)) from error
    except SourceUnavailable as error:
        raise EventsRefused(f"The bus does not answer: {error}.") from error
    except GopherPayError as error:
        raise EventsRefused("The database does not answer.") from error
    except TimeoutError as error:
        raise EventsRefused(
            "The database or Kafka stopped answering; the same command goes on where it was."
        ) from error
