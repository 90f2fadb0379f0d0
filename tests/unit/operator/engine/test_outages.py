"""What is away is not hammered, and what is back is used soon."""

from __future__ import annotations

import asyncio

from tests.unit.operator.engine.looping import simulate
from tests.unit.operator.engine.simulated_broker import TOPIC
from tests.unit.operator.engine.simulated_world import World

RESOURCES = 100
AWAY_SECONDS = 60
CALLS_PER_SECOND_MAX = 1.5
"""The breaker lets one call in 0.5 s to 15 s through, beside those that were under way."""


async def _away(world):
    """Return the keys of topics whose broker has been away for a minute since they are Ready."""
    world.start()
    world.connect()
    keys = [world.topic(f"topic-{number}") for number in range(RESOURCES)]
    await world.ready(*keys, seconds=60)
    world.broker.is_away = True
    world.broker.calls = world.probe.looks = 0
    world.counts.passes.clear()
    world.cluster.writes = 0
    world.work.resync_all()
    await asyncio.sleep(AWAY_SECONDS)
    return keys


def test_a_server_that_is_away_is_asked_by_one_now_and_then():
    async def main():
        world = World()
        await _away(world)

        assert 0 < world.broker.calls < AWAY_SECONDS * CALLS_PER_SECOND_MAX
        assert 0 < world.probe.looks < AWAY_SECONDS / 2
        passes = sum(kind == TOPIC for kind, *_ in world.counts.passes)
        assert passes < RESOURCES * 12  # drawn from 1, 2, 4, 8, 16, 30 and 30 seconds
        assert world.cluster.writes <= RESOURCES + 1

    simulate(main())


def test_an_outage_is_told_of_once():
    async def main():
        world = World()
        keys = await _away(world)

        for key in keys:
            assert world.cluster.ready(key) == ("False", "BackendUnavailable")
            assert world.cluster.conditions(key)["Synced"] == ("Unknown", "BackendUnavailable")
            assert world.cluster.reasons(key.name) == ["Created", "BackendUnavailable"]

    simulate(main())


def test_all_are_ready_within_a_minute_after_a_server_is_back():
    async def main():
        world = World()
        keys = await _away(world)

        world.broker.is_away = False
        seconds = await world.ready(*keys, seconds=60)

        assert seconds <= 60
        assert world.broker.calls < AWAY_SECONDS * CALLS_PER_SECOND_MAX + RESOURCES

    simulate(main())


def test_all_are_ready_within_a_minute_after_the_api_server_is_back():
    async def main():
        world = World()
        world.start()
        world.connect()
        world.cluster.is_away = True
        keys = [world.topic(f"topic-{number}") for number in range(RESOURCES)]
        await asyncio.sleep(AWAY_SECONDS)
        calls = world.broker.calls

        world.cluster.is_away = False
        await world.ready(*keys, seconds=60)
        await world.until(lambda: all(world.cluster.reasons(key.name) for key in keys))

        assert calls < AWAY_SECONDS * 30
        assert {tuple(world.cluster.reasons(key.name)) for key in keys} <= {("Created",)}

    simulate(main())


def test_a_server_that_hangs_does_not_keep_the_others_waiting():
    async def main():
        world = World(call_seconds=1000, workers=6, lane_limit=4)
        world.start()
        world.connect()
        for number in range(20):
            world.topic(f"slow-{number}")
        await world.until(lambda: len(world.counts.calls) == 0 and world.work.queue.depth > 0)
        other = world.topic("elsewhere", connectionRef={"name": "other"})

        await world.until(lambda: world.cluster.ready(other) == ("False", "DependencyMissing"))

        assert world.work.queue.running_seconds() > 0

    simulate(main())


def test_nothing_is_written_while_nothing_changes():
    async def main():
        world = World()
        world.start()
        world.connect()
        keys = [world.topic(f"topic-{number}", resyncInterval="30s") for number in range(10)]
        await world.ready(*keys)
        await asyncio.sleep(5)
        versions = {key: world.cluster.there[key].version for key in keys}
        looks = len(world.broker.looks)

        await asyncio.sleep(5 * 36)

        assert {key: world.cluster.there[key].version for key in keys} == versions
        assert len(world.broker.looks) - looks >= 5

    simulate(main())
