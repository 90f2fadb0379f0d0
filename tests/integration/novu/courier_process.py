"""A courier in a process of its own, to be killed: database, keys, Novu's address and key."""

import asyncio
import sys
from pathlib import Path

from actors.identity.outgoing import outgoing
from actors.notifier.courier import Courier, Desk, Pace
from actors.notifier.novu import NovuMessenger
from actors.security.keys import load_keys
from actors.store.deliveries import PostgresDeliveries
from actors.store.pool import Pool
from actors.store.subscribers import PostgresSubscribers


async def main(dsn, keys, url, secret_key):
    """Carry until killed; an answer is waited for as long as it takes."""
    pool = Pool(dsn, size_max=4, name="courier-process", wait_seconds=30)
    await pool.open()
    messenger = NovuMessenger(secret_key, url, call_seconds=600)
    people = outgoing(pool, load_keys(Path(keys)), "https://pay.test")
    desk = Desk(PostgresDeliveries(pool), people, PostgresSubscribers(pool), messenger)
    await Courier(desk, pace=Pace(poll_seconds=0.05, lease_seconds=600)).run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
