"""Consumers that are killed and rebalanced, and brokers that stop: nothing lost, nothing twice."""

import asyncio
import sys
from pathlib import Path

import pytest

from actors.ids import new_id
from tests.contracts.bus.parts import Counted, a_bus, a_consumer, a_pool, paid, until
from tests.contracts.bus.test_bus import by_subject, consuming, until_effects

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("kafka")]

ROOT = Path(__file__).parents[3]
CHAOS_SECONDS = 60
TURN_SECONDS = 3
SUBJECTS = 12


class Herd:
    """Consumers in processes of their own, ended one after the other."""

    def __init__(self, bus):
        self.bus = bus
        self.members = []
        self.killed = 0

    async def grow(self):
        self.members.append(
            await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "tests.contracts.bus.mortal", self.bus.as_text(), "never"),
                cwd=ROOT,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
            )
        )

    async def shrink(self, *, by_force):
        """End the eldest: it leaves the group, or is missed by it after a while."""
        eldest = self.members.pop(0)
        if eldest.returncode is None:
            (eldest.kill if by_force else eldest.terminate)()
        await eldest.wait()
        self.killed += by_force

    async def end(self):
        for member in self.members:
            if member.returncode is None:
                member.kill()
            await member.wait()


class Teller:
    """Tells of each subject one amount after the other, until it is stopped."""

    def __init__(self, bus):
        self.bus = bus
        self.subjects = [new_id() for _ in range(SUBJECTS)]
        self.told = 0
        self.over = False

    async def run(self):
        while not self.over:
            self.told += 1
            await self.bus.tell([paid(subject, self.told) for subject in self.subjects])
            await asyncio.sleep(0.1)


@pytest.mark.timeout(400)
async def test_killed_and_rebalanced_every_three_seconds_nothing_is_lost_or_twice(
    database, kafka, topic_prefix
):
    bus = a_bus(database, topic_prefix, kafka.bootstrap_servers)
    herd, teller = Herd(bus), Teller(bus)
    telling = asyncio.create_task(teller.run())
    try:
        await herd.grow()
        await herd.grow()
        for turn in range(CHAOS_SECONDS // TURN_SECONDS):
            await asyncio.sleep(TURN_SECONDS)  # the rhythm of the fault, nothing waits for it
            await herd.grow()
            await herd.shrink(by_force=turn % 2 == 0)
        done_in_chaos = len(await bus.effects())
        teller.over = True
        await telling
        await herd.end()
        found = await finished(bus, teller.told * SUBJECTS)
    finally:
        telling.cancel()
        await herd.end()

    assert herd.killed == CHAOS_SECONDS // TURN_SECONDS // 2
    assert done_in_chaos > 0
    assert by_subject(found) == {
        subject: list(range(1, teller.told + 1)) for subject in teller.subjects
    }


async def finished(bus, count):
    """Return every effect once one undisturbed consumer has done the rest."""
    pool = a_pool(bus)
    await pool.open()
    try:
        async with consuming(a_consumer(bus, pool, Counted(pool))):
            return await until_effects(bus.effects, count)
    finally:
        await pool.close()


@pytest.mark.timeout(240)
async def test_a_broker_that_stops_and_comes_back_is_read_on(database, own_kafka, topic_prefix):
    broker = await asyncio.to_thread(own_kafka)
    bus = a_bus(database, topic_prefix, broker.bootstrap_servers)
    pool = a_pool(bus)
    await pool.open()
    subject = new_id()
    consumer = a_consumer(bus, pool, Counted(pool))

    async def stalled():
        return consumer.health().stalled_by

    async with consuming(consumer):
        await bus.tell([paid(subject, 1)])
        await until_effects(bus.effects, 1)
        await asyncio.to_thread(broker.stop)
        await until(stalled, "it says that no broker answers")
        await asyncio.to_thread(broker.start)
        await bus.tell([paid(subject, 2)])
        found = await until_effects(bus.effects, 2)
        health = consumer.health()
    await pool.close()

    assert by_subject(found) == {subject: [1, 2]}
    assert (health.alive, health.stalled_by, health.dead) == (True, None, 0)
