"""A relay in a process of its own that kills itself at a point between reading and marking.

Arguments: database, brokers, prefix of topics, and one of the points (or ``none``):
``batch-read``, ``produced-no-ack``, ``acked-not-marked``, ``mark-not-committed``.
"""

import asyncio
import os
import signal
import sys
import time
from functools import partial

import psycopg
from confluent_kafka import Consumer, Producer, TopicPartition

from actors.messaging.connection import KafkaConnection
from actors.messaging.kafka_producer import KafkaSender
from actors.messaging.passing import patiently
from actors.messaging.topics import topic_names
from actors.store.outbox_reading import ADVANCE
from actors.store.pool import Pool
from tests.integration.kafka.relaying import PARTITIONS, a_relay

WAIT_SECONDS = 60


def die():
    """End as a crash would, without any farewell."""
    os.kill(os.getpid(), signal.SIGKILL)


class Before:
    """Stands before a part and passes every call on, but for those that a point is about."""

    def __init__(self, part):
        self.part = part

    def __getattr__(self, name):
        return getattr(self.part, name)


class DiesAfterRead(Before):
    async def read(self, lanes, after, *, limit):
        events = await self.part.read(lanes, after, limit=limit)
        if events:
            die()
        return events


class DiesBeforeAdvance(Before):
    async def advance(self, reader, cursors):
        del reader, cursors
        die()


class DiesBeforeCommit(Before):
    """Moves the cursor in a transaction that never ends."""

    def __init__(self, part, dsn):
        super().__init__(part)
        self.dsn = dsn

    async def advance(self, reader, cursors):
        async with await psycopg.AsyncConnection.connect(self.dsn) as connection:
            columns = zip(*((lane, *at) for lane, at in cursors.items()), strict=True)
            arrays = ["{" + ",".join(map(str, column)) + "}" for column in columns]
            await connection.execute(ADVANCE, (reader, *arrays))
            die()


class DiesWithoutReport(Before):
    """A client that never hears of the broker's answer, though the broker has the records."""

    def __init__(self, part, connection, topic):
        super().__init__(part)
        self.look = Consumer(connection.consumer("look", group_protocol="classic"))
        self.topic = topic

    def __len__(self):
        return len(self.part)

    def poll(self, _timeout):
        until = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < until:
            if any(self._end(partition) for partition in range(PARTITIONS)):
                die()
        raise AssertionError("the broker never got anything")

    def _end(self, partition):
        place = TopicPartition(self.topic, partition)
        ends = patiently(partial(self.look.get_watermark_offsets, place, WAIT_SECONDS))
        return ends[1]


async def main(dsn, brokers, prefix, point):
    """Relay until killed."""
    connection = KafkaConnection(brokers)
    topic = topic_names(prefix).account
    before = {
        "batch-read": DiesAfterRead,
        "acked-not-marked": DiesBeforeAdvance,
        "mark-not-committed": lambda outbox: DiesBeforeCommit(outbox, dsn),
    }
    make = {"produced-no-ack": lambda given: DiesWithoutReport(Producer(given), connection, topic)}
    sender = KafkaSender(connection.producer(), make_producer=make.get(point, Producer))
    pool = Pool(dsn, size_max=2, name="relay")
    await pool.open()
    await a_relay(pool, sender, prefix, outbox=before.get(point)).run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
