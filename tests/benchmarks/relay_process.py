"""A relay in a process of its own, so that its CPU time can be told from everything else's.

Arguments: database (the application's address), brokers, prefix of topics, share of the time.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import suppress
from functools import partial

import uvloop

from actors.messaging import envelope
from actors.messaging.connection import KafkaConnection
from actors.messaging.kafka_producer import KafkaSender
from actors.messaging.relay import Relay
from actors.messaging.rest import Rest
from actors.store.outbox_reading import PostgresOutbox
from actors.store.parked import PostgresParked
from actors.store.pool import Pool


async def main(dsn: str, brokers: str, prefix: str, share: str) -> None:
    """Relay until terminated."""
    pool = Pool(dsn, size_max=1, name="relay")
    await pool.open()
    outbox = PostgresOutbox(pool)
    relay = Relay(
        outbox,
        PostgresParked(outbox.session),
        KafkaSender(KafkaConnection(brokers).producer()),
        partial(envelope.record, topic_prefix=prefix, source="//bench"),
        pace=Rest(float(share)),
    )
    running = asyncio.create_task(relay.run())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    with suppress(asyncio.CancelledError):
        await running
    await pool.close()


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
