import asyncio

import pytest

from actors.domain.errors import StoreUnavailable
from actors.domain.slots import SLOT_COUNT, slot_of
from actors.runtime.limits import DEFAULT_LIMITS, BatchLimits, RuntimeLimits, TenancyLimits
from actors.runtime.messages import Status
from actors.runtime.shard import Shard
from tests.unit.runtime.fakes import FakeLedger, FakeSlots, a_movement, in_slot

# A lease so long that the keeper never wakes by itself: the test makes every round.
LIMITS = RuntimeLimits(
    batches=BatchLimits(batch_movements=10),
    tenancy=TenancyLimits(lease_seconds=3_000, slots_per_round=SLOT_COUNT),
)


@pytest.fixture
def slots():
    return FakeSlots(lease_seconds=3_000)


@pytest.fixture
def ledger(slots):
    return FakeLedger(slots)


def a_shard(ledger, owner="a", generation=0):
    return Shard(
        ledger,
        ledger.slots,
        owner=owner,
        address=owner,
        generation=generation,
        limits=LIMITS,
        clock=lambda: ledger.slots.now,
    )


@pytest.fixture
async def shard(ledger):
    shard = a_shard(ledger)
    await shard.start()
    yield shard
    ledger.gate.set()
    await shard.stop()


def soon():
    return asyncio.get_running_loop().time() + 60


async def submit(shard, *movements):
    answers = await shard.submit(movements, [soon()] * len(movements))
    return [answer.status for answer in answers]


async def test_a_turn_is_committed_under_the_epoch_of_its_slot(shard, ledger, slots):
    a = ledger.open_account(1)

    assert await submit(shard, a_movement(a, ledger.open_account())) == [Status.DONE]
    assert ledger.fences[0].epochs == {slot_of(a): slots.epochs[slot_of(a)]}


@pytest.mark.usefixtures("shard")
async def test_a_slot_of_another_owner_has_moved(ledger):
    stranger = a_shard(ledger, "b")
    await stranger.start()
    movement = a_movement(ledger.open_account(1), ledger.open_account())

    assert await submit(stranger, movement) == [Status.MOVED]
    assert ledger.commits == []
    await stranger.stop()


async def test_a_stale_owner_commits_nothing_and_learns_it(shard, ledger, slots):
    a = ledger.open_account(1)
    await slots.leave("a")  # as an operator might, or a wrong clock
    await slots.heartbeat("b", "b", 0)
    await slots.claim("b", SLOT_COUNT)

    assert await submit(shard, a_movement(a, ledger.open_account())) == [Status.MOVED]
    assert shard.health().fenced == 1
    assert ledger.posted() == 0


async def test_after_a_refusal_the_shard_asks_for_the_truth_at_once(shard, ledger, slots):
    a = ledger.open_account(5)
    slots.epochs[slot_of(a)] += 1  # released and claimed again behind its back
    refused = await submit(shard, a_movement(a, ledger.open_account()))
    await shard.renew()

    assert refused == [Status.MOVED]
    assert await submit(shard, a_movement(a, ledger.open_account())) == [Status.DONE]


async def test_a_shard_whose_lease_ran_out_takes_no_turns(shard, ledger, slots):
    slots.now += 2_500

    movement = a_movement(ledger.open_account(1), ledger.open_account())
    assert await submit(shard, movement) == [Status.MOVED]
    assert not shard.health().accepting


async def test_a_hand_over_loses_no_turn(shard, ledger, slots):
    ledger.gate.clear()
    sources = [ledger.open_account(1) for _ in range(40)]
    b = ledger.open_account()
    taken = asyncio.create_task(submit(shard, *(a_movement(source, b) for source in sources)))
    await ledger.begun.acquire()
    newcomer = a_shard(ledger, "b")
    await newcomer.start()
    hand_over = asyncio.create_task(shard.renew())
    await asyncio.sleep(0)
    still_taken = shard.health().slots
    released_early = any(owner != "a" for owner in slots.owner_of.values())
    ledger.gate.set()
    await hand_over
    await newcomer.renew()

    assert await taken == [Status.DONE] * 40
    assert (still_taken, released_early) == (SLOT_COUNT // 2, False)
    assert newcomer.health().slots == SLOT_COUNT // 2
    await newcomer.stop()


async def test_a_turn_whose_slot_was_lost_while_it_waited_has_moved(shard, ledger, slots):
    ledger.gate.clear()
    lost = ledger.open_account(2, in_slot(1_000))
    kept, b = ledger.open_account(2, in_slot(1_001)), ledger.open_account()
    first = asyncio.create_task(submit(shard, a_movement(lost, b)))
    await ledger.begun.acquire()
    waiting = asyncio.create_task(submit(shard, a_movement(lost, b)))
    await asyncio.sleep(0)
    await slots.heartbeat("b", "b", 0)
    slots.owner_of[slot_of(lost)] = "b"
    slots.epochs[slot_of(lost)] += 1
    ledger.gate.set()

    assert await first == await waiting == [Status.MOVED]
    assert await submit(shard, a_movement(kept, b)) == [Status.DONE]
    assert ledger.accounts[lost].balance_minor == 2


async def test_a_shard_that_stops_finishes_what_it_took(ledger, slots):
    shard = a_shard(ledger)
    await shard.start()
    ledger.gate.clear()
    taken = asyncio.create_task(
        submit(shard, a_movement(ledger.open_account(1), ledger.open_account()))
    )
    await ledger.begun.acquire()
    stopping = asyncio.create_task(shard.stop())
    await asyncio.sleep(0)
    late = await submit(shard, a_movement(ledger.open_account(1), ledger.open_account()))
    ledger.gate.set()
    await stopping

    assert await taken == [Status.DONE]
    assert late == [Status.MOVED]
    assert (slots.owner_of, slots.members) == ({}, {})
    assert not shard.alive


async def test_a_shard_starts_without_a_database_and_recovers(ledger, slots):
    slots.failure = StoreUnavailable()
    shard = a_shard(ledger)
    await shard.start()
    accepting_before = shard.health().accepting
    slots.failure = None
    await shard.renew()

    assert not accepting_before
    assert shard.health().slots == SLOT_COUNT
    await shard.stop()


async def test_callers_get_an_answer_by_their_deadline(shard, ledger):
    ledger.gate.clear()
    a, b = ledger.open_account(5), ledger.open_account()
    clock = asyncio.get_running_loop().time
    for _ in range(DEFAULT_LIMITS.batches.batches_in_flight):
        answers = await shard.submit([a_movement(a, b), a_movement(a, b)], [clock() + 0.05] * 2)
        assert [answer.status for answer in answers] == [Status.UNKNOWN] * 2
    left_behind = await shard.submit([a_movement(a, b)], [clock() + 0.05])

    assert left_behind[0].status is Status.OVERLOADED


async def test_nothing_asked_is_nothing_answered(shard):
    assert await shard.submit([], []) == []
