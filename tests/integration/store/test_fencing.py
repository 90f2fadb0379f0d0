"""A slot has one owner at a time, and only that owner's epoch can commit."""

import asyncio

import pytest

from actors.domain.slots import SLOT_COUNT, slot_of
from actors.domain.transfers import Verdict
from actors.ports.ledger import Fence, Fenced
from actors.ports.slots import SlotOwner
from actors.store import encoding, statements
from actors.store.slots import PostgresSlots
from tests.fixtures.ledger import a_movement, assert_books_are_right

EXPIRED_SECONDS = -1  # a lease that has run out when it begins


@pytest.fixture
def slots(bank):
    return PostgresSlots(bank.pool, lease_seconds=3600)


@pytest.fixture
def dying_slots(bank):
    return PostgresSlots(bank.pool, lease_seconds=EXPIRED_SECONDS)


async def _owner(slots, name, limit=SLOT_COUNT):
    """Let *name* live and claim; return its epochs."""
    await slots.heartbeat(name, f"at {name}", 1)
    return {lease.slot: lease.epoch for lease in await slots.claim(name, limit)}


async def _hold(connection, epochs):
    """Open a transaction that holds the slots of *epochs* as a commit does."""
    await connection.execute("BEGIN")
    held = await connection.execute(
        statements.FENCE, (encoding.numbers(epochs), encoding.numbers(epochs.values()))
    )
    return (await held.fetchone())[0]


async def test_the_owner_commits_and_a_stale_epoch_does_not(bank, slots, database):
    ada, bob = await bank.wallet(100), await bank.wallet()
    epochs = await _owner(slots, "old")
    slot = slot_of(ada)
    mine = Fence({slot: epochs[slot]})
    [before] = await bank.post(a_movement(ada, bob, 10), fence=mine)
    await slots.release("old", [slot])
    await _owner(slots, "new")
    late = a_movement(ada, bob, 10)
    with pytest.raises(Fenced):
        await bank.post(late, fence=mine)

    assert before.verdict is Verdict.POSTED
    assert await bank.balance_minor(bob) == 10
    [again] = await bank.post(late)
    assert (again.verdict, again.replayed) == (Verdict.POSTED, False)
    await assert_books_are_right(database.app_dsn)


async def test_one_lost_slot_of_many_refuses_the_whole_batch(bank, slots):
    wallets = [await bank.wallet(100) for _ in range(4)]
    epochs = await _owner(slots, "old")
    fence = Fence({slot_of(each): epochs[slot_of(each)] for each in wallets})
    await slots.release("old", [slot_of(wallets[2])])
    movements = [a_movement(each, wallets[0], 1) for each in wallets[1:]]
    with pytest.raises(Fenced):
        await bank.post(*movements, fence=fence)

    assert [await bank.balance_minor(each) for each in wallets] == [100] * 4


async def test_an_epoch_from_the_future_is_refused_too(bank, slots):
    ada, bob = await bank.wallet(100), await bank.wallet()
    epochs = await _owner(slots, "old")
    with pytest.raises(Fenced):
        await bank.post(a_movement(ada, bob), fence=Fence({slot_of(ada): epochs[slot_of(ada)] + 1}))


async def test_the_connection_of_a_fenced_batch_is_clean_again(bank, sessions):
    ada, bob = await bank.wallet(100), await bank.wallet()
    for _ in range(20):  # more often than the pool has connections
        with pytest.raises(Fenced):
            await bank.post(a_movement(ada, bob, 1), fence=Fence({slot_of(ada): 999}))

    assert await sessions("idle") > 0
    assert await sessions("idle in transaction") == 0
    assert await sessions("idle in transaction (aborted)") == 0


async def test_a_slot_whose_commit_is_in_flight_is_not_claimed(bank, slots, dying_slots):
    epochs = await _owner(dying_slots, "old", limit=3)
    busy = dict(list(epochs.items())[:1])
    async with bank.pool.connection() as connection:
        assert await _hold(connection, busy) == 1
        taken = await _owner(slots, "new", limit=3)
        await connection.execute("COMMIT")
    rest = await _owner(slots, "new")

    assert busy.keys().isdisjoint(taken)
    assert rest[next(iter(busy))] == next(iter(busy.values())) + 1


async def test_a_release_waits_for_the_commit_in_flight(bank, slots, sessions):
    epochs = await _owner(slots, "old", limit=1)
    [slot] = epochs
    async with bank.pool.connection() as connection:
        await _hold(connection, epochs)
        releasing = asyncio.ensure_future(slots.release("old", [slot]))
        while not await sessions("Lock"):
            assert not releasing.done()
        assert [lease.epoch for lease in await slots.owned("old")] == [epochs[slot]]
        await connection.execute("COMMIT")
    await releasing

    assert await slots.owned("old") == []


async def test_two_claimers_never_own_one_slot(bank, slots):
    await bank.warm_up()

    async def claim_all(name):
        mine = {}
        while taken := await _owner(slots, name, limit=50):
            mine |= taken
        return mine

    shares = await asyncio.gather(*(claim_all(f"owner-{number}") for number in range(6)))
    slots_taken = [slot for share in shares for slot in share]

    assert sorted(slots_taken) == list(range(SLOT_COUNT))


async def test_what_a_living_owner_has_cannot_be_claimed(slots):
    await _owner(slots, "living")

    assert await _owner(slots, "greedy") == {}


async def test_an_owner_whose_lease_ran_out_loses_its_slots(slots, dying_slots):
    dead = await _owner(dying_slots, "dead")
    heirs = await _owner(slots, "heir")

    assert heirs == {slot: epoch + 1 for slot, epoch in dead.items()}
    assert await slots.owned("dead") == []


async def test_a_heartbeat_in_time_keeps_the_slots(slots, dying_slots):
    kept = await _owner(dying_slots, "late")
    await slots.heartbeat("late", "at late", 1)

    assert await _owner(slots, "heir") == {}
    assert {lease.slot: lease.epoch for lease in await slots.owned("late")} == kept


async def test_the_living_of_the_newest_generation_are_counted(slots, dying_slots):
    await dying_slots.heartbeat("dead", "nowhere", 1)
    assert await slots.heartbeat("a", "at a", 1) == 1
    assert await slots.heartbeat("b", "at b", 1) == 2
    assert await slots.heartbeat("c", "at c", 2) == 1


async def test_a_released_slot_has_a_new_epoch_and_no_owner(slots):
    epochs = await _owner(slots, "giver", limit=2)
    [given, kept] = epochs
    await slots.release("giver", [given])

    assert [lease.slot for lease in await slots.owned("giver")] == [kept]
    assert (await _owner(slots, "taker"))[given] == epochs[given] + 2


async def test_nobody_releases_what_is_anothers(slots):
    epochs = await _owner(slots, "owner", limit=2)
    await slots.release("stranger", list(epochs))

    assert {lease.slot: lease.epoch for lease in await slots.owned("owner")} == epochs


async def test_the_living_owners_are_named_with_their_address(slots, dying_slots):
    await _owner(dying_slots, "dead", limit=2)
    epochs = await _owner(slots, "living", limit=4)

    assert await slots.owners() == {
        slot: SlotOwner("living", "at living", epoch) for slot, epoch in epochs.items()
    }


async def test_who_leaves_leaves_nothing_behind(slots):
    epochs = await _owner(slots, "leaver")
    await slots.leave("leaver")

    assert await slots.owned("leaver") == []
    assert await _owner(slots, "heir") == {slot: epoch + 2 for slot, epoch in epochs.items()}


async def test_an_owner_that_comes_back_after_leaving_commits_nothing(bank, slots):
    ada, bob = await bank.wallet(100), await bank.wallet()
    epochs = await _owner(slots, "undead")
    await slots.leave("undead")
    await slots.heartbeat("undead", "at undead", 1)
    with pytest.raises(Fenced):
        await bank.post(a_movement(ada, bob), fence=Fence({slot_of(ada): epochs[slot_of(ada)]}))
