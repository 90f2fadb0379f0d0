import pytest

from actors.domain.errors import OutcomeUnknown, StoreUnavailable
from actors.domain.slots import SLOT_COUNT
from actors.ports.ledger import Fenced
from actors.runtime.limits import TenancyLimits
from actors.runtime.tenancy import Tenancy
from tests.unit.runtime.fakes import FakeSlots

LIMITS = TenancyLimits(lease_seconds=6.0, slots_per_round=100)


@pytest.fixture
def slots():
    return FakeSlots(lease_seconds=6.0)


def a_tenancy(slots, owner="a", generation=0, flush=None):
    async def nothing_open(_slots):
        return None

    return Tenancy(
        slots,
        owner=owner,
        address=owner,
        generation=generation,
        limits=LIMITS,
        flush=flush or nothing_open,
        clock=lambda: slots.now,
    )


async def rounds(count, *tenancies):
    for _ in range(count):
        for tenancy in tenancies:
            await tenancy.round()


async def test_the_only_owner_takes_every_slot(slots):
    alone = a_tenancy(slots)
    await alone.round()

    assert alone.count == SLOT_COUNT


async def test_before_its_first_round_nothing_is_taken(slots):
    assert not a_tenancy(slots).takes(0)


async def test_slots_are_given_to_a_newcomer_a_few_at_a_time(slots):
    old, new = a_tenancy(slots, "old"), a_tenancy(slots, "new")
    await rounds(1, old, new, old, new)

    assert (old.count, new.count) == (SLOT_COUNT - 100, 100)


async def test_owners_end_with_equal_shares(slots):
    owners = [a_tenancy(slots, name) for name in "abc"]
    await rounds(12, *owners)

    assert sorted(owner.count for owner in owners) == [340, 342, 342]


async def test_a_newcomer_is_hungry_until_it_has_its_share(slots):
    old, new = a_tenancy(slots, "old"), a_tenancy(slots, "new")
    await rounds(1, old, new)
    at_first = (old.hungry, new.hungry)
    await rounds(12, old, new)

    assert at_first == (False, True)
    assert not new.hungry


async def test_a_share_rounded_up_leaves_nobody_hungry(slots):
    owners = [a_tenancy(slots, name) for name in "abc"]
    await rounds(12, *owners)

    assert not any(owner.hungry for owner in owners)


async def test_the_rest_of_a_departed_owner_is_taken_over(slots):
    stays, goes = a_tenancy(slots, "stays"), a_tenancy(slots, "goes")
    await rounds(12, stays, goes)
    await goes.leave()
    await stays.round()

    assert stays.count == SLOT_COUNT


async def test_a_dead_owner_keeps_its_slots_no_longer_than_its_lease(slots):
    lives, dies = a_tenancy(slots, "lives"), a_tenancy(slots, "dies")
    await rounds(12, lives, dies)
    slots.now += 3
    await lives.round()
    before = lives.count
    slots.now += 4
    await lives.round()

    assert (before, lives.count) == (512, SLOT_COUNT)


async def test_a_newer_generation_takes_everything_over(slots):
    old, new = a_tenancy(slots, "old", 1), a_tenancy(slots, "new", 2)
    await rounds(15, old, new)

    assert (old.count, new.count) == (0, SLOT_COUNT)


async def test_without_a_heartbeat_nothing_is_taken_after_two_thirds_of_the_lease(slots):
    tenancy = a_tenancy(slots)
    await tenancy.round()
    slots.now += 3.9
    late = tenancy.takes(0)
    slots.now += 0.2

    assert late
    assert not tenancy.takes(0)


async def test_a_failed_heartbeat_does_not_prolong_the_belief(slots):
    tenancy = a_tenancy(slots)
    await tenancy.round()
    slots.now += 2
    slots.failure = StoreUnavailable()
    with pytest.raises(StoreUnavailable):
        await tenancy.round()
    slots.now += 2

    assert not tenancy.takes(0)


async def test_one_that_slept_past_its_lease_learns_what_it_lost(slots):
    sleeper, other = a_tenancy(slots, "sleeper"), a_tenancy(slots, "other")
    await sleeper.round()
    slots.now += 7
    await other.round()
    took_before_it_asked = sleeper.takes(0)
    await sleeper.round()

    assert not took_before_it_asked
    assert not sleeper.takes(0)
    assert sleeper.count == 0


async def test_a_slot_under_doubt_is_neither_taken_nor_fenced(slots):
    tenancy = a_tenancy(slots)
    await tenancy.round()
    tenancy.doubt({5})

    assert not tenancy.takes(5)
    assert tenancy.takes(6)
    with pytest.raises(Fenced):
        tenancy.fence({5, 6})


async def test_a_doubt_without_cause_ends_with_the_next_round(slots):
    tenancy = a_tenancy(slots)
    await tenancy.round()
    tenancy.doubt({5})
    await tenancy.round()

    assert tenancy.takes(5)


async def test_a_slot_is_released_only_when_its_turns_are_finished(slots):
    seen = []

    async def flush(leaving):
        seen.append((sorted(leaving), old.takes(leaving[0]), slots.owner_of[leaving[0]]))

    old, new = a_tenancy(slots, "old", flush=flush), a_tenancy(slots, "new")
    await rounds(1, old, new, old)

    assert seen == [(list(range(100)), False, "old")]
    assert 0 not in slots.owner_of


async def test_one_that_drains_takes_nothing_and_claims_nothing(slots):
    tenancy = a_tenancy(slots)
    await tenancy.round()
    await tenancy.drain()
    await slots.release("a", [1])
    await tenancy.round()

    assert not tenancy.takes(0)
    assert 1 not in slots.owner_of


async def test_one_that_leaves_gives_everything_back(slots):
    tenancy = a_tenancy(slots)
    await tenancy.round()
    await tenancy.leave()

    assert slots.owner_of == {}
    assert slots.members == {}


@pytest.mark.parametrize("failure", [StoreUnavailable(), OutcomeUnknown()])
async def test_leaving_without_a_database_is_left_to_the_lease(failure):
    class Unreachable(FakeSlots):
        async def leave(self, _owner):
            raise failure

    tenancy = a_tenancy(Unreachable())
    await tenancy.round()
    await tenancy.leave()

    assert tenancy.count == 0
