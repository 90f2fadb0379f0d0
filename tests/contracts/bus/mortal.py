"""A consumer in a process of its own that dies at a named point, or lives until it is ended.

``python -m tests.contracts.bus.mortal BUS POINT``
"""

import asyncio
import os
import signal
import sys
from contextlib import suppress

from tests.contracts.bus.parts import Bus, Counted, a_consumer, a_pool


class Dying:
    """A source in which the process dies after a poll, or before a commit."""

    def __init__(self, source, point):
        self.source = source
        self.point = point
        self.open = source.open
        self.close = source.close

    async def poll(self, **limits):
        records = await self.source.poll(**limits)
        if records and self.point == "polled":
            die()
        return records

    async def commit(self, records):
        if self.point == "after-effect":
            die()
        await self.source.commit(records)


class DyingEffect(Counted):
    """An effect in which the process dies before its transaction commits."""

    async def write(self, connection, rows):
        await super().write(connection, rows)
        die()


def die():
    """End as a crash does."""
    os.kill(os.getpid(), signal.SIGKILL)


async def main(bus, point):
    """Consume until the end."""
    pool = a_pool(bus)
    await pool.open()
    effect = DyingEffect(pool) if point == "before-commit" else Counted(pool)
    consumer = a_consumer(bus, pool, effect, source=Dying(bus.source(pool), point))
    running = asyncio.create_task(consumer.run())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    with suppress(asyncio.CancelledError):
        await running
    await pool.close()


if __name__ == "__main__":
    asyncio.run(main(Bus.from_text(sys.argv[1]), sys.argv[2]))
