"""The two buses as data, so that another process can build the same parts."""

import asyncio
import json
from dataclasses import asdict, dataclass
from uuid import UUID

import psycopg
from confluent_kafka import Producer

from actors.domain.events import TYPE_PREFIX, Event
from actors.ids import new_id
from actors.messaging import envelope
from actors.messaging.connection import KafkaConnection
from actors.messaging.consume import Consumer, Polling
from actors.messaging.delivery import Delivery, Patience
from actors.messaging.kafka_dead_letters import KafkaDeadLetters
from actors.messaging.kafka_log import KafkaLetterLog
from actors.messaging.kafka_source import KafkaSource
from actors.messaging.outbox_source import OutboxSource
from actors.messaging.rest import Rest
from actors.messaging.topics import ensure_topics, topic_names
from actors.ports.events import Poison, StoredEvent
from actors.store import consumed, encoding, outbox
from actors.store.dead_letters import DeadLetterTable
from actors.store.outbox_reading import PostgresOutbox
from actors.store.pool import Pool

SOURCE = "https://gopherpay.test"
GROUP = "notifier"
PARTITIONS = 4
WAIT_SECONDS = 60
POISON_MINOR = 666

EFFECTS = """
CREATE TABLE effects (
    number bigint GENERATED ALWAYS AS IDENTITY, event_id uuid, subject uuid, amount_minor bigint
);
GRANT SELECT, INSERT ON effects TO gopherpay_app
"""


@dataclass(frozen=True)
class Bus:
    """A bus with a database for its effects.

    Attributes:
        kind: ``outbox`` or ``kafka``.
    """

    kind: str
    owner_dsn: str
    app_dsn: str
    prefix: str
    bootstrap_servers: str = ""

    def source(self, pool):
        """Return one more source of the group."""
        if self.kind == "outbox":
            return OutboxSource(
                PostgresOutbox(pool), group=GROUP, topic_prefix=self.prefix, source=SOURCE
            )
        return KafkaSource(self.connection, group=GROUP, topics=self.topics[:2])

    def letters(self, pool):
        """Return where dead letters go."""
        if self.kind == "outbox":
            return DeadLetterTable(pool)
        return KafkaDeadLetters(self.connection, topic=self.topics[2])

    def letter_log(self, pool):
        """Return where dead letters are read."""
        if self.kind == "outbox":
            return DeadLetterTable(pool)
        return KafkaLetterLog(self.connection, topic=self.topics[2])

    async def tell(self, events):
        """Put *events* on the bus, in order."""
        if self.kind == "outbox":
            async with await psycopg.AsyncConnection.connect(self.app_dsn) as connection:
                await outbox.append(connection, events)
        else:
            await asyncio.to_thread(self.produce, [a_record(each, self.prefix) for each in events])

    def produce(self, records):
        """Put *records* into Kafka, as they are."""
        failed = []
        producer = Producer(self.connection.producer())
        for record in records:
            producer.produce(
                record.topic,
                record.value,
                record.key,
                headers=list(record.headers),
                on_delivery=lambda error, _message: error and failed.append(error),
            )
        assert producer.flush(WAIT_SECONDS) == 0
        assert failed == []

    async def effects(self):
        """Return what has had its effect, in order, as (subject, amount)."""
        return await self.as_owner("SELECT subject, amount_minor FROM effects ORDER BY number")

    async def as_owner(self, statement):
        """Return the rows of *statement*, asked by the owner in a session of its own."""
        owner = await psycopg.AsyncConnection.connect(self.owner_dsn, autocommit=True)
        async with owner:
            return await (await owner.execute(statement)).fetchall()

    @property
    def connection(self):
        return KafkaConnection(self.bootstrap_servers)

    @property
    def topics(self):
        return list(topic_names(self.prefix))

    def as_text(self):
        """Return what `from_text` makes the same bus of."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text):
        return cls(**json.loads(text))


def a_bus(database, prefix, bootstrap_servers=None):
    """Return a bus with nothing on it; Kafka if it is told where that is."""
    with psycopg.connect(database.owner_dsn) as owner:
        owner.execute(EFFECTS)
    kind = "outbox" if bootstrap_servers is None else "kafka"
    bus = Bus(kind, database.owner_dsn, database.app_dsn, prefix, bootstrap_servers or "")
    if kind == "kafka":
        ensure_topics(bus.connection, bus.topics, partitions=PARTITIONS, replication=1)
    return bus


class Counted:
    """An effect that can be counted: a row of a real table for each event that is new."""

    def __init__(self, pool, consumer=GROUP):
        self.pool = pool
        self.consumer = consumer
        self.fears = POISON_MINOR

    async def apply(self, events):
        async with self.pool.transaction() as connection:
            fresh = await consumed.begin(connection, self.consumer, [each.id for each in events])
            rows = [(each.id, each.subject, each.data["amount_minor"]) for each in events]
            if any(amount_minor == self.fears for _, _, amount_minor in rows):
                raise Poison("nobody can pay that")
            await self.write(connection, [row for row in rows if row[0] in fresh])

    async def write(self, connection, rows):
        await connection.execute(
            "INSERT INTO effects (event_id, subject, amount_minor)"
            " SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::bigint[])",
            (
                encoding.ids(row[0] for row in rows),
                encoding.ids(row[1] for row in rows),
                encoding.numbers(row[2] for row in rows),
            ),
        )


def a_pool(bus):
    return Pool(bus.app_dsn, size_max=4, name="bus", wait_seconds=20)


def a_consumer(bus, pool, effect, *, source=None, records_max=50):
    """Return a consumer as the platform has it, but for its impatience."""
    delivery = Delivery(
        GROUP,
        effect,
        bus.letters(pool),
        patience=Patience(pause_seconds=0.01, pause_max_seconds=0.5),
    )
    return Consumer(
        source or bus.source(pool),
        delivery,
        pace=Rest(1.0),
        polling=Polling(records_max, wait_seconds=0.2),
    )


def paid(subject, amount_minor, name="deposit.posted"):
    """Return a fact about *subject* that names an amount, by which it is known again."""
    payload = {
        "transfer_id": str(new_id()),
        "kind": name.partition(".")[0],
        "source_account_id": str(UUID(int=7)),
        "source_version": 1,
        "destination_account_id": str(subject),
        "destination_version": 1,
        "amount_minor": amount_minor,
        "currency": "USD",
        "description": None,
        "posted_at": "2026-01-02T03:04:05.678901Z",
    }
    return Event(name, "account", subject, json.dumps(payload))


def a_record(event, prefix="gopherpay", event_id=None):
    """Return *event* as the relay sends it."""
    stored = StoredEvent(
        1,
        1,
        0,
        str(event_id or new_id()),
        f"{TYPE_PREFIX}{event.name}.v1",
        event.subject_kind,
        str(event.subject_id),
        "2026-01-02T03:04:05.678901Z",
        event.payload.encode(),
        event.trace_parent,
    )
    return envelope.record(stored, topic_prefix=prefix, source=SOURCE)


async def until(condition, what):
    """Wait until *condition* returns something true, and return that."""
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            if found := await condition():
                return found
            await asyncio.sleep(0.05)
    raise AssertionError(what)
