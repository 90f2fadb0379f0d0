"""What the runtime relies on: the same for the database of the mind and for Postgres."""

import psycopg
import pytest

from actors.domain.slots import SLOT_COUNT, slot_of
from actors.domain.transfers import Verdict
from actors.ports.ledger import Fence, Fenced
from actors.ports.slots import SlotOwner
from actors.store.commit import PostgresLedger
from actors.store.pool import Pool
from actors.store.slots import PostgresSlots
from tests.integration.runtime.books import Books, a_movement, again
from tests.unit.runtime import fakes


class InMind:
    """The fakes of the unit tests."""

    def __init__(self):
        self.slots = fakes.FakeSlots()
        self.ledger = fakes.FakeLedger(self.slots)
        self.a_movement = fakes.a_movement
        self.again = fakes.later

    async def open_accounts(self, count, minor):
        return [self.ledger.open_account(minor) for _ in range(count)]

    def lapse(self, owner):
        address, generation, _ = self.slots.members[owner]
        self.slots.members[owner] = (address, generation, self.slots.now - 1)


class InPostgres:
    """The store on a real database."""

    def __init__(self, pool, database):
        self.slots = PostgresSlots(pool, lease_seconds=60)
        self.ledger = PostgresLedger(pool)
        self.books = Books(database.owner_dsn, database.app_dsn)
        self.open_accounts = self.books.open_accounts
        self.a_movement = a_movement
        self.again = again

    def lapse(self, owner):
        with psycopg.connect(self.books.owner_dsn) as connection:
            connection.execute(
                "UPDATE shard_members SET lease_until = clock_timestamp() - interval '1 second'"
                " WHERE owner = %s",
                (owner,),
            )


@pytest.fixture
def in_mind():
    return InMind()


@pytest.fixture
async def in_postgres(database):
    pool = Pool(database.app_dsn, size_max=2, name="test")
    await pool.open()
    yield InPostgres(pool, database)
    await pool.close()


@pytest.fixture(params=["in_mind", "in_postgres"])
def world(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def slots(world):
    return world.slots


async def test_each_living_owner_is_counted(slots):
    counts = [await slots.heartbeat(name, name, 0) for name in ("a", "b", "a")]

    assert counts == [1, 2, 2]


async def test_an_owner_whose_lease_ended_is_not_counted(world, slots):
    await slots.heartbeat("a", "a", 0)
    world.lapse("a")

    assert await slots.heartbeat("b", "b", 0) == 1


async def test_a_newer_generation_shares_with_its_own_kind_alone(slots):
    counts = [
        await slots.heartbeat(name, name, generation)
        for name, generation in [("old", 1), ("new", 2), ("old", 1)]
    ]

    assert counts == [1, 1, 0]


async def test_a_claim_takes_what_nobody_owns_and_no_more_than_wished(slots):
    await slots.heartbeat("a", "a", 0)
    await slots.heartbeat("b", "b", 0)
    first = await slots.claim("a", 1_000)
    second = await slots.claim("b", 1_000)

    assert (len(first), len(second)) == (1_000, SLOT_COUNT - 1_000)
    assert {lease.slot for lease in first + second} == set(range(SLOT_COUNT))


async def test_every_claim_has_a_new_epoch(world, slots):
    await slots.heartbeat("a", "a", 0)
    before = {lease.slot: lease.epoch for lease in await slots.claim("a", SLOT_COUNT)}
    world.lapse("a")
    await slots.heartbeat("b", "b", 0)
    after = {lease.slot: lease.epoch for lease in await slots.claim("b", SLOT_COUNT)}

    assert all(after[slot] > before[slot] for slot in range(SLOT_COUNT))
    assert await slots.owned("a") == []


async def test_what_was_claimed_is_owned_and_known_to_all(slots):
    await slots.heartbeat("a", "address", 0)
    leases = await slots.claim("a", 3)

    assert sorted(await slots.owned("a"), key=lambda lease: lease.slot) == sorted(
        leases, key=lambda lease: lease.slot
    )
    assert dict(await slots.owners()) == {
        lease.slot: SlotOwner("a", "address", lease.epoch) for lease in leases
    }


async def test_the_dead_are_nobodys_owner(world, slots):
    await slots.heartbeat("a", "a", 0)
    await slots.claim("a", 3)
    world.lapse("a")

    assert dict(await slots.owners()) == {}


async def test_a_release_leaves_the_slots_of_others_alone(slots):
    await slots.heartbeat("a", "a", 0)
    await slots.heartbeat("b", "b", 0)
    (kept,) = await slots.claim("b", 1)
    leases = await slots.claim("a", 2)
    await slots.release("a", [kept.slot, leases[0].slot])

    assert await slots.owned("b") == [kept]
    assert await slots.owned("a") == leases[1:]


async def test_who_leaves_owns_nothing_and_is_not_counted(slots):
    await slots.heartbeat("a", "a", 0)
    await slots.claim("a", SLOT_COUNT)
    await slots.leave("a")

    assert dict(await slots.owners()) == {}
    assert await slots.heartbeat("b", "b", 0) == 1


async def epochs_of(world, owner, accounts):
    """Return the fence of *owner*, who owns everything, for *accounts*."""
    epochs = {lease.slot: lease.epoch for lease in await world.slots.owned(owner)}
    return Fence({slot_of(account): epochs[slot_of(account)] for account in accounts})


async def test_the_fence_of_the_owner_holds(world):
    a, b = await world.open_accounts(2, 10)
    await world.slots.heartbeat("a", "a", 0)
    await world.slots.claim("a", SLOT_COUNT)
    fence = await epochs_of(world, "a", [a])
    (outcome,) = await world.ledger.commit([world.a_movement(a, b, 4)], fence=fence)

    assert outcome.verdict is Verdict.POSTED


@pytest.mark.parametrize("taken_by_another", [True, False])
async def test_the_fence_of_a_former_owner_is_refused(world, taken_by_another):
    a, b = await world.open_accounts(2, 10)
    await world.slots.heartbeat("a", "a", 0)
    await world.slots.claim("a", SLOT_COUNT)
    fence = await epochs_of(world, "a", [a])
    await world.slots.release("a", [slot_of(a)])
    if taken_by_another:
        await world.slots.heartbeat("b", "b", 0)
        await world.slots.claim("b", SLOT_COUNT)
    movement = world.a_movement(a, b, 4)
    with pytest.raises(Fenced):
        await world.ledger.commit([movement], fence=fence)
    (outcome,) = await world.ledger.commit([world.again(movement)], fence=None)

    assert not outcome.replayed


async def test_the_same_key_is_the_same_outcome_on_every_path(world):
    a, b = await world.open_accounts(2, 10)
    movement = world.a_movement(a, b, 4)
    (first,) = await world.ledger.commit([movement], fence=None)
    (second,) = await world.ledger.commit([world.again(movement)], fence=None)

    assert second.replayed
    assert second.transfer == first.transfer


async def test_a_batch_is_decided_in_its_order(world):
    a, b = await world.open_accounts(2, 10)
    outcomes = await world.ledger.commit(
        [world.a_movement(a, b, 20), world.a_movement(b, a, 10), world.a_movement(a, b, 20)],
        fence=None,
    )

    assert [outcome.verdict for outcome in outcomes] == ["refused", "posted", "posted"]
