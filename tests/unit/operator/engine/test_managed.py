"""What becomes of a resource that owns a thing."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from gopherpay_operator.plans.observed import Found, TopicState
from gopherpay_operator.plans.topic_actions import CreateTopic, DeleteTopic
from gopherpay_operator.resources.policies import ALLOW_DESTROY, FINALIZER
from tests.unit.operator.engine.looping import simulate
from tests.unit.operator.engine.simulated_world import World

THERE = TopicState("theirs", 3, 1)


def test_a_topic_is_made_and_said_to_be_so_once():
    async def main():
        world = World()
        world.start()
        world.connect()
        key = world.topic("orders")

        await world.ready(key)
        await world.until(lambda: world.cluster.status(key)["observedGeneration"] == 1)

        assert world.broker.topics["orders"].claim == "here/shop/orders"
        assert world.cluster.reasons("orders") == ["Created"]
        status = world.cluster.status(key)
        assert status["ownership"]["owned"] is True
        assert status["externalName"] == "orders"
        assert status["externalId"] == "made"
        assert world.cluster.conditions(key) == {
            "Ready": ("True", "Ready"),
            "Synced": ("True", "Applied"),
            "Drifted": ("False", "InSync"),
            "Adopted": ("False", "Created"),
            "DependenciesReady": ("True", "Found"),
        }

    simulate(main())


def test_a_changed_spec_is_carried_out_and_told_of():
    async def main():
        world = World()
        world.start()
        world.connect()
        key = world.topic("orders")
        await world.ready(key)
        first = world.cluster.status(key)["appliedHash"]

        world.topic("orders", partitions=6, keyed=False)
        await world.until(lambda: world.cluster.status(key)["observedGeneration"] == 2)

        assert world.broker.topics["orders"].state.partitions == 6
        assert world.cluster.reasons("orders") == ["Created", "Updated"]
        assert world.cluster.status(key)["appliedHash"] != first

    simulate(main())


def test_what_was_there_is_taken_over_when_it_is_identical():
    async def main():
        world = World()
        world.broker.topics["orders"] = Found(THERE)
        world.start()
        world.connect()
        key = world.topic("orders")

        await world.ready(key)

        assert world.cluster.reasons("orders") == ["Adopted"]
        assert world.cluster.conditions(key)["Adopted"] == ("True", "Adopted")
        assert world.broker.did(CreateTopic) == 0
        world.work.resync_all()
        await world.until(lambda: len(world.broker.looks) > 2)
        assert world.cluster.conditions(key)["Adopted"] == ("True", "Adopted")
        assert world.cluster.reasons("orders") == ["Adopted"]

    simulate(main())


def _keep_shorter(broker):
    """Change all topics behind the operator's back."""
    for name, found in broker.topics.items():
        changed = replace(found.state, config={"retention.ms": "5"})
        broker.topics[name] = replace(found, state=changed)


def test_drift_is_corrected_reported_or_ignored():
    async def main():
        world = World()
        world.start()
        world.connect()
        keys = {
            policy: world.topic(policy.lower(), driftPolicy=policy, config={"retention.ms": "7"})
            for policy in ("Correct", "Report", "Ignore")
        }
        await world.ready(*keys.values())

        _keep_shorter(world.broker)
        world.work.resync_all()
        await world.until(lambda: world.cluster.reasons("correct") == ["Created", "DriftCorrected"])
        await world.until(lambda: world.cluster.reasons("report") == ["Created", "DriftDetected"])

        assert world.broker.topics["correct"].state.config == {"retention.ms": "7"}
        assert world.broker.topics["report"].state.config == {"retention.ms": "5"}
        assert world.broker.topics["ignore"].state.config == {"retention.ms": "5"}
        assert world.cluster.ready(keys["Report"]) == ("True", "DriftReported")
        assert world.cluster.conditions(keys["Report"])["Drifted"] == ("True", "Differs")
        (planned,) = world.cluster.status(keys["Report"])["plannedActions"]
        assert planned["action"] == "SetTopicConfig"
        assert world.cluster.ready(keys["Ignore"]) == ("True", "Ready")
        assert world.counts.drifts == ["EventTopic"] * 2
        world.work.resync_all()
        await asyncio.sleep(10)
        assert world.cluster.reasons("report") == ["Created", "DriftDetected"]

    simulate(main())


def test_a_suspended_resource_keeps_its_ready_and_shows_its_plan():
    async def main():
        world = World()
        world.start()
        world.connect()
        key = world.topic("orders")
        await world.ready(key)

        world.topic("orders", partitions=6, keyed=False, suspend=True)
        await world.until(lambda: "plannedActions" in world.cluster.status(key))

        assert world.cluster.ready(key) == ("True", "Suspended")
        assert world.broker.topics["orders"].state.partitions == 3
        world.topic("orders", partitions=6, keyed=False)
        await world.until(lambda: world.cluster.ready(key) == ("True", "Ready"))
        assert "plannedActions" not in world.cluster.status(key)
        assert world.broker.topics["orders"].state.partitions == 6

    simulate(main())


def test_a_refusal_stalls_until_a_person_acts():
    async def main():
        world = World()
        world.broker.topics["orders"] = Found(replace(THERE, partitions=2))
        world.start()
        world.connect()
        key = world.topic("orders")

        await world.until(lambda: world.cluster.reasons("orders") == ["Blocked"])

        assert world.cluster.ready(key) == ("False", "NotIdentical")
        assert world.cluster.conditions(key)["Stalled"] == ("True", "NotIdentical")
        world.topic("orders", adoptionPolicy="Always", keyed=False)
        await world.ready(key)
        assert "Stalled" not in world.cluster.conditions(key)
        assert world.cluster.reasons("orders") == ["Blocked", "Adopted"]

    simulate(main())


def test_a_deletion_removes_the_thing_and_then_the_resource():
    async def main():
        world = World()
        world.start()
        world.connect()
        key = world.doomed("orders")
        await world.ready(key)
        assert world.cluster.there[key].finalizers == (FINALIZER,)

        world.cluster.delete(key)
        await world.until(lambda: key not in world.cluster.there)
        await world.until(lambda: world.cluster.reasons("orders") == ["Created", "Deleted"])

        assert world.broker.names() == set()
        assert world.broker.topics["orders"].claim is None
        await asyncio.sleep(10)
        assert [is_leaving for _, is_leaving in world.broker.looks].count(True) == 2

    simulate(main())


def test_what_was_never_made_does_not_hold_a_deletion_up():
    async def main():
        world = World()
        world.start()
        world.connect()
        key = world.doomed("__internal")
        await world.until(lambda: world.cluster.ready(key) == ("False", "NameReserved"))

        world.cluster.delete(key)
        await world.until(lambda: key not in world.cluster.there)

        assert world.broker.done == []

    simulate(main())


def test_a_deletion_that_nobody_has_confirmed_is_blocked_and_can_be_called_off():
    async def main():
        world = World()
        world.start()
        world.connect()
        key = world.topic("orders", deletionPolicy="Delete", dataLossGuard="None")
        await world.ready(key)

        world.cluster.delete(key)
        await world.until(lambda: "DeletionBlocked" in world.cluster.conditions(key))

        blocked = world.cluster.conditions(key)
        assert blocked["DeletionBlocked"] == ("True", "DestroyNotAllowed")
        assert blocked["Ready"] == ("True", "Ready")
        await world.until(lambda: world.cluster.reasons("orders") == ["Created", "Blocked"])
        world.work.resync_all()
        await asyncio.sleep(10)
        assert world.cluster.reasons("orders") == ["Created", "Blocked"]
        world.topic("orders", deletionPolicy="Retain", dataLossGuard="None")
        await world.until(lambda: key not in world.cluster.there)
        await world.until(lambda: world.broker.topics["orders"].claim is None)
        assert world.broker.names() == {"orders"}
        assert world.broker.did(DeleteTopic) == 0

    simulate(main())


def test_a_deletion_waits_for_a_server_that_is_away():
    async def main():
        world = World()
        world.start()
        world.connect()
        key = world.doomed("orders")
        await world.ready(key)

        world.broker.is_away = True
        world.cluster.delete(key)
        await world.until(lambda: "DeletionBlocked" in world.cluster.conditions(key))

        blocked = world.cluster.conditions(key)
        assert blocked["DeletionBlocked"] == ("True", "BackendUnavailable")
        assert blocked["Ready"] == ("True", "Ready")
        world.broker.is_away = False
        await world.until(lambda: key not in world.cluster.there, seconds=60)
        assert world.broker.names() == set()

    simulate(main())


def test_a_resource_that_goes_gives_up_what_it_retains():
    async def main():
        world = World()
        world.start()
        world.connect()
        key = world.topic("orders")
        await world.ready(key)
        assert world.cluster.there[key].finalizers == ()

        world.cluster.delete(key)
        await world.until(lambda: world.cluster.reasons("orders") == ["Created", "Retained"])

        assert world.broker.topics["orders"].claim is None
        assert world.broker.names() == {"orders"}

    simulate(main())


def test_the_finalizer_follows_the_deletion_policy():
    async def main():
        world = World()
        world.start()
        world.connect()
        key = world.topic("orders")
        await world.ready(key)

        world.doomed("orders")
        await world.until(lambda: world.cluster.there[key].finalizers == (FINALIZER,))
        world.topic("orders")
        await world.until(lambda: world.cluster.there[key].finalizers == ())

        assert world.cluster.there[key].annotations == {ALLOW_DESTROY: "orders"}

    simulate(main())


def test_of_two_that_want_the_same_the_older_has_it_and_the_loser_changes_nothing():
    async def main():
        world = World()
        world.start()
        world.connect(allowedNamespaces={"policy": "All"})
        first = world.topic("first", externalName="orders")
        second = world.topic("second", namespace="till", externalName="orders", partitions=9)

        await world.ready(first)
        await world.until(lambda: world.cluster.ready(second) == ("False", "Conflict"))

        assert world.broker.topics["orders"].state.partitions == 3
        assert world.cluster.reasons("second") == ["Conflict"]
        world.cluster.delete(second)
        await world.until(lambda: second not in world.cluster.cache)
        assert world.broker.topics["orders"].claim == "here/shop/first"

    simulate(main())


def test_the_loser_gets_it_when_the_winner_goes():
    async def main():
        world = World()
        world.start()
        world.connect()
        first = world.topic("first", externalName="orders")
        second = world.topic("second", externalName="orders")
        await world.ready(first)
        await world.until(lambda: world.cluster.ready(second) == ("False", "Conflict"))
        await asyncio.sleep(10)  # until nothing else brings it

        world.cluster.delete(first)
        await world.ready(second)

        assert world.broker.topics["orders"].claim == "here/shop/second"

    simulate(main())


def test_a_claim_of_a_resource_that_is_no_more_is_released():
    async def main():
        world = World()
        world.broker.topics["orders"] = Found(THERE, "here/shop/gone")
        world.start()
        world.connect()
        key = world.topic("orders")

        await world.ready(key)

        assert world.broker.topics["orders"].claim == "here/shop/orders"

    simulate(main())


def test_a_claim_of_another_cluster_or_of_a_namespace_that_we_do_not_see_is_never_released():
    async def main():
        world = World()
        world.cluster.unseen = {"hidden"}
        world.broker.topics["orders"] = Found(THERE, "there/shop/gone")
        world.broker.topics["bills"] = Found(THERE, "here/hidden/gone")
        world.start()
        world.connect()
        keys = [world.topic("orders"), world.topic("bills")]

        for key in keys:
            await world.until(lambda key=key: world.cluster.ready(key) == ("False", "Conflict"))

        assert world.broker.done == []

    simulate(main())


def test_a_connection_lets_in_whom_it_names():
    async def main():
        world = World()
        world.cluster.labels = {"blue": {"team": "blue"}, "red": {"team": "red"}}
        world.start()
        world.connect(
            allowedNamespaces={
                "policy": "Selected",
                "names": ["till"],
                "matchLabels": {"team": "blue"},
            }
        )
        allowed = [world.topic(name, namespace=name) for name in ("shop", "till", "blue")]
        refused = [world.topic(name, namespace=name) for name in ("red", "unknown")]

        await world.ready(*allowed)
        for key in refused:
            await world.until(
                lambda key=key: world.cluster.ready(key) == ("False", "NamespaceNotAllowed")
            )
            dependencies = world.cluster.conditions(key)["DependenciesReady"]
            assert dependencies == ("False", "NamespaceNotAllowed")

        assert world.broker.names() == {"shop", "till", "blue"}

    simulate(main())
