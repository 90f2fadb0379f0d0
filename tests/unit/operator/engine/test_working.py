"""What the loop does with what it is told."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from gopherpay_operator.engine.durations import seconds_of
from gopherpay_operator.engine.ports import Key, Malformed
from gopherpay_operator.plans.topic_actions import CreateTopic
from gopherpay_operator.resources.policies import FINALIZER
from tests.fixtures.logs import captured
from tests.unit.operator.engine.looping import simulate
from tests.unit.operator.engine.simulated_broker import SECRET, TOPIC, Broken
from tests.unit.operator.engine.simulated_cluster import Fuse
from tests.unit.operator.engine.simulated_world import World


@pytest.fixture(name="lines")
def lines_of_the_log():
    with captured() as lines:
        yield lines


def test_a_resource_that_comes_before_its_connection_is_ready_seconds_after_it():
    async def main():
        world = World()
        world.start()
        key = world.topic("orders")
        await world.until(lambda: world.cluster.ready(key) == ("False", "DependencyMissing"))
        await asyncio.sleep(20)
        assert len(world.counts.passes) == 1

        world.connect()
        seconds = await world.ready(key)

        assert seconds < 6

    simulate(main())


def test_a_resource_whose_server_lacks_something_is_ready_soon_after_it_is_there():
    async def main():
        world = World()
        world.broker.lacks = 'role "owner" does not exist'
        world.start()
        world.connect()
        key = world.topic("orders")
        await world.until(lambda: world.cluster.ready(key) == ("False", "DependencyMissing"))
        await asyncio.sleep(120)
        assert len(world.counts.passes) < 30

        world.broker.lacks = ""

        assert await world.ready(key) < 31

    simulate(main())


def test_a_resource_that_comes_before_its_secret_is_ready_as_soon_as_it_is_there():
    async def main():
        world = World()
        world.start()
        world.connect()
        key = world.topic("orders", annotations={"secret": "password"})
        secret = Key("Secret", "shop", "password")
        await world.until(lambda: world.cluster.ready(key) == ("False", "DependencyMissing"))
        assert secret in world.interests

        world.cluster.write("shop", "password")
        seconds = await world.ready(key)

        assert seconds < 1
        world.topic("orders", annotations={})
        await world.until(lambda: secret not in world.interests)

    simulate(main())


def test_what_is_needed_is_looked_for_once_a_minute_should_no_change_be_seen():
    async def main():
        world = World()
        world.start()
        world.connect()
        key = world.topic("orders", annotations={"secret": "password"})
        await world.until(lambda: world.cluster.ready(key) == ("False", "DependencyMissing"))

        await asyncio.sleep(10)  # its connection brings it once more
        world.cluster.secrets["shop", "password"] = {}
        seconds = await world.ready(key, seconds=70)

        assert seconds > 30

    simulate(main())


def test_an_annotation_of_ours_brings_a_resource_and_another_does_not():
    async def main():
        world = World()
        world.start()
        world.connect()
        world.topic("orders")
        await asyncio.sleep(10)
        looks = len(world.broker.looks)

        world.topic("orders", annotations={"example.com/note": "1"})
        await asyncio.sleep(5)
        assert len(world.broker.looks) == looks
        world.topic("orders", annotations={"gopherpay.dev/reconcile-at": "1"})
        await asyncio.sleep(5)

        assert len(world.broker.looks) == looks + 1

    simulate(main())


def test_a_malformed_resource_is_stalled_and_mended():
    async def main():
        world = World()
        world.start()
        world.connect()
        key = Key(TOPIC, "shop", "orders")
        world.cluster.apply(key, Malformed(sentence="partitions is no number."))

        await world.until(lambda: world.cluster.ready(key) == ("False", "Malformed"))
        assert world.cluster.conditions(key)["Stalled"] == ("True", "Malformed")

        world.topic("orders")
        await world.ready(key)

    simulate(main())


def test_an_error_of_ours_is_told_and_retried_harms_nobody_and_shows_no_secret(lines):
    async def main():
        world = World(thing=Broken)
        world.start()
        world.connect()
        bad, good = world.topic("bad"), world.topic("good")

        await world.ready(good)
        await world.until(lambda: world.cluster.ready(bad) == ("False", "InternalError"))
        await world.until(
            lambda: sum(result == "error" for _, result, *_ in world.counts.passes) > 2
        )

        assert SECRET not in str(world.cluster.status(bad))

    simulate(main())
    failed = [line for line in lines if line["event"] == "pass.failed"]
    assert {(line["name"], line["error"]) for line in failed} == {("bad", "ZeroDivisionError")}
    assert "wish" in failed[0]["where"]
    assert SECRET not in str(lines)


def test_a_transition_is_one_line(lines):
    async def main():
        world = World()
        world.start()
        world.connect()
        key = world.topic("orders")
        await world.ready(key)
        world.work.resync_all()
        await asyncio.sleep(10)

    simulate(main())

    told = [(line["event"], line["kind"], line["reason"]) for line in lines]
    assert sorted(told) == [
        ("resource.turned", "EventTopic", "Ready"),
        ("resource.turned", "KafkaConnection", "Reachable"),
    ]


def test_deletions_that_the_watch_has_missed_are_made_up_for():
    async def main():
        world = World()
        world.start()
        world.connect()
        key, other = world.topic("orders"), world.topic("bills")
        await world.ready(key, other)

        world.cluster.lose(key)
        await asyncio.sleep(5)
        assert world.broker.topics["orders"].claim == "here/shop/orders"
        world.cluster.relist(TOPIC)
        await world.until(lambda: world.broker.topics["orders"].claim is None)

        assert world.broker.topics["bills"].claim == "here/shop/bills"
        assert world.broker.names() == {"orders", "bills"}

    simulate(main())


def test_a_release_that_fails_is_tried_three_times_and_made_up_for_by_the_next_owner(lines):
    async def main():
        world = World()
        world.start()
        world.connect()
        key = world.topic("orders")
        await world.ready(key)

        world.broker.is_away = True
        world.cluster.delete(key)
        await asyncio.sleep(300)
        world.broker.is_away = False
        assert world.broker.topics["orders"].claim == "here/shop/orders"
        heir = world.topic("heir", externalName="orders")
        await world.ready(heir)

        assert world.broker.topics["orders"].claim == "here/shop/heir"

    simulate(main())
    (left,) = [line for line in lines if line["event"] == "resource.left"]
    assert not left["is_released"]


def test_a_resource_that_comes_again_at_once_keeps_its_thing():
    async def main():
        world = World()
        world.start()
        world.connect()
        key = world.topic("orders")
        await world.ready(key)

        world.cluster.delete(key)
        world.topic("orders")
        await asyncio.sleep(5)

        assert world.cluster.ready(key) == ("True", "Ready")
        assert world.broker.topics["orders"].claim == "here/shop/orders"
        assert world.broker.did(CreateTopic) == 1

    simulate(main())


def test_who_is_overtaken_looks_anew_at_once():
    async def main():
        world = World()
        world.start()
        world.connect()
        world.broker.overtakes = 3
        key = world.topic("orders")

        seconds = await world.ready(key)

        assert seconds < 1
        assert world.cluster.reasons("orders") == ["Created"]

    simulate(main())


def test_who_is_overtaken_again_and_again_backs_off_and_says_so():
    async def main():
        world = World()
        world.start()
        world.connect()
        world.broker.overtakes = 10_000
        key = world.topic("orders")

        await world.until(lambda: world.cluster.ready(key) == ("False", "Overtaken"))
        began = len(world.broker.looks)
        await asyncio.sleep(60)

        assert len(world.broker.looks) - began < 20
        world.broker.overtakes = 0
        await world.ready(key, seconds=40)

    simulate(main())


def test_a_finalizer_stands_before_anything_is_made():
    async def main():
        world = World()
        world.cluster.fuse = Fuse(0)
        world.start()
        world.connect()
        world.doomed("orders")
        await asyncio.sleep(30)

        assert world.broker.done == []

    simulate(main())


def test_a_status_is_not_written_twice_because_the_watch_is_late():
    async def main():
        world = World()
        world.cluster.latency_seconds = 3.0
        world.start()
        world.connect()
        key = world.topic("orders")
        await world.ready(key)
        world.work.resync_all()
        await asyncio.sleep(20)

        assert world.cluster.reasons("orders") == ["Created"]
        assert world.cluster.writes == 2

    simulate(main())


def test_a_status_that_others_spoiled_is_written_again():
    async def main():
        world = World()
        world.start()
        world.connect()
        key = world.topic("orders")
        await world.ready(key)
        await asyncio.sleep(40)

        world.cluster._put(replace(world.cluster.there[key], status={}))  # noqa: SLF001 - as others do
        await asyncio.sleep(1)
        world.work.resync_all()

        await world.ready(key)

    simulate(main())


def test_a_stop_waits_for_what_is_under_way_and_begins_nothing():
    async def main():
        world = World(call_seconds=1.0)
        world.start()
        world.connect()
        key = world.topic("orders")
        await world.until(lambda: world.broker.done)
        later = world.topic("later", connectionRef={"name": "other"})

        await world.work.stop(10)

        assert world.cluster.ready(key) == ("True", "Ready")
        assert world.cluster.ready(later) is None

    simulate(main())


def test_a_successor_writes_nothing_when_all_is_as_it_was():
    async def main():
        world = World()
        world.start()
        world.connect()
        keys = [world.topic("orders"), world.doomed("bills")]
        await world.ready(*keys)
        await asyncio.sleep(10)
        versions = {key: each.version for key, each in world.cluster.there.items()}

        await world.kill()
        world.start()
        await asyncio.sleep(30)

        assert {key: each.version for key, each in world.cluster.there.items()} == versions
        assert world.cluster.there[keys[1]].finalizers == (FINALIZER,)

    simulate(main())


def test_a_new_spec_goes_before_what_was_well_when_the_operator_started():
    async def main():
        world = World(call_seconds=0.5, lane_limit=1)
        world.start()
        world.connect()
        keys = [world.topic(f"topic-{number}") for number in range(30)]
        await world.ready(*keys, seconds=300)
        await asyncio.sleep(100)

        await world.kill()
        world.start()
        seconds = await world.ready(world.topic("new"))

        assert seconds < 6

    simulate(main())


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("10m", 600), ("1h30m", 5400), ("1h1m1s", 3661)]
)
def test_a_duration_is_hours_minutes_and_seconds(text, seconds):
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "10", "10 m", "-1s", "1s1m"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError, match="duration"):
        seconds_of(text)
