"""Many at once, straight at the store: nobody spends twice, nothing happens twice, nothing jams."""

import asyncio
import sys
from collections import Counter
from itertools import count
from pathlib import Path

import pytest

from actors.domain.errors import AccountNotEmpty
from actors.domain.transfers import Verdict
from tests.fixtures.ledger import a_deposit, a_movement, a_withdrawal, assert_books_are_right

WORKERS = 64
ROOT = Path(__file__).parents[3]


@pytest.fixture
async def bank(bank):
    """Return the bank with all of its doors open at once."""
    await bank.warm_up()
    return bank


async def test_a_balance_is_drained_exactly(bank, database):
    ada, bob = await bank.wallet(1_000), await bank.wallet()

    async def drain():
        for posted in count():
            [outcome] = await bank.post(a_movement(ada, bob, 7))
            if outcome.verdict is Verdict.REFUSED:
                assert outcome.code == "insufficient-funds"
                return posted
        return None

    posted = await asyncio.gather(*(drain() for _ in range(WORKERS)))

    assert sum(posted) == 1_000 // 7
    assert await bank.balance_minor(ada) == 1_000 % 7
    assert await bank.balance_minor(bob) == 1_000 - 1_000 % 7
    await assert_books_are_right(database.app_dsn)


async def test_several_processes_drain_a_balance_exactly(bank, database):
    ada, bob = await bank.wallet(1_000), await bank.wallet()
    command = ["-m", "tests.integration.store.drain", database.app_dsn, str(ada), str(bob), "7"]
    drains = [
        await asyncio.create_subprocess_exec(
            sys.executable, *command, stdout=asyncio.subprocess.PIPE, cwd=ROOT
        )
        for _ in range(3)
    ]
    said = [(await drain.communicate())[0] for drain in drains]

    assert [drain.returncode for drain in drains] == [0, 0, 0]
    assert sum(map(int, said)) == 1_000 // 7
    assert await bank.balance_minor(ada) == 1_000 % 7
    await assert_books_are_right(database.app_dsn)


@pytest.mark.parametrize("funds_minor", [1_000, 3], ids=["posted", "refused"])
async def test_one_key_fifty_times_at_once_has_one_effect(bank, database, funds_minor):
    ada, bob = await bank.wallet(funds_minor), await bank.wallet()
    outcomes = [
        outcome
        for [outcome] in await asyncio.gather(
            *(bank.post(a_movement(ada, bob, 10, key="once")) for _ in range(50))
        )
    ]

    assert sum(not outcome.replayed for outcome in outcomes) == 1
    assert (
        len({(each.verdict, each.code, each.transfer and each.transfer.id) for each in outcomes})
        == 1
    )
    assert await bank.balance_minor(bob) == (10 if funds_minor == 1_000 else 0)
    await assert_books_are_right(database.app_dsn)


async def test_one_key_on_different_accounts_at_once_has_one_effect(bank, database):
    pairs = [(await bank.wallet(100), await bank.wallet()) for _ in range(16)]
    outcomes = [
        outcome
        for [outcome] in await asyncio.gather(
            *(bank.post(a_movement(*pair, 10, key="once")) for pair in pairs)
        )
    ]

    assert Counter(each.verdict for each in outcomes) == {"posted": 1, "key-reused": 15}
    assert len({each.facts["object_id"] for each in outcomes if each.facts}) == 1
    assert sum([await bank.balance_minor(target) for _, target in pairs]) == 10
    await assert_books_are_right(database.app_dsn)


@pytest.mark.parametrize("batch", [1, 50])
async def test_there_and_back_a_thousand_times_never_jams(bank, database, batch):
    ada, bob = await bank.wallet(100), await bank.wallet(100)

    async def send(source, target):
        return await bank.post(*(a_movement(source, target, 1) for _ in range(batch)))

    pairs = ((ada, bob), (bob, ada))
    answers = await asyncio.gather(*(send(*pairs[number % 2]) for number in range(2_000 // batch)))
    verdicts = Counter(outcome.verdict for outcomes in answers for outcome in outcomes)

    assert verdicts.keys() <= {Verdict.POSTED, Verdict.REFUSED}
    assert verdicts.total() == 2_000
    assert await bank.balance_minor(ada) + await bank.balance_minor(bob) == 200
    await assert_books_are_right(database.app_dsn)


async def test_batches_over_the_same_accounts_in_any_order_never_jam(bank, database):
    wallets = [await bank.wallet(50) for _ in range(10)]

    async def ring(shift):
        turned = wallets[shift:] + wallets[:shift]
        pairs = zip(turned, turned[1:] + turned[:1], strict=True)
        return await bank.post(*(a_movement(source, target, 1) for source, target in pairs))

    answers = await asyncio.gather(*(ring(number % 10) for number in range(200)))

    assert {outcome.verdict for outcomes in answers for outcome in outcomes} == {Verdict.POSTED}
    assert [await bank.balance_minor(each) for each in wallets] == [50] * 10
    await assert_books_are_right(database.app_dsn)


async def test_a_freeze_in_parallel_is_before_or_after_never_both(bank, database):
    ada, bob = await bank.wallet(1_000), await bank.wallet()

    async def pay():
        [outcome] = await bank.post(a_movement(ada, bob, 1))
        return outcome

    paying = [asyncio.ensure_future(pay()) for _ in range(100)]
    await asyncio.wait(paying, return_when=asyncio.FIRST_COMPLETED)
    await bank.accounts.freeze(ada, "a court says so")
    outcomes = await asyncio.gather(*paying)
    posted = [each for each in outcomes if each.verdict is Verdict.POSTED]
    refused = [each for each in outcomes if each.verdict is not Verdict.POSTED]

    assert {each.code for each in refused} <= {"account-frozen"}
    assert await bank.balance_minor(bob) == len(posted) >= 1
    late, credit = await bank.post(a_movement(ada, bob, 1), a_deposit(ada, 1))
    assert (late.code, credit.verdict) == ("account-frozen", "posted")
    await assert_books_are_right(database.app_dsn)


async def test_a_closing_in_parallel_with_a_credit_never_loses_it(bank, database):
    for _ in range(20):
        ada, bob = await bank.wallet(10), await bank.wallet()
        owner_id = (await bank.wallets.one(bob, None)).owner_id
        credit, closing = await asyncio.gather(
            bank.post(a_movement(ada, bob, 10)),
            bank.accounts.close(bob, owner_id),
            return_exceptions=True,
        )
        wallet = await bank.wallets.one(bob, None)
        if isinstance(closing, AccountNotEmpty):
            assert (credit[0].verdict, wallet.status, wallet.balance_minor) == (
                "posted",
                "open",
                10,
            )
        else:
            assert (credit[0].code, wallet.status) == ("destination-unknown", "closed")
            assert wallet.balance_minor == 0
    await assert_books_are_right(database.app_dsn)


async def test_the_world_account_takes_deposits_and_withdrawals_at_once(bank, database):
    wallets = [await bank.wallet(100) for _ in range(8)]
    movements = [make(wallet, 10) for wallet in wallets for make in (a_deposit, a_withdrawal) * 10]
    answers = await asyncio.gather(*(bank.post(movement) for movement in movements))

    assert {outcome.verdict for [outcome] in answers} == {Verdict.POSTED}
    assert [await bank.balance_minor(each) for each in wallets] == [100] * 8
    await assert_books_are_right(database.app_dsn)
