"""The one write path: what a batch costs, what it answers, and what it never does."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

import psycopg
import pytest

from actors.domain.accounts import world_account_id
from actors.domain.errors import OutcomeUnknown, StoreUnavailable
from actors.domain.transfers import Verdict
from actors.ids import new_id
from actors.ports.ledger import KeyClaim
from actors.store.commit import PostgresLedger
from actors.store.transfers import Transfers
from tests.fixtures.ledger import (
    PRINCIPAL_ID,
    a_deposit,
    a_movement,
    a_withdrawal,
    assert_books_are_right,
)

MOST_MINOR = 2**63 - 1


class CountedConnection:
    """Passes on what the write path may use, and counts the statements."""

    def __init__(self, connection):
        self._connection = connection
        self.pipeline = connection.pipeline
        self.statements = 0

    async def execute(self, *arguments):
        self.statements += 1
        return await self._connection.execute(*arguments)


class CountedPool:
    """Lends counted connections of a pool."""

    def __init__(self, pool):
        self._pool = pool
        self.lent = []

    @asynccontextmanager
    async def connection(self):
        async with self._pool.connection() as connection:
            self.lent.append(CountedConnection(connection))
            yield self.lent[-1]


@pytest.mark.parametrize("size", [1, 2, 300])
async def test_a_batch_of_any_size_takes_five_statements(bank, size):
    wallets = [await bank.wallet(1_000) for _ in range(min(size, 20) + 1)]
    pairs = [(wallets[n % len(wallets)], wallets[(n + 1) % len(wallets)]) for n in range(size)]
    pool = CountedPool(bank.pool)
    outcomes = await PostgresLedger(pool).commit(
        [a_movement(source, target, 1) for source, target in pairs], fence=None
    )

    assert {outcome.verdict for outcome in outcomes} == {Verdict.POSTED}
    assert [each.statements for each in pool.lent] == [5]


async def test_what_needs_nothing_written_takes_four_statements(bank):
    pool = CountedPool(bank.pool)
    outcomes = await PostgresLedger(pool).commit(
        [a_movement(new_id(), new_id()) for _ in range(50)], fence=None
    )

    assert {outcome.verdict for outcome in outcomes} == {Verdict.NOT_FOUND}
    assert [each.statements for each in pool.lent] == [4]


async def test_a_batch_happens_in_its_order(bank, database):
    ada, bob, eve = await bank.wallet(10), await bank.wallet(), await bank.wallet()
    outcomes = await bank.post(
        a_movement(bob, eve, 10), a_movement(ada, bob, 10), a_movement(bob, eve, 10)
    )

    assert [each.verdict for each in outcomes] == ["refused", "posted", "posted"]
    assert await bank.balance_minor(eve) == 10
    await assert_books_are_right(database.app_dsn)


async def test_a_key_says_the_same_later_and_in_the_same_batch(bank):
    ada, bob = await bank.wallet(100), await bank.wallet()
    wish = a_movement(ada, bob, 60, key="k", description="Käse 🧀", metadata='{"a": "1"}')
    again = replace(wish, transfer_id=new_id(), request_id="another")
    first, second = await bank.post(wish, again)
    [third] = await bank.post(again)

    assert (first.replayed, second.replayed, third.replayed) == (False, True, True)
    assert first.transfer == second.transfer == third.transfer
    assert third.transfer.description == "Käse 🧀"
    assert await bank.balance_minor(bob) == 60


async def test_a_kept_refusal_stays_when_its_reason_is_gone(bank):
    ada, bob = await bank.wallet(1), await bank.wallet()
    wish = a_movement(ada, bob, 50, key="k")
    [first] = await bank.post(wish)
    await bank.post(a_deposit(ada, 1_000))
    [second] = await bank.post(replace(wish, transfer_id=new_id(), request_id="another"))

    assert first.facts == {"available_minor": 1, "requested_minor": 50, "currency": "USD"}
    assert second == replace(first, replayed=True)


async def test_a_key_of_another_command_names_its_object(bank):
    ada, bob = await bank.wallet(100), await bank.wallet()
    [first] = await bank.post(a_movement(ada, bob, 1, key="k"))
    account_id = new_id()
    claim = KeyClaim(PRINCIPAL_ID, "opened", b"f")
    await bank.accounts.open(account_id, PRINCIPAL_ID, "USD", None, claim)
    outcomes = await bank.post(
        a_movement(ada, bob, 2, key="k"), a_movement(ada, bob, 2, key="opened")
    )

    assert [each.verdict for each in outcomes] == [Verdict.KEY_REUSED] * 2
    assert [each.facts for each in outcomes] == [
        {"object_kind": "transfer", "object_id": str(first.transfer.id)},
        {"object_kind": "account", "object_id": str(account_id)},
    ]


async def test_a_key_is_free_again_after_what_is_not_kept(bank):
    ada, yen = await bank.wallet(100), await bank.wallet(currency="JPY")
    outcomes = [
        *await bank.post(a_movement(ada, new_id(), 1, key="k")),
        *await bank.post(a_movement(ada, ada, 1, key="k")),
        *await bank.post(a_movement(ada, yen, 1, key="k")),
        *await bank.post(a_movement(new_id(), ada, 1, key="k")),
        *await bank.post(a_movement(ada, await bank.wallet(), 1, key="k")),
    ]

    assert [each.code for each in outcomes] == [
        "destination-unknown",
        "same-account",
        "currency-mismatch",
        None,
        None,
    ]
    assert outcomes[-1].verdict is Verdict.POSTED


async def test_keys_of_two_principals_are_two_keys(bank):
    ada, bob = await bank.wallet(100), await bank.wallet()
    outcomes = await bank.post(
        a_movement(ada, bob, 1, key="k"), a_movement(ada, bob, 1, key="k", principal_id=new_id())
    )

    assert [each.replayed for each in outcomes] == [False, False]


async def test_keys_that_differ_in_case_are_two_keys(bank):
    ada, bob = await bank.wallet(100), await bank.wallet()
    odd = ["a", "A", '{"', "\\", "a,b", "NULL", "%s", "'"]
    outcomes = await bank.post(*(a_movement(ada, bob, 1, key=key) for key in odd))

    assert [each.transfer.idempotency_key for each in outcomes] == odd
    assert not any(each.replayed for each in outcomes)


async def test_all_or_none_means_none_when_one_is_refused(bank, database):
    ada, bob = await bank.wallet(100), await bank.wallet()
    wishes = [a_movement(ada, bob, 60), a_movement(ada, bob, 60), a_movement(ada, new_id(), 1)]
    outcomes = await bank.ledger.commit_all_or_none(wishes)
    retried = await bank.ledger.commit_all_or_none(wishes[:1])

    assert [each.code for each in outcomes] == [
        "bulk-aborted",
        "insufficient-funds",
        "destination-unknown",
    ]
    assert (retried[0].verdict, retried[0].replayed) == (Verdict.POSTED, False)
    assert await bank.balance_minor(bob) == 60
    await assert_books_are_right(database.app_dsn)


async def test_no_answer_of_an_undone_batch_names_what_never_came_to_be(bank):
    ada, bob = await bank.wallet(100), await bank.wallet()
    wish = a_movement(ada, bob, 1, key="k")
    outcomes = await bank.ledger.commit_all_or_none(
        [
            wish,
            replace(wish, transfer_id=new_id()),
            a_movement(ada, bob, 2, key="k"),
            a_movement(ada, bob, 999),
        ]
    )

    assert [each.code for each in outcomes] == [
        "bulk-aborted",
        "bulk-aborted",
        None,
        "insufficient-funds",
    ]
    assert outcomes[2].verdict is Verdict.KEY_REUSED
    assert outcomes[2].facts == {"object_kind": None, "object_id": None}


async def test_a_rehearsal_leaves_no_trace(bank, owner):
    ada, bob = await bank.wallet(100), await bank.wallet()
    good = await bank.ledger.rehearse(a_movement(ada, bob, 100, key="k"))
    bad = await bank.ledger.rehearse(a_movement(ada, bob, 101, key="k"))
    [real] = await bank.post(a_movement(ada, bob, 100, key="k"))

    assert (good.verdict, bad.code) == (Verdict.POSTED, "insufficient-funds")
    assert (real.verdict, real.replayed) == (Verdict.POSTED, False)
    rows = await owner.execute("SELECT count(*) FROM transfers WHERE kind = 'transfer'")
    assert await rows.fetchone() == (1,)


async def test_a_credit_never_leaves_sixty_four_bits(bank, owner):
    ada, bob = await bank.wallet(100), await bank.wallet()
    await owner.execute(
        "UPDATE accounts SET balance_minor = %s WHERE id = %s", (MOST_MINOR - 5, bob)
    )
    fits, too_much = await bank.post(a_movement(ada, bob, 5), a_movement(ada, bob, 1))

    assert (fits.verdict, too_much.code) == (Verdict.POSTED, "balance-overflow")
    assert await bank.balance_minor(bob) == MOST_MINOR


async def test_the_world_never_leaves_sixty_four_bits(bank, owner):
    ada = await bank.wallet(100)
    await owner.execute(
        "UPDATE accounts SET balance_minor = %s WHERE id = %s",
        (5 - MOST_MINOR, world_account_id("USD")),
    )
    fits, too_much, back = await bank.post(
        a_deposit(ada, 5), a_deposit(ada, 1), a_withdrawal(ada, 3)
    )

    assert (fits.verdict, too_much.code) == (Verdict.POSTED, "balance-overflow")
    assert back.verdict is Verdict.POSTED


async def test_times_of_an_account_never_fall_though_the_clock_does(bank, owner, database):
    ada, bob = await bank.wallet(100), await bank.wallet()
    for table in ("transfers", "postings", "idempotency_keys"):
        await owner.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL".encode())
    await owner.execute("UPDATE postings SET posted_at = posted_at + interval '1 hour'")
    await owner.execute("UPDATE transfers SET posted_at = posted_at + interval '1 hour'")
    await owner.execute("UPDATE accounts SET last_posted_at = last_posted_at + interval '1 hour'")
    before = (await bank.wallets.entries(ada, None, before_version=None, limit=1))[0].posted_at
    outcomes = await bank.post(a_movement(ada, bob, 1), a_movement(bob, ada, 1))

    assert [each.transfer.posted_at for each in outcomes] == [before, before]
    await assert_books_are_right(database.app_dsn)


async def test_texts_come_back_as_they_were(bank):
    ada, bob = await bank.wallet(100), await bank.wallet()
    texts = [
        '{"a,b"}',
        "NULL",
        "",
        "\\",
        "'; DROP TABLE accounts; --",
        "%s %(x)s",
        "\t\u202e👩‍👩‍👧",
    ]
    outcomes = await bank.post(
        *(a_movement(ada, bob, 1, description=text, metadata='{"k":"v\\n"}') for text in texts)
    )
    stored = [await Transfers(bank.pool).one(each.transfer.id, None) for each in outcomes]

    assert [each.description for each in stored] == texts
    assert stored == [each.transfer for each in outcomes]


async def test_a_lock_that_is_held_too_long_is_no_answer_and_nothing_written(bank, owner):
    ada, bob = await bank.wallet(100), await bank.wallet()
    wish = a_movement(ada, bob, 1)
    await owner.execute("BEGIN")
    await owner.execute("SELECT FROM accounts WHERE id = %s FOR UPDATE", (ada,))
    with pytest.raises(StoreUnavailable):
        await bank.post(wish)
    await owner.execute("COMMIT")
    [later] = await bank.post(wish)

    assert (later.verdict, later.replayed) == (Verdict.POSTED, False)


async def test_a_backend_that_dies_before_anything_was_written_is_replaced(bank, owner, sessions):
    ada, bob = await bank.wallet(100), await bank.wallet()
    await owner.execute("BEGIN")
    await owner.execute("SELECT FROM accounts WHERE id = %s FOR UPDATE", (ada,))
    waiting = asyncio.ensure_future(bank.post(a_movement(ada, bob, 1)))
    while not await sessions("Lock"):
        assert not waiting.done()
    await owner.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    await owner.execute("COMMIT")

    assert [each.verdict for each in await waiting] == [Verdict.POSTED]
    assert await bank.balance_minor(bob) == 1


async def test_a_backend_that_dies_while_writing_leaves_the_outcome_unknown(bank, owner, sessions):
    ada, bob = await bank.wallet(100), await bank.wallet()
    wish = a_movement(ada, bob, 1)
    await owner.execute("BEGIN")
    await owner.execute("LOCK TABLE outbox IN ACCESS EXCLUSIVE MODE")
    writing = asyncio.ensure_future(bank.post(wish))
    while not await sessions("Lock"):
        assert not writing.done()
    await owner.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    with pytest.raises(OutcomeUnknown):
        await writing
    await owner.execute("COMMIT")
    [answer] = await bank.post(wish)

    assert answer.verdict is Verdict.POSTED
    assert await bank.balance_minor(bob) == 1


async def test_a_broken_rule_of_the_database_undoes_the_whole_batch(bank, owner):
    ada, bob = await bank.wallet(100), await bank.wallet()
    await owner.execute("ALTER TABLE transfers ADD CONSTRAINT odd CHECK (amount_minor <> 13)")
    with pytest.raises(StoreUnavailable) as caught:
        await bank.post(a_movement(ada, bob, 1), a_movement(ada, bob, 13))

    assert isinstance(caught.value.__cause__, psycopg.errors.CheckViolation)
    assert await bank.balance_minor(ada) == 100
