"""A relay on a real database and a real broker, and what it has told."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager, suppress
from functools import partial

from confluent_kafka import Consumer, TopicPartition

from actors.messaging import envelope
from actors.messaging.kafka_producer import KafkaSender
from actors.messaging.passing import patiently
from actors.messaging.relay import Relay, Tempo
from actors.messaging.rest import Rest
from actors.messaging.topics import ensure_topics, topic_names
from actors.ports.events import Record
from actors.store.outbox_reading import PostgresOutbox
from actors.store.parked import PostgresParked

PARTITIONS = 4
WAIT_SECONDS = 60
BRISK = Tempo(review_seconds=0.2)


def make_topics(connection, prefix):
    """Make the topics and return those of accounts and of users."""
    names = topic_names(prefix)
    ensure_topics(connection, list(names), partitions=PARTITIONS, replication=1)
    return [names.account, names.user]


def to_record(prefix):
    """Return how a stored event becomes a record."""
    return partial(envelope.record, topic_prefix=prefix, source="//tests")


def a_relay(pool, sender, prefix, *, outbox=None, tempo=BRISK):
    """Return a relay; *outbox* may stand before the real one."""
    real = PostgresOutbox(pool)
    return Relay(
        real if outbox is None else outbox(real),
        PostgresParked(real.session),
        sender,
        to_record(prefix),
        pace=Rest(1.0),
        tempo=tempo,
    )


@asynccontextmanager
async def relaying(pool, connection, prefix, *, patience_seconds=30.0):
    """Yield a relay that runs."""
    sender = KafkaSender(connection.producer(), patience_seconds=patience_seconds)
    relay = a_relay(pool, sender, prefix)
    running = asyncio.create_task(relay.run())
    try:
        yield relay
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def until(is_so, *, seconds=WAIT_SECONDS):
    """Wait until the coroutine function *is_so* returns something true, and return that."""
    async with asyncio.timeout(seconds):
        while not (found := await is_so()):  # noqa: ASYNC110 - it is elsewhere
            await asyncio.sleep(0.05)
    return found


def told(connection, topics):
    """Return every record that is in *topics* now, of each partition in order."""
    consumer = Consumer(connection.consumer("tests-look", group_protocol="classic"))
    try:
        ends = {}
        for topic in topics:
            for partition in (
                consumer.list_topics(topic, timeout=WAIT_SECONDS).topics[topic].partitions
            ):
                place = TopicPartition(topic, partition)
                ends[topic, partition] = patiently(
                    partial(consumer.get_watermark_offsets, place, WAIT_SECONDS)
                )
        consumer.assign([TopicPartition(*place, low) for place, (low, _) in ends.items()])
        left = {place: high for place, (low, high) in ends.items() if high > low}
        return _drained(consumer, left)
    finally:
        consumer.close()


def _drained(consumer, left):
    """Return the records up to the offsets of *left*."""
    found, until_ = [], time.monotonic() + WAIT_SECONDS
    while left:
        assert time.monotonic() < until_, f"not read: {left}"
        message = consumer.poll(0.1)
        if message is None or message.error():
            continue
        place = message.topic(), message.partition()
        if place not in left:  # it came after the look
            continue
        found.append(
            Record(
                *place,
                message.offset(),
                message.key(),
                message.value(),
                message.headers() or (),
                message.timestamp()[1],
            )
        )
        if message.offset() + 1 >= left[place]:
            del left[place]
    return found


def ids(records):
    """Return the event ids of *records*, each when it came first."""
    return list(dict.fromkeys(dict(record.headers)["ce_id"].decode() for record in records))


async def stored(owner):
    """Return (id, subject) of every row of the outbox, in order."""
    rows = await owner.execute("SELECT id::text, aggregateid::text FROM outbox ORDER BY xid, seq")
    return await rows.fetchall()


def assert_told_in_order(rows, records):
    """Fail unless every row is told, and of each subject the first telling is in order."""
    wanted, found = {}, {}
    for event_id, subject_id in rows:
        wanted.setdefault(subject_id, []).append(event_id)
    for record in records:
        event_id = dict(record.headers)["ce_id"].decode()
        events = found.setdefault(record.key.decode(), [])
        if event_id not in events:
            events.append(event_id)

    assert found == wanted
