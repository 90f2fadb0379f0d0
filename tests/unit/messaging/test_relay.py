"""The relay's promises: nothing lost, each subject in order, and nobody waits for another."""

import asyncio
from dataclasses import replace

import pytest

from actors.domain.errors import StoreUnavailable
from actors.messaging.relay import Relay, Tempo
from actors.messaging.rest import Rest
from actors.ports.events import SourceUnavailable
from tests.unit.messaging.outside import (
    Bus,
    Database,
    MemoryParked,
    a_record,
    an_event,
    no_time,
    position,
)

SUBJECTS = "abcdefghij"
TEMPO = Tempo(events_max=7, review_seconds=0)


@pytest.fixture
def database():
    return Database(an_event(seq, SUBJECTS[seq % 10]) for seq in range(1, 101))


@pytest.fixture
def bus():
    return Bus()


@pytest.fixture
def parked():
    return MemoryParked()


@pytest.fixture
def a_relay(database, bus, parked):
    """Return a way to make one more relay on the same outbox and bus."""

    def make(**tempo):
        return Relay(
            database.outbox(),
            parked,
            bus,
            a_record,
            pace=Rest(1.0, sleep=no_time),
            tempo=replace(TEMPO, **tempo),
            sleep=no_time,
        )

    return make


async def _turns(relay, count=40):
    for _ in range(count):
        await relay.turn()


async def _until(is_so):
    """Let the others run until it is so."""
    while not is_so():  # noqa: ASYNC110 - whatever the relay does next may be it
        await asyncio.sleep(0)


def _of(offsets, subject):
    return [seq for seq in offsets if SUBJECTS[seq % 10] == subject]


def _assert_in_order(bus, *, without=()):
    """Fail unless each subject's events came first in their order, all of them."""
    for subject in SUBJECTS:
        if subject not in without:
            assert _of(bus.firsts(), subject) == _of(range(1, 101), subject)


async def test_everything_goes_out_once_and_in_order(a_relay, bus, database):
    relay = a_relay()
    await _turns(relay)

    assert bus.offsets == list(range(1, 101))
    assert relay.health().told == 100
    assert max(database.cursors.values()) == position(100)


async def test_what_comes_later_goes_out_later(a_relay, bus, database):
    relay = a_relay()
    await _turns(relay)
    database.events.append(an_event(101, "b"))
    await _turns(relay, 1)

    assert bus.offsets[-1] == 101


async def test_an_event_that_is_refused_stands_aside_with_those_behind_it(
    a_relay, bus, database, parked
):
    bus.refused = {12}  # of subject c
    relay = a_relay()
    await _turns(relay)

    _assert_in_order(bus, without="c")
    assert _of(bus.offsets, "c") == [2]
    assert sorted(parked.rows) == _of(range(12, 101), "c")
    assert relay.health().parked_subjects == 1
    assert max(database.cursors.values()) == position(100)


async def test_parked_events_leave_in_order_once_the_bus_takes_them(a_relay, bus, database, parked):
    bus.refused = {12}
    relay = a_relay()
    await _turns(relay)
    parked.is_due = True
    await _turns(relay, 3)
    assert _of(bus.offsets, "c") == [2], "still refused"
    bus.refused = set()
    await _turns(relay, 3)
    _assert_in_order(bus)
    database.events.append(an_event(102, "c"))
    await _turns(relay, 3)

    assert bus.offsets[-1] == 102
    assert not parked.rows


async def test_another_relay_knows_what_is_parked(a_relay, bus, database, parked):
    bus.refused = {12}
    first = a_relay()
    await _turns(first, 3)
    database.outboxes[0].dies()
    bus.refused = set()
    await _turns(a_relay())

    assert _of(bus.offsets, "c") == [2]
    assert sorted(parked.rows) == _of(range(12, 101), "c")
    _assert_in_order(bus, without="c")


async def test_an_event_that_cannot_be_told_at_all_is_parked_too(a_relay, bus, database, parked):
    database.events[4] = an_event(5, "f", data=b"odd")
    await _turns(a_relay())

    _assert_in_order(bus, without="f")
    assert sorted(parked.rows) == _of(range(5, 101), "f")


@pytest.mark.parametrize("seq", [1, 5, 7, 50, 100])
async def test_an_outage_of_the_bus_repeats_and_never_skips(a_relay, bus, database, seq):
    bus.outages[seq] = 3
    relay = a_relay()
    for _ in range(3):
        with pytest.raises(SourceUnavailable, match="away"):
            await _turns(relay)
    await _turns(relay)

    assert bus.firsts() == list(range(1, 101))
    assert max(database.cursors.values()) == position(100)


async def test_only_what_is_certain_moves_a_cursor(a_relay, bus, database):
    bus.outages[5] = 1
    with pytest.raises(SourceUnavailable):
        await a_relay().turn()
    events = {event.lane: event.seq for event in database.events[:4]}

    assert database.cursors == {lane: position(seq) for lane, seq in events.items()}


async def test_an_outage_of_the_database_takes_the_lanes_anew(a_relay, bus, database):
    relay = a_relay()
    await _turns(relay, 2)
    database.outboxes[0].is_down = True
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            await relay.turn()
    assert relay.health().lanes == 0
    database.outboxes[0].is_down = False
    await _turns(relay)

    _assert_in_order(bus)


async def test_relays_have_a_fair_share_each_and_one_alone_has_all(a_relay, database):
    first = a_relay()
    await first.turn()
    assert first.health().lanes == 8
    second, third = a_relay(), a_relay()
    for _ in range(3):
        for relay in (first, second, third):
            await relay.turn()
    assert sorted(relay.health().lanes for relay in (first, second, third)) == [2, 3, 3]
    database.outboxes[1].dies()
    database.outboxes[2].dies()
    await first.turn()

    assert first.health().lanes == 8


async def test_lanes_that_change_hands_lose_nothing(a_relay, bus):
    relays = [a_relay()]
    await _turns(relays[0], 3)
    relays += [a_relay(), a_relay()]
    for _ in range(40):
        for relay in relays:
            await relay.turn()

    _assert_in_order(bus)
    assert sum(relay.health().told for relay in relays) == len(bus.offsets) == 100


async def test_a_lane_that_catches_up_does_not_hold_back_the_others(a_relay, bus, database):
    far = max(event.seq for event in database.events)
    database.cursors = dict.fromkeys(range(8), position(far))
    slow = database.events[0].lane
    del database.cursors[slow]
    database.events = [an_event(seq, "a", slow) for seq in range(1, 2_000)]
    database.events += [an_event(seq, "b", (slow + 1) % 8) for seq in range(2_000, 2_010)]
    relay = a_relay()
    await _turns(relay)

    assert bus.offsets.count(2_009) == 1
    assert max(seq for seq in bus.offsets if seq < 2_000) < 300, "the backlog is not done yet"


async def test_it_runs_until_it_is_cancelled_and_gives_its_lanes_back(a_relay, bus, database):
    relay = a_relay()
    running = asyncio.create_task(relay.run())
    async with asyncio.timeout(30):
        await _until(lambda: len(bus.offsets) == 100)
    assert relay.health().alive
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    assert not relay.health().alive
    assert database.holders == {}


async def test_outages_are_waited_for(a_relay, bus, database):
    bus.outages[50] = 5
    relay = a_relay()
    database.outboxes[0].is_down = True
    running = asyncio.create_task(relay.run())
    async with asyncio.timeout(30):
        await _until(lambda: relay.health().stalled_by is not None)
        database.outboxes[0].is_down = False
        await _until(lambda: len(bus.firsts()) == 100)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    assert bus.firsts() == list(range(1, 101))
