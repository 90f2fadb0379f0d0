"""What holds of the queue whatever is done with it."""

from __future__ import annotations

import asyncio
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gopherpay_operator.engine.ports import Key
from gopherpay_operator.engine.queue import (
    Priority,
    Queue,
    backoff_seconds,
)
from tests.unit.operator.engine.looping import simulate

LANE_LIMIT = 2
KEYS = [Key("EventTopic", lane, str(number)) for lane in ("a", "b") for number in range(3)]
KEYS += [Key("KafkaConnection", "", "free-1"), Key("KafkaConnection", "", "free-2")]
A, B, C = KEYS[0], KEYS[1], KEYS[3]


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def made(limit=LANE_LIMIT, seed=0):
    clock = Clock()
    random = Random(seed)  # noqa: S311 - no secret
    lane = lambda key: key.namespace or None  # noqa: E731 - a value of the test
    return Queue(lane, lane_limit=limit, clock=clock, random=random), clock


STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("add"),
            st.sampled_from(KEYS),
            st.sampled_from(Priority),
            st.sampled_from([0.0, 0.0, 1.0, 5.0]),
        ),
        st.tuples(st.just("retry"), st.sampled_from(KEYS)),
        st.tuples(st.just("forget"), st.sampled_from(KEYS)),
        st.tuples(st.just("take")),
        st.tuples(st.just("done"), st.integers(0, 7)),
        st.tuples(st.just("pass_"), st.sampled_from([0.5, 3.0])),
    ),
    max_size=60,
)


class Model:
    """A queue beside what is to come out of it."""

    def __init__(self):
        self.queue, self.clock = made()
        self.running, self.wanted = [], set()

    def add(self, key, priority, after):
        self.queue.add(key, priority, after)
        self.wanted.add(key)

    def retry(self, key):
        self.queue.retry(key)
        self.wanted.add(key)

    def forget(self, key):
        self.queue.forget(key)
        self.wanted.discard(key)

    def take(self):
        key = self.queue.take_now()
        if key is not None:
            assert key not in self.running
            self.wanted.remove(key)
            self.running.append(key)
            lane = [each for each in self.running if each.namespace == key.namespace]
            assert not key.namespace or len(lane) <= LANE_LIMIT
        return key

    def done(self, number):
        if self.running:
            self.queue.done(self.running.pop(number % len(self.running)))

    def pass_(self, seconds):
        self.clock.now += seconds


@settings(max_examples=300, deadline=None)
@given(STEPS)
def test_every_key_is_worked_on_once_for_what_was_added_and_never_twice_at_a_time(steps):
    model = Model()

    for name, *rest in steps:
        getattr(model, name)(*rest)

    for _ in list(model.running):
        model.done(0)
    model.pass_(1000)
    while model.take() is not None:
        model.done(0)
    assert model.wanted == set()
    assert model.queue.depth == 0
    assert model.queue.running_seconds() == 0


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(KEYS), st.sampled_from(Priority)), min_size=1))
def test_the_most_urgent_is_taken_first(added):
    queue, _ = made(limit=100)
    best = {}
    for key, priority in added:
        queue.add(key, priority)
        best[key] = min(priority, best.get(key, priority))

    order = [best[queue.take_now()] for _ in best]

    assert order == sorted(order)


def test_what_changes_while_it_is_worked_on_comes_again():
    queue, _ = made()
    queue.add(A, Priority.SPEC)
    assert queue.take_now() == A

    queue.add(A, Priority.SPEC)
    assert queue.take_now() is None
    queue.done(A)

    assert queue.take_now() == A


def test_a_full_lane_lets_the_other_go_first():
    queue, _ = made(limit=1)
    queue.add(A, Priority.SPEC)
    queue.add(B, Priority.SPEC)
    queue.add(C, Priority.RESYNC)

    assert [queue.take_now(), queue.take_now(), queue.take_now()] == [A, C, None]
    queue.done(A)
    assert queue.take_now() == B


def test_the_later_of_two_times_is_forgotten():
    queue, clock = made()
    queue.add(A, Priority.RETRY, 20)
    queue.resync(A, 600)
    queue.add(A, Priority.DEPENDENCY, 5)

    clock.now += 4.9
    assert queue.take_now() is None
    clock.now += 0.2
    assert queue.take_now() == A
    queue.done(A)
    clock.now += 1000
    assert queue.take_now() is None


def test_the_back_off_grows_to_half_a_minute_and_begins_anew_after_a_success():
    assert [backoff_seconds(n) for n in (1, 2, 3, 4, 5, 6, 500)] == [1, 2, 4, 8, 16, 30, 30]
    queue, clock = made(seed=7)
    waits = []
    for _ in range(8):
        queue.retry(A)
        began = clock.now
        while queue.take_now() is None:
            clock.now += 0.01
        waits.append(clock.now - began)
        queue.done(A)

    assert all(wait <= backoff_seconds(n + 1) + 0.02 for n, wait in enumerate(waits))
    assert max(waits) > 2
    queue.settled(A)
    queue.retry(A)
    clock.now += 1.01
    assert queue.take_now() == A


def test_resyncs_are_spread():
    queue, clock = made(limit=100)
    keys = [Key("EventTopic", "a", str(number)) for number in range(50)]
    for key in keys:
        queue.resync(key, 100)

    clock.now += 79.9
    assert queue.take_now() is None
    clock.now += 20.1
    half = sum(queue.take_now() is not None for _ in keys)
    clock.now += 20.1
    rest = sum(queue.take_now() is not None for _ in keys)

    assert 5 < half < 45
    assert half + rest == 50


def test_the_ages_are_those_of_what_is_due_and_of_what_runs():
    queue, clock = made()
    queue.add(A, Priority.SPEC)
    queue.add(B, Priority.SPEC, 100)
    clock.now += 3

    assert (queue.depth, queue.oldest_seconds(), queue.running_seconds()) == (1, 3, 0)
    queue.take_now()
    clock.now += 4
    assert (queue.depth, queue.oldest_seconds(), queue.running_seconds()) == (0, 0, 4)


def test_replaced_entries_do_not_pile_up():
    queue, _ = made()
    for _ in range(5000):
        queue.add(A, Priority.SPEC)
        assert queue.take_now() == A
        queue.resync(A, 86_400)
        queue.done(A)

    assert len(queue._later) < 1500  # noqa: SLF001 - what is looked at is its size


@pytest.mark.parametrize("after", [0.0, 2.5])
def test_who_waits_is_woken_when_something_is_due(after):
    async def main():
        loop = asyncio.get_running_loop()
        queue = Queue(lambda _: None, lane_limit=1, clock=loop.time, random=Random(0))  # noqa: S311
        taking = asyncio.create_task(queue.take())
        await asyncio.sleep(1)
        queue.add(A, Priority.SPEC, after)
        assert await taking == A
        return loop.time()

    assert simulate(main()) == pytest.approx(1 + after, abs=0.01)
