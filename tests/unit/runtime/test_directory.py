import asyncio
from dataclasses import replace

import pytest

from actors.domain.errors import OutcomeUnknown, Overloaded, StoreUnavailable
from actors.domain.slots import SLOT_COUNT
from actors.domain.transfers import Verdict
from actors.runtime.directory import open_directory
from actors.runtime.limits import BatchLimits, CallLimits, RuntimeLimits, TenancyLimits
from actors.runtime.messages import MOVED, UNKNOWN, decode_call, encode_answers
from actors.runtime.shard import Shard
from actors.runtime.transports import InProcess, OwnerUnreachable
from tests.unit.runtime.fakes import FakeLedger, FakeSlots, a_movement, later

LIMITS = RuntimeLimits(
    batches=BatchLimits(batch_movements=64),
    tenancy=TenancyLimits(lease_seconds=3_000, slots_per_round=SLOT_COUNT),
    calls=CallLimits(refresh_seconds=1_000, avoid_seconds=1_000),
)


@pytest.fixture
def slots():
    return FakeSlots(lease_seconds=3_000)


@pytest.fixture
def ledger(slots):
    return FakeLedger(slots)


def a_shard(ledger, owner="a"):
    return Shard(ledger, ledger.slots, owner=owner, address=owner, limits=LIMITS)


async def a_directory(home, ledger, limits=LIMITS, shards=None):
    """Return an open directory whose owners are here, or next door."""
    transport = None
    if home == "deployment":
        shards = {"a": a_shard(ledger)} if shards is None else shards
        for shard in shards.values():
            await shard.start()
        transport = Recording(InProcess(shards))
    return await open_directory(
        home, ledger, ledger.slots, owner="a", transport=transport, limits=limits
    )


class Recording:
    """Passes calls on, remembers them, and fails when told to, before or after."""

    def __init__(self, inner):
        self.inner = inner
        self.calls = []
        self.lose_call = False
        self.lose_answer = False

    async def send(self, address, call, deadline_seconds):
        self.calls.append(len(decode_call(call).movements))
        if self.lose_call:
            raise OwnerUnreachable
        answer = await self.inner.send(address, call, deadline_seconds)
        if self.lose_answer:
            raise OwnerUnreachable
        return answer


@pytest.fixture(params=["ingress", "deployment"])
async def directory(request, ledger):
    directory = await a_directory(request.param, ledger)
    yield directory
    ledger.gate.set()
    await directory.close()


@pytest.fixture
async def remote(ledger):
    directory = await a_directory("deployment", ledger)
    yield directory
    ledger.gate.set()
    await directory.close()


def transport_of(directory):
    return directory._doors._transport  # noqa: SLF001 - to count what no caller sees


async def test_a_movement_goes_to_the_owner(directory, ledger):
    a, b = ledger.open_account(10), ledger.open_account()
    outcome = await directory.submit(a_movement(a, b, 4), 5)

    assert outcome.verdict is Verdict.POSTED
    assert ledger.fences[0] is not None
    assert (directory.counts.owned, directory.counts.ownerless) == (1, 0)


async def test_a_refusal_is_an_outcome(directory, ledger):
    outcome = await directory.submit(
        a_movement(ledger.open_account(1), ledger.open_account(), 2), 5
    )

    assert (outcome.verdict, outcome.code) == (Verdict.REFUSED, "insufficient-funds")


async def test_many_are_answered_in_their_order(directory, ledger):
    a, b = ledger.open_account(30), ledger.open_account()
    outcomes = await directory.submit_many([a_movement(a, b, 10) for _ in range(4)], 5)

    assert [outcome.verdict for outcome in outcomes] == ["posted"] * 3 + ["refused"]
    assert len(ledger.commits) == 1


async def test_the_same_key_at_once_has_one_effect(directory, ledger):
    a, b = ledger.open_account(50), ledger.open_account()
    movement = a_movement(a, b)
    outcomes = await asyncio.gather(*(directory.submit(later(movement), 5) for _ in range(50)))

    assert len({outcome.transfer.id for outcome in outcomes}) == 1
    assert ledger.accounts[a].balance_minor == 49


async def test_a_deadline_after_the_departure_leaves_an_unknown_outcome(directory, ledger):
    ledger.gate.clear()
    with pytest.raises(OutcomeUnknown):
        await directory.submit(a_movement(ledger.open_account(1), ledger.open_account()), 0.02)


async def test_a_deadline_before_the_departure_is_overload(directory, ledger):
    with pytest.raises(Overloaded):
        await directory.submit(a_movement(ledger.open_account(1), ledger.open_account()), 0)
    assert ledger.posted() == 0


async def test_without_a_database_callers_are_asked_to_come_back(directory, ledger):
    ledger.fail_before = [StoreUnavailable(3)]
    with pytest.raises(Overloaded) as refusal:
        await directory.submit(a_movement(ledger.open_account(1), ledger.open_account()), 5)
    assert refusal.value.retry_after_seconds == 3


@pytest.mark.parametrize("home", ["ingress", "deployment"])
async def test_a_full_queue_refuses_at_once(home, ledger):
    narrow = replace(LIMITS, batches=BatchLimits(batch_movements=1, waiting=2, batches_in_flight=1))
    directory = await a_directory(home, ledger, narrow)
    ledger.gate.clear()
    a, b = ledger.open_account(10), ledger.open_account()
    first = asyncio.create_task(directory.submit(a_movement(a, b), 5))
    await ledger.begun.acquire()
    waiting = [asyncio.create_task(directory.submit(a_movement(a, b), 5)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await directory.submit(a_movement(a, b), 5)
    ledger.gate.set()
    outcomes = await asyncio.gather(first, *waiting)

    assert {outcome.verdict for outcome in outcomes} == {Verdict.POSTED}
    await directory.close()


async def test_a_cancelled_caller_does_not_undo_its_transfer(directory, ledger):
    ledger.gate.clear()
    a, b = ledger.open_account(10), ledger.open_account()
    caller = asyncio.create_task(directory.submit(a_movement(a, b), 5))
    await ledger.begun.acquire()
    caller.cancel()
    await asyncio.wait([caller])
    ledger.gate.set()
    await directory.close()

    assert ledger.posted() == 1


async def test_a_slot_that_went_out_of_reach_is_committed_without_an_owner(
    directory, ledger, slots
):
    await slots.heartbeat("ghost", "ghost", 0)
    for slot in range(SLOT_COUNT):
        slots.owner_of[slot] = "ghost"
        slots.epochs[slot] += 1
    outcome = await directory.submit(a_movement(ledger.open_account(1), ledger.open_account()), 5)

    assert outcome.verdict is Verdict.POSTED
    assert ledger.fences[-1] is None
    assert directory.counts.moved == 1


async def test_a_storm_without_owners_is_batched_too(ledger):
    directory = await a_directory("deployment", ledger, shards={})
    b = ledger.open_account()
    movements = [a_movement(ledger.open_account(1), b) for _ in range(128)]
    await directory.submit_many(movements, 5)

    assert ledger.sizes() == [64, 64]
    assert set(ledger.fences) == {None}
    await directory.close()


async def test_what_a_neighbour_owns_needs_no_hop(ledger, slots):
    await slots.heartbeat("neighbour", "neighbour", 0)
    await slots.claim("neighbour", SLOT_COUNT)
    directory = await a_directory("ingress", ledger)
    outcome = await directory.submit(a_movement(ledger.open_account(1), ledger.open_account()), 5)

    assert outcome.verdict is Verdict.POSTED
    assert directory.counts.ownerless == 1
    await directory.close()


async def test_calls_to_one_owner_are_gathered_while_one_is_under_way(remote, ledger):
    ledger.gate.clear()
    b = ledger.open_account()
    first = asyncio.create_task(remote.submit(a_movement(ledger.open_account(1), b), 5))
    await ledger.begun.acquire()
    rest = [
        asyncio.create_task(remote.submit(a_movement(ledger.open_account(1), b), 5))
        for _ in range(20)
    ]
    await asyncio.sleep(0)
    ledger.gate.set()
    await asyncio.gather(first, *rest)

    assert transport_of(remote).calls == [1, 20]


async def test_a_dead_owner_is_worked_around(remote, ledger):
    transport_of(remote).lose_call = True
    outcome = await remote.submit(a_movement(ledger.open_account(1), ledger.open_account()), 5)

    assert outcome.verdict is Verdict.POSTED
    assert ledger.fences == [None]


async def test_a_dead_owner_is_left_alone_for_a_while(remote, ledger):
    transport_of(remote).lose_call = True
    b = ledger.open_account()
    for _ in range(3):
        await remote.submit(a_movement(ledger.open_account(1), b), 5)

    assert transport_of(remote).calls == [1]


async def test_a_lost_answer_is_the_same_answer_by_the_other_way(remote, ledger):
    transport_of(remote).lose_answer = True
    a, b = ledger.open_account(10), ledger.open_account()
    outcome = await remote.submit(a_movement(a, b, 4), 5)

    assert outcome.replayed
    assert ledger.accounts[a].balance_minor == 6


async def test_after_a_lost_answer_only_an_outcome_is_certain(remote, ledger):
    transport_of(remote).lose_answer = True
    ledger.fail_before = [None, StoreUnavailable()]
    with pytest.raises(OutcomeUnknown):
        await remote.submit(a_movement(ledger.open_account(1), ledger.open_account()), 5)


@pytest.mark.parametrize(("answer", "asked"), [(UNKNOWN, 1), (MOVED, 2)])
async def test_an_owner_that_has_no_answer_is_worked_around(ledger, answer, asked):
    class Unsure:
        async def send(self, _address, call, _deadline_seconds):
            return encode_answers([answer for _ in decode_call(call).movements])

    await ledger.slots.heartbeat("a", "a", 0)
    await ledger.slots.claim("a", SLOT_COUNT)
    transport = Recording(Unsure())
    directory = await open_directory(
        "deployment", ledger, ledger.slots, owner="", transport=transport, limits=LIMITS
    )
    outcome = await directory.submit(a_movement(ledger.open_account(1), ledger.open_account()), 5)

    assert outcome.verdict is Verdict.POSTED
    assert transport.calls == [1] * asked
    await directory.close()


async def test_a_moved_slot_is_found_at_its_new_owner(ledger):
    shards = {"a": a_shard(ledger, "a"), "b": a_shard(ledger, "b")}
    directory = await a_directory("deployment", ledger, shards=shards)
    await shards["a"].renew()
    await shards["b"].renew()
    b = ledger.open_account()
    movements = [a_movement(ledger.open_account(1), b) for _ in range(64)]
    outcomes = await directory.submit_many(movements, 5)

    assert {outcome.verdict for outcome in outcomes} == {Verdict.POSTED}
    assert directory.counts.moved > 0
    assert directory.counts.ownerless == 0
    await directory.close()
    for shard in shards.values():
        await shard.stop()


async def test_shards_elsewhere_need_a_transport(ledger):
    with pytest.raises(ValueError, match="transport"):
        await open_directory("deployment", ledger, ledger.slots, owner="")
