"""What becomes of a resource that leads to a server."""

from __future__ import annotations

import asyncio

from gopherpay_operator.backends.ports import DependencyMissing, Forbidden
from gopherpay_operator.resources.policies import FINALIZER
from tests.unit.operator.engine.looping import simulate
from tests.unit.operator.engine.simulated_world import World


def test_a_connection_says_whether_its_server_answers_and_who_uses_it():
    async def main():
        world = World()
        world.start()
        key = world.connect(allowedNamespaces={"policy": "All"})
        await world.ready(key)
        assert world.cluster.status(key)["users"] == 0

        topics = [world.topic("orders"), world.topic("bills", namespace="till")]
        await world.until(lambda: world.cluster.status(key)["users"] == 2)
        world.cluster.delete(topics[0])
        await world.until(lambda: world.cluster.status(key)["users"] == 1)

        assert world.cluster.conditions(key) == {
            "Ready": ("True", "Reachable"),
            "Reachable": ("True", "Answered"),
            "DependenciesReady": ("True", "Found"),
        }
        assert world.cluster.status(key)["observed"] == {"clusterId": "one", "brokerCount": 1}

    simulate(main())


def test_many_users_that_come_together_bring_their_connection_once():
    async def main():
        world = World()
        world.start()
        key = world.connect()
        await world.ready(key)
        looks = world.probe.looks

        topics = [world.topic(f"topic-{number}") for number in range(200)]
        await world.ready(*topics)
        await asyncio.sleep(5)

        assert world.probe.looks - looks <= 2
        assert world.cluster.status(key)["users"] == 200

    simulate(main())


def test_a_connection_is_held_only_while_something_is_to_be_deleted_through_it():
    async def main():
        world = World()
        world.start()
        key = world.connect()
        world.topic("kept")
        await world.ready(key)
        await asyncio.sleep(5)
        assert world.cluster.there[key].finalizers == ()

        world.doomed("orders")
        await world.until(lambda: world.cluster.there[key].finalizers == (FINALIZER,))
        world.topic("orders", annotations={})
        await world.until(lambda: world.cluster.there[key].finalizers == ())

    simulate(main())


def test_a_connection_that_is_needed_for_a_deletion_waits_for_it():
    async def main():
        world = World()
        world.start()
        key = world.connect()
        topic = world.doomed("orders")
        await world.ready(key, topic)
        await world.until(lambda: world.cluster.there[key].finalizers == (FINALIZER,))

        world.cluster.delete(key)
        await world.until(lambda: "DeletionBlocked" in world.cluster.conditions(key))
        await world.until(lambda: "Blocked" in world.cluster.reasons("kafka"))
        blocked = world.cluster.conditions(key)
        assert blocked["DeletionBlocked"] == ("True", "InUse")
        assert blocked["Ready"] == ("True", "Reachable")
        await asyncio.sleep(5)
        world.cluster.delete(topic)
        await world.until(lambda: key not in world.cluster.there)

        assert topic not in world.cluster.there
        assert world.broker.names() == set()
        assert world.cluster.reasons("kafka") == ["Blocked"]

    simulate(main())


def test_a_server_that_does_not_answer_is_told_of_once_and_its_users_come_when_it_does():
    async def main():
        world = World()
        world.broker.is_away = True
        world.start()
        key = world.connect()
        topic = world.topic("orders")
        await world.until(lambda: world.cluster.ready(key) == ("False", "BackendUnavailable"))
        assert world.cluster.conditions(key)["Reachable"] == ("False", "BackendUnavailable")
        await asyncio.sleep(100)
        assert world.cluster.reasons("kafka") == ["BackendUnavailable"]

        world.broker.is_away = False
        await world.ready(key, seconds=31)
        seconds = await world.ready(topic, seconds=60)

        assert seconds < 25

    simulate(main())


def refused(failure):
    """Return the conditions of a connection whose probe raises *failure*, and the looks at it."""

    async def main():
        world = World()
        world.probe.failure = failure
        world.start()
        key = world.connect()
        await world.until(lambda: world.cluster.ready(key))
        await asyncio.sleep(50)
        return world.cluster.conditions(key), len(world.counts.passes)

    return simulate(main())


def test_a_credential_that_is_refused_stalls():
    conditions, passes = refused(Forbidden("No."))

    assert conditions["Ready"] == ("False", "Forbidden")
    assert conditions["Stalled"] == ("True", "Forbidden")
    assert conditions["Reachable"] == ("False", "Forbidden")
    assert passes == 1


def test_a_secret_that_is_missing_is_waited_for():
    conditions, passes = refused(DependencyMissing("Secret shop/kafka is not there."))

    assert conditions["Ready"] == ("False", "DependencyMissing")
    assert conditions["DependenciesReady"] == ("False", "DependencyMissing")
    assert conditions["Reachable"] == ("Unknown", "DependencyMissing")
    assert "Stalled" not in conditions
    assert passes == 1


def test_a_suspended_connection_is_not_looked_at_and_keeps_its_ready():
    async def main():
        world = World()
        world.start()
        key = world.connect()
        await world.ready(key)
        looks = world.probe.looks

        world.connect(suspend=True)
        await world.until(lambda: world.cluster.ready(key) == ("True", "Suspended"))

        assert world.probe.looks == looks

    simulate(main())
