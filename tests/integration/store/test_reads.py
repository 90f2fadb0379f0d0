"""What is read is what was written: pages without gaps, and balances as of any moment."""

from datetime import timedelta
from random import Random

import pytest

from actors.domain.accounts import AccountStatus
from actors.domain.transfers import TransferKind
from actors.ids import new_id
from actors.store.transfers import TransferFilter, Transfers
from tests.fixtures.ledger import PRINCIPAL_ID, a_deposit, a_movement, a_withdrawal

INSTANT = timedelta(microseconds=1)


@pytest.fixture
def transfers(bank):
    return Transfers(bank.pool)


async def _pages(read, cursor_of, limit):
    """Return everything that *read* shows page by page."""
    seen, cursor = [], None
    while page := await read(cursor, limit):
        assert len(page) <= limit
        seen += page
        cursor = cursor_of(page[-1])
    return seen


async def test_a_balance_at_any_moment_is_that_of_counting(bank):
    ada, bob = await bank.wallet(500), await bank.wallet(500)
    random = Random(7)  # noqa: S311 - a history, not a secret
    for _ in range(12):
        pairs = random.choices([(ada, bob), (bob, ada)], k=random.randint(1, 4))
        await bank.post(*(a_movement(*pair, random.randint(1, 9)) for pair in pairs))
    entries = (await bank.wallets.entries(ada, None, before_version=None, limit=100))[::-1]
    moments = {entry.posted_at for entry in entries}
    moments |= {at + shift for at in moments for shift in (INSTANT, -INSTANT)}
    for at in moments:
        before = [entry for entry in entries if entry.posted_at <= at]
        balance = await bank.wallets.balance_at(ada, at)

        assert balance.posted_minor == sum(entry.amount_minor for entry in before)
        assert balance.version == len(before)
        assert balance.at == at


async def test_a_balance_now_is_the_balance_and_the_future_has_none(bank):
    ada = await bank.wallet(70)
    now = await bank.wallets.balance_at(ada, None)

    assert (now.posted_minor, now.available_minor, now.version) == (70, 70, 1)
    assert await bank.wallets.balance_at(ada, now.at + timedelta(days=1)) is None


async def test_before_the_opening_a_balance_is_zero(bank):
    ada = await bank.wallet(70)
    opened_at = (await bank.wallets.one(ada, None)).created_at
    before = await bank.wallets.balance_at(ada, opened_at - timedelta(days=1))

    assert (before.posted_minor, before.available_minor, before.version) == (0, 0, 0)
    assert before.currency == "USD"


async def test_entries_count_down_without_gaps_on_any_page_size(bank):
    ada, bob = await bank.wallet(100), await bank.wallet()
    await bank.post(*(a_movement(ada, bob, 1) for _ in range(20)))

    async def read(before, limit):
        return await bank.wallets.entries(ada, None, before_version=before, limit=limit)

    pages = await _pages(read, lambda entry: entry.version, 6)

    assert [entry.version for entry in pages] == list(range(21, 0, -1))
    assert [entry.balance_after_minor for entry in pages] == list(range(80, 101))
    assert {entry.counterparty_id for entry in pages[:20]} == {
        (await bank.wallets.one(bob, None)).owner_id
    }


async def test_accounts_are_paged_newest_first_and_the_closed_apart(bank):
    opened = [await bank.wallet(owner_id=PRINCIPAL_ID) for _ in range(7)]
    await bank.wallet()
    await bank.accounts.close(opened[3], PRINCIPAL_ID)

    async def read(status, before, limit):
        return await bank.wallets.many(PRINCIPAL_ID, status=status, before=before, limit=limit)

    live = await _pages(lambda *page: read(None, *page), lambda wallet: wallet.id, 2)
    closed = await read(AccountStatus.CLOSED, None, 9)

    assert [wallet.id for wallet in live] == [each for each in opened[::-1] if each != opened[3]]
    assert [wallet.id for wallet in closed] == [opened[3]]


async def test_transfers_of_an_owner_are_paged_newest_first_each_once(bank, transfers):
    mine = [await bank.wallet(100, owner_id=PRINCIPAL_ID) for _ in range(2)]
    others = await bank.wallet(100)
    posted = await bank.post(
        *(a_movement(mine[n % 2], mine[1 - n % 2], 1) for n in range(9)),  # both sides mine
        *(a_movement(others, mine[0], 1) for _ in range(3)),
    )
    foreign = await bank.post(a_movement(others, await bank.wallet(), 1))
    wanted = TransferFilter(PRINCIPAL_ID, PRINCIPAL_ID, kind=TransferKind.TRANSFER)

    async def read(before, limit):
        return await transfers.many(wanted, before=before, limit=limit)

    pages = await _pages(read, lambda transfer: transfer.id, 5)

    assert [each.id for each in pages] == sorted((o.transfer.id for o in posted), reverse=True)
    assert foreign[0].transfer.id not in {each.id for each in pages}


async def test_filters_of_transfers_are_exact(bank, transfers):
    ada = await bank.wallet(100, owner_id=PRINCIPAL_ID)
    bob = await bank.wallet()
    paid, noted, *_ = [
        outcome.transfer
        for outcome in await bank.post(
            a_movement(ada, bob, 1),
            a_movement(ada, bob, 2, metadata='{"order": "7", "x": "y"}'),
            a_withdrawal(ada, 3),
        )
    ]
    [later] = await bank.post(a_deposit(ada, 4))

    async def found(viewer_id=PRINCIPAL_ID, **wanted):
        filters = TransferFilter(PRINCIPAL_ID, viewer_id, **wanted)
        return [each.amount_minor for each in await transfers.many(filters, before=None, limit=9)]

    assert await found() == [4, 3, 2, 1, 100]
    assert await found(kind=TransferKind.DEPOSIT) == [4, 100]
    assert await found(metadata='{"order": "7"}') == [2]
    assert await found(metadata='{"order": "8"}') == []
    assert await found(viewer_id=new_id(), metadata='{"order": "7"}') == []
    assert await found(since=later.transfer.posted_at) == [4]
    assert await found(since=paid.posted_at, until=later.transfer.posted_at) == [3, 2, 1]
    assert await found(account_id=bob) == []
    assert noted.metadata == '{"order": "7", "x": "y"}'


async def test_a_transfer_is_seen_by_both_sides_and_by_nobody_else(bank, transfers):
    bob_id = new_id()
    ada = await bank.wallet(100, owner_id=PRINCIPAL_ID)
    bob = await bank.wallet(owner_id=bob_id)
    [outcome] = await bank.post(a_movement(ada, bob, 1))

    assert await transfers.one(outcome.transfer.id, PRINCIPAL_ID) == outcome.transfer
    assert await transfers.one(outcome.transfer.id, bob_id) == outcome.transfer
    assert await transfers.one(outcome.transfer.id, new_id()) is None
    assert await transfers.one(outcome.transfer.id, None) == outcome.transfer


async def test_a_key_is_looked_up_whatever_became_of_it(bank, transfers):
    ada, bob = await bank.wallet(100), await bank.wallet()
    posted, refused = await bank.post(
        a_movement(ada, bob, 1, key="posted"), a_movement(ada, bob, 1_000, key="refused")
    )
    kept = await transfers.kept(PRINCIPAL_ID, "refused")

    assert (await transfers.kept(PRINCIPAL_ID, "posted")).outcome.transfer == posted.transfer
    assert (kept.outcome.code, kept.outcome.facts) == (refused.code, refused.facts)
    assert await transfers.kept(PRINCIPAL_ID, "never") is None
    assert await transfers.kept(new_id(), "posted") is None
