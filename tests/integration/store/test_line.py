"""An owner's batches: one round trip each, on what is remembered, and never on what is wrong."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

import psycopg
import pytest

from actors.domain.errors import OutcomeUnknown
from actors.domain.slots import SLOT_COUNT, slot_of
from actors.domain.transfers import Verdict
from actors.ids import new_id
from actors.ports.ledger import Fence, Fenced
from actors.store.commit import PostgresLedger
from actors.store.slots import PostgresSlots
from tests.fixtures.ledger import a_deposit, a_movement, assert_books_are_right

TRIES = 400


class WatchedPool:
    """A pool that counts what it lends."""

    def __init__(self, pool):
        self._pool = pool
        self.own, self.disown, self.rows = pool.own, pool.disown, pool.rows
        self.lent = 0

    @asynccontextmanager
    async def connection(self):
        self.lent += 1
        async with self._pool.connection() as connection:
            yield connection


@pytest.fixture
async def slots(bank):
    return PostgresSlots(bank.pool, lease_seconds=3600)


@pytest.fixture
async def epochs(slots):
    await slots.heartbeat("owner", "here", 1)
    return {lease.slot: lease.epoch for lease in await slots.claim("owner", SLOT_COUNT)}


@pytest.fixture
def fenced(epochs):
    """Return the fence of whoever owns the sources of some movements."""

    def fence(*movements):
        owned = {slot_of(movement.source_id) for movement in movements}
        return Fence({slot: epochs[slot] for slot in owned})

    return fence


@pytest.fixture
def watched(bank):
    return WatchedPool(bank.pool)


@pytest.fixture
async def ledger(watched, fenced, bank):
    """Return the ledger of an owner, with a wire that is open."""
    ledger = PostgresLedger(watched)
    ada, bob = await bank.wallet(TRIES), await bank.wallet()
    for _ in range(TRIES):
        before = watched.lent
        wish = a_movement(ada, bob, 1)
        await ledger.commit([wish], fence=fenced(wish))
        if watched.lent == before:
            return ledger
    raise AssertionError("no batch ever took the wire")


@pytest.fixture
def line(ledger, fenced):
    """Return a commit as an owner makes it."""

    async def commit(*movements):
        return await ledger.commit(movements, fence=fenced(*movements))

    return commit


async def test_accounts_that_are_remembered_need_no_connection_of_the_pool(
    bank, line, watched, database
):
    ada, bob = await bank.wallet(100), await bank.wallet()
    await line(a_movement(ada, bob, 10))
    before = watched.lent
    outcomes = await line(a_movement(ada, bob, 20), a_movement(bob, ada, 5))

    assert watched.lent == before
    assert [each.verdict for each in outcomes] == [Verdict.POSTED] * 2
    assert (await bank.balance_minor(ada), await bank.balance_minor(bob)) == (75, 25)
    await assert_books_are_right(database.app_dsn)


async def test_accounts_that_nobody_remembers_are_read_without_a_lock(
    bank, line, watched, database
):
    wallets = [await bank.wallet(100) for _ in range(3)]
    before = watched.lent
    answers = await asyncio.gather(
        line(a_movement(wallets[0], wallets[1], 10)),
        line(a_movement(wallets[0], wallets[2], 95)),
        line(a_movement(wallets[1], wallets[2], 105)),
    )

    assert [each.verdict for [each] in answers] == [
        Verdict.POSTED,
        Verdict.REFUSED,
        Verdict.POSTED,
    ]
    assert watched.lent == before
    assert [await bank.balance_minor(each) for each in wallets] == [90, 5, 205]
    await assert_books_are_right(database.app_dsn)


async def test_an_account_that_does_not_exist_is_looked_for_under_the_locks(bank, line, watched):
    ada = await bank.wallet(100)
    before = watched.lent
    [outcome] = await line(a_movement(ada, new_id(), 10))

    assert outcome.code == "destination-unknown"
    assert watched.lent > before


async def test_what_others_did_meanwhile_is_seen(bank, line, database):
    ada, bob = await bank.wallet(100), await bank.wallet()
    await line(a_movement(ada, bob, 10))
    await bank.post(a_movement(ada, bob, 85))
    [too_much] = await line(a_movement(ada, bob, 10))
    await bank.post(a_deposit(ada, 1_000))
    [enough] = await line(a_movement(ada, bob, 10))

    assert (too_much.code, too_much.facts["available_minor"]) == ("insufficient-funds", 5)
    assert enough.verdict is Verdict.POSTED
    await assert_books_are_right(database.app_dsn)


async def test_a_freeze_is_seen_by_the_next_batch(bank, line):
    ada, bob = await bank.wallet(100), await bank.wallet()
    await line(a_movement(ada, bob, 10))
    await bank.accounts.freeze(ada, "why")
    [frozen] = await line(a_movement(ada, bob, 10))
    await bank.accounts.unfreeze(ada, "why not")
    [posted] = await line(a_movement(ada, bob, 10))

    assert (frozen.code, posted.verdict) == ("account-frozen", Verdict.POSTED)


async def test_a_refusal_too_is_decided_on_the_truth(bank, line):
    ada, bob = await bank.wallet(10), await bank.wallet()
    await line(a_movement(ada, bob, 10))
    await bank.post(a_deposit(ada, 10))
    [outcome] = await line(a_movement(ada, bob, 10))

    assert outcome.verdict is Verdict.POSTED


async def test_a_key_that_was_used_says_the_same_again(bank, line):
    ada, bob = await bank.wallet(100), await bank.wallet()
    wish = a_movement(ada, bob, 10, key="k", description="Käse 🧀", metadata='{"a": "1"}')
    [first] = await line(wish)
    [second] = await line(replace(wish, transfer_id=new_id()))
    [other] = await line(a_movement(ada, bob, 11, key="k"))

    assert (second.transfer, second.replayed) == (first.transfer, True)
    assert other.verdict is Verdict.KEY_REUSED
    assert await bank.balance_minor(bob) == 10


async def test_a_used_key_is_known_also_where_the_wish_would_leave_it_free(bank, line):
    ada, bob = await bank.wallet(100), await bank.wallet()
    [first] = await line(a_movement(ada, bob, 10, key="k"))
    [reused, fresh] = await line(
        a_movement(ada, ada, 10, key="k"), a_movement(ada, ada, 10, key="never used")
    )
    [posted] = await line(a_movement(ada, bob, 10, key="never used"))

    assert reused.facts == {"object_kind": "transfer", "object_id": str(first.transfer.id)}
    assert fresh.code == "same-account"
    assert posted.verdict is Verdict.POSTED


async def test_batches_sent_behind_each_other_are_decided_in_order(bank, line, watched, database):
    ada, bob = await bank.wallet(100), await bank.wallet()
    await line(a_movement(ada, bob, 1))
    before = watched.lent
    answers = await asyncio.gather(*(line(a_movement(ada, bob, 10)) for _ in range(12)))

    assert [each.verdict for [each] in answers] == [Verdict.POSTED] * 9 + [Verdict.REFUSED] * 3
    assert watched.lent == before
    assert await bank.balance_minor(ada) == 9
    await assert_books_are_right(database.app_dsn)


async def test_what_stands_behind_a_refused_batch_is_decided_without_it(
    bank, ledger, line, fenced, database
):
    ada, bob, eve = await bank.wallet(100), await bank.wallet(), await bank.wallet()
    for _ in range(2):
        await line(a_movement(ada, bob, 1), a_movement(bob, eve, 1))
    paid = a_movement(ada, bob, 50)
    stale = Fence({slot: epoch - 1 for slot, epoch in fenced(paid).epochs.items()})
    passed_on, later = a_movement(bob, eve, 50), a_movement(ada, bob, 98)
    answers = await asyncio.gather(
        ledger.commit([paid], fence=stale),
        line(passed_on),
        line(later),
        return_exceptions=True,
    )

    assert isinstance(answers[0], Fenced)
    assert answers[1][0].code == "insufficient-funds"
    assert answers[2][0].verdict is Verdict.POSTED
    assert [await bank.balance_minor(each) for each in (ada, bob, eve)] == [0, 98, 2]
    await assert_books_are_right(database.app_dsn)


async def test_a_lost_wire_leaves_the_outcome_to_the_key_and_is_replaced(
    bank, line, watched, owner, database
):
    ada, bob = await bank.wallet(TRIES), await bank.wallet()
    await line(a_movement(ada, bob, 1))
    blocker = await psycopg.AsyncConnection.connect(database.owner_dsn)
    await blocker.execute("SELECT FROM accounts WHERE id = %s FOR UPDATE", (ada,))
    wish = a_movement(ada, bob, 1)
    paying = asyncio.create_task(line(wish))
    await _until(owner, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    await owner.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    )
    with pytest.raises(OutcomeUnknown):
        await paying
    await blocker.close()
    [asked_again] = await line(replace(wish, transfer_id=new_id()))
    before = watched.lent
    for _ in range(TRIES):
        await line(a_movement(bob, ada, 1), a_movement(ada, bob, 1))
        if watched.lent == before:
            break
        before = watched.lent

    assert not asked_again.replayed
    assert watched.lent == before
    assert await bank.balance_minor(bob) == 2
    await assert_books_are_right(database.app_dsn)


SEEN = {
    "version": 1,
    "balance_minor": 100,
    "status": "open",
    "held_minor": 0,
    "overdraft_minor": 0,
    "new_version": 1,
    "new_balance_minor": 100,
}


@pytest.mark.parametrize(
    "wrong",
    [
        {"version": 2, "new_version": 2},
        {"balance_minor": 101},
        {"status": "frozen"},
        {"held_minor": 1},
        {"overdraft_minor": 1},
        {"id": str(new_id())},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
async def test_the_database_compares_all_that_was_remembered(bank, wrong):
    right = SEEN | {"id": str(await bank.wallet(100))}

    assert await _post(bank, [right])
    with pytest.raises(psycopg.Error) as refused:
        await _post(bank, [right | wrong])
    assert refused.value.sqlstate == "ZS001"


@pytest.mark.parametrize("offset", ["-2 s", "2 s"])
async def test_a_time_that_is_not_the_databases_is_refused(bank, offset):
    with pytest.raises(psycopg.Error) as refused:
        await _post(bank, [], offset)

    assert refused.value.sqlstate == "ZS001"


async def test_an_account_takes_no_posting_that_is_older_than_its_last(bank):
    wallet = SEEN | {"id": str(await bank.wallet(100)), "new_version": 2}

    with pytest.raises(psycopg.Error) as refused:
        await _post(bank, [wallet | {"posted_at": "2020-01-01T00:00:00Z"}])

    assert refused.value.sqlstate == "ZS001"


async def _post(bank, seen, offset="0 s"):
    """Call the function that writes, with what was seen and nothing to add."""
    async with bank.pool.connection() as connection:
        rows = await connection.execute(
            "SELECT post_batch(NULL, %s, '[]', '[]', '[]', clock_timestamp() + %s::interval)",
            (psycopg.types.json.Json(seen), offset),
        )
        return (await rows.fetchone())[0]


async def _until(owner, question):
    """Ask until the answer is not 0; each question takes a while itself."""
    async with asyncio.timeout(60):
        while True:
            rows = await owner.execute(question)
            if (await rows.fetchone())[0]:
                return
