"""The cache says what is there, whatever order events and lists come in."""

from __future__ import annotations

import random

import pytest

from gopherpay_operator.engine.ports import Malformed
from gopherpay_operator.kubernetes.cache import REMEMBERED_SECONDS, Cache
from tests.unit.operator.kubernetes.seen import Noted, key, topic


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def noted():
    return Noted()


@pytest.fixture
def cache(clock, noted):
    made = Cache(frozenset({"team"}), clock)
    made.tell(noted)
    return made


def test_a_resource_is_there_once_it_was_seen(cache, noted):
    # given, when
    cache.see("EventTopic", topic())

    # then
    assert cache.resource(key()).uid == "u1"
    assert noted.changes == ["orders"]


def test_what_is_older_than_what_is_known_is_ignored(cache, noted):
    # given
    cache.see("EventTopic", topic(version=9, partitions=9))

    # when
    cache.see("EventTopic", topic(version=8, partitions=8))
    cache.see("EventTopic", topic(version=9, partitions=9))

    # then
    assert cache.resource(key()).spec.partitions == 9
    assert noted.changes == ["orders"]


def test_versions_are_ordered_as_numbers(cache):
    # given
    cache.see("EventTopic", topic(version=9, partitions=3))

    # when
    cache.see("EventTopic", topic(version=10, partitions=4))

    # then
    assert cache.resource(key()).spec.partitions == 4


def test_what_was_deleted_does_not_come_back_by_an_old_event(cache, noted):
    # given
    cache.see("EventTopic", topic())
    cache.lose("u1", key())

    # when
    cache.see("EventTopic", topic(version=99))

    # then
    assert cache.resource(key()) is None
    assert noted.departures == [("orders", "u1")]


def test_a_deletion_that_comes_before_the_resource_counts(cache, noted):
    # given, when
    cache.lose("u1", key())
    cache.see("EventTopic", topic())

    # then
    assert cache.resource(key()) is None
    assert noted.departures == []


def test_another_of_the_same_name_stays_when_the_first_is_deleted_late(cache, noted):
    # given
    cache.see("EventTopic", topic(uid="u1"))
    cache.see("EventTopic", topic(uid="u2", version=2))

    # when
    cache.lose("u1", key())

    # then
    assert cache.resource(key()).uid == "u2"
    assert noted.departures == [("orders", "u1")]


def test_a_list_takes_out_what_went_unseen(cache, noted):
    # given
    for name in ("kept", "lost"):
        cache.see("EventTopic", topic(name, uid=name))

    # when
    cache.relist("EventTopic", "team", [topic("kept", uid="kept")], "5")

    # then
    assert [each.key.name for each in cache.everything()] == ["kept"]
    assert noted.departures == [("lost", "lost")]


def test_a_list_leaves_what_is_newer_than_itself(cache, noted):
    # given
    cache.see("EventTopic", topic(version=6))

    # when
    cache.relist("EventTopic", "team", [], "5")

    # then
    assert cache.resource(key()) is not None
    assert noted.departures == []


def test_a_list_leaves_other_kinds_and_other_namespaces(cache):
    # given
    cache.see("EventTopic", topic(namespace="team"))
    cache.see("EventTopic", topic(namespace="other", uid="u2"))

    # when
    cache.relist("NovuTopic", "team", [], "5")
    cache.relist("EventTopic", "elsewhere", [], "5")

    # then
    assert len(cache.everything()) == 2


@pytest.mark.parametrize("seed", range(20))
def test_the_order_of_events_does_not_matter(clock, seed):
    """Kopf hands out events of different objects in any order, and a list may come between."""
    # given
    cache = Cache(None, clock)
    calls = [
        lambda: cache.see("EventTopic", topic(uid="u1", version=1, partitions=1)),
        lambda: cache.see("EventTopic", topic(uid="u1", version=2, partitions=2)),
        lambda: cache.lose("u1", key()),
        lambda: cache.see("EventTopic", topic(uid="u2", version=4, partitions=4)),
        lambda: cache.relist("EventTopic", None, [topic(uid="u2", version=4, partitions=4)], "4"),
    ]

    # when
    random.Random(seed).shuffle(calls)  # noqa: S311 - an order, no secret
    for call in calls:
        call()

    # then
    assert [(each.uid, each.spec.partitions) for each in cache.everything()] == [("u2", 4)]


def test_uids_that_went_are_forgotten_in_the_end(cache, clock):
    # given
    cache.lose("u1", key())

    # when
    clock.now = REMEMBERED_SECONDS + 1
    cache.lose("u2", key())
    cache.see("EventTopic", topic(uid="u1"))

    # then
    assert cache.resource(key()).uid == "u1"


def test_the_oldest_comes_first_and_what_cannot_be_read_not_at_all(cache):
    # given
    young, old = "2026-02-02T00:00:00Z", "2026-01-01T00:00:00Z"
    cache.see("EventTopic", topic("young", uid="a", creationTimestamp=young))
    cache.see("EventTopic", topic("old", uid="b", creationTimestamp=old))
    cache.see("EventTopic", topic("wrong", uid="c", partitions="many"))

    # when
    found = [each.key.name for each in cache.resources("EventTopic")]

    # then
    assert found == ["old", "young"]


def test_what_cannot_be_read_is_there_without_its_values(cache):
    # given, when
    cache.see("EventTopic", topic(partitions="hunter2"))

    # then
    spec = cache.resource(key()).spec
    assert isinstance(spec, Malformed)
    assert "spec.partitions" in spec.sentence
    assert "hunter2" not in spec.sentence


def test_only_watched_namespaces_are_seen(cache):
    # given, when, then
    assert cache.sees("team")
    assert not cache.sees("other")
    assert Cache(None).sees("other")
