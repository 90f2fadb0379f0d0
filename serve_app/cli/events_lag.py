"""How far each reader of events is behind: of the outbox, and with Kafka of its topics."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from actors.messaging.kafka_lag import group_lag
from actors.messaging.relay import READER
from actors.store.outbox_reading import lag
from serve_app.cli.events_bus import CONSUMERS, opened_bus

if TYPE_CHECKING:
    from actors.messaging.connection import KafkaConnection
    from actors.settings import Settings
    from serve_app.cli.events_bus import Bus


@dataclass(frozen=True, slots=True)
class Reading:
    """One reader.

    Attributes:
        events: How many it has not done.
        oldest_seconds: The age of the oldest of them, None where there is none.
        parked: Events it has put aside, None where it never does.
    """

    reader: str
    events: int
    oldest_seconds: float | None
    parked: int | None


async def readings(settings: Settings) -> list[Reading]:
    """Return every reader that there is on the bus of *settings*.

    Raises:
        StoreUnavailable, SourceUnavailable: If the database or Kafka does not answer.
    """
    async with opened_bus(settings) as bus:
        if bus.kafka is None:
            return await _of_outbox(bus, set(CONSUMERS))
        found = await _of_outbox(bus, {READER})
        return found + [await _of_kafka(bus, bus.kafka, each) for each in CONSUMERS]


async def _of_outbox(bus: Bus, readers: set[str]) -> list[Reading]:
    return [
        Reading(each.reader, each.events, each.oldest_seconds if each.events else None, each.parked)
        for each in await lag(bus.pool)
        if each.reader in readers
    ]


async def _of_kafka(bus: Bus, connection: KafkaConnection, consumer: str) -> Reading:
    topics = [bus.topics.account, bus.topics.user]
    behind = await asyncio.to_thread(group_lag, connection, consumer, topics)
    return Reading(consumer, behind.events, behind.oldest_seconds, None)
