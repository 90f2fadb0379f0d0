"""Whenever the operator is killed, its successor ends with one thing, owned, and told of once."""

from __future__ import annotations

import pytest

from gopherpay_operator.engine.ports import Key
from gopherpay_operator.plans.topic_actions import CreateTopic
from tests.unit.operator.engine.looping import simulate
from tests.unit.operator.engine.simulated_broker import TOPIC
from tests.unit.operator.engine.simulated_cluster import Fuse
from tests.unit.operator.engine.simulated_world import World

ORDERS = Key(TOPIC, "shop", "orders")


async def made(world, length=None):
    """Let a topic be made with *length* effects before the end."""
    world.light(length)
    world.start()
    world.connect()
    world.doomed("orders")
    await world.until(
        lambda: is_burnt(world) or world.cluster.reasons("orders") == ["Created"], seconds=60
    )


async def deleted(world, length=None):
    """Let the topic be deleted with *length* effects before the end."""
    world.light(length)
    world.cluster.delete(ORDERS)
    await world.until(
        lambda: is_burnt(world) or world.cluster.reasons("orders") == ["Created", "Deleted"],
        seconds=60,
    )


def is_burnt(world):
    fuse = world.cluster.fuse
    return fuse.length is not None and fuse.burnt >= fuse.length


async def restarted(world):
    await world.kill()
    world.start()


def effects(*phases):
    """Return how many effects the last of *phases* has when nobody is killed."""

    async def main():
        world = World()
        for phase in phases:
            world.cluster.fuse = world.broker.fuse = Fuse()
            await phase(world)
        return world.cluster.fuse.burnt

    return simulate(main())


@pytest.mark.parametrize("length", range(effects(made)))
def test_a_kill_while_it_is_made_leaves_one_thing_and_one_event(length):
    async def main():
        world = World()
        await made(world, length)
        await restarted(world)

        await world.ready(ORDERS, seconds=60)
        await world.until(lambda: world.work.queue.depth == 0)

        assert world.broker.did(CreateTopic) == 1
        assert world.broker.topics["orders"].claim == "here/shop/orders"
        assert world.cluster.status(ORDERS)["ownership"]["owned"] is True
        assert world.cluster.reasons("orders") in ([], ["Created"])

    simulate(main())


@pytest.mark.parametrize("length", range(effects(made, deleted)))
def test_a_kill_while_it_is_deleted_leaves_nothing_and_no_second_event(length):
    async def main():
        world = World()
        await made(world)
        await deleted(world, length)
        await restarted(world)

        await world.until(lambda: ORDERS not in world.cluster.there, seconds=60)

        assert world.broker.names() == set()
        assert world.broker.topics["orders"].claim is None
        assert world.cluster.reasons("orders").count("Deleted") <= 1

    simulate(main())


def test_an_event_is_lost_rather_than_told_twice():
    async def main():
        world = World()
        all_effects = 0
        lost = 0
        while True:
            world = World()
            await made(world, all_effects)
            if world.cluster.reasons("orders"):
                return lost
            await restarted(world)
            await world.ready(ORDERS, seconds=60)
            lost += not world.cluster.reasons("orders")
            all_effects += 1

    assert simulate(main()) == 1
