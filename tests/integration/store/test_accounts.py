"""Accounts are opened once per key, named, frozen and closed, whatever happens beside it."""

import asyncio

import pytest

from actors.domain.accounts import AccountStatus
from actors.domain.errors import (
    AccountClosed,
    AccountNotEmpty,
    AccountsNotEmpty,
    KeyInProgress,
    KeyReused,
    NotFound,
)
from actors.domain.transfers import Verdict
from actors.ids import new_id
from actors.ports.ledger import KeyClaim
from actors.store.accounts import close_all_of
from tests.fixtures.ledger import (
    PRINCIPAL_ID,
    a_deposit,
    a_movement,
    a_withdrawal,
    assert_books_are_right,
)

CLAIM = KeyClaim(PRINCIPAL_ID, "opening", b"fingerprint")


async def _open(bank, claim=CLAIM, *, name=None, owner_id=PRINCIPAL_ID):
    return await bank.accounts.open(new_id(), owner_id, "USD", name, claim)


async def _events(bank, account_id):
    rows = await bank.pool.rows(
        "SELECT type, payload FROM outbox WHERE aggregateid = %s ORDER BY seq", (account_id,)
    )
    return [(row[0].removeprefix("dev.gopherpay.").removesuffix(".v1"), row[1]) for row in rows]


async def test_an_account_is_opened_once_per_key(bank):
    first, first_before = await _open(bank, name="Rent")
    await bank.accounts.rename(first.id, PRINCIPAL_ID, "Later")
    await bank.post(a_deposit(first.id, 5))
    second, second_before = await _open(bank, name="Rent")

    assert (first_before, second_before) == (False, True)
    assert second == first
    assert len(await bank.wallets.many(PRINCIPAL_ID, status=None, before=None, limit=9)) == 1


async def test_twenty_openings_at_once_under_one_key_open_one(bank, database):
    await bank.warm_up()
    answers = await asyncio.gather(*(_open(bank) for _ in range(20)), return_exceptions=True)
    opened = [each for each in answers if not isinstance(each, KeyInProgress)]

    assert sum(not was_before for _, was_before in opened) == 1
    assert len({wallet.id for wallet, _ in opened}) == 1
    assert len(opened) == 20
    await assert_books_are_right(database.app_dsn)


async def test_openings_without_a_key_are_as_many_as_asked(bank):
    opened = [await _open(bank, None) for _ in range(3)]

    assert len({wallet.id for wallet, _ in opened}) == 3


async def test_a_key_of_another_command_opens_nothing(bank):
    ada = await bank.wallet(10)
    [paid] = await bank.post(a_movement(ada, await bank.wallet(), 1, key="paid"))
    opened, _ = await _open(bank)
    with pytest.raises(KeyReused) as of_transfer:
        await _open(bank, KeyClaim(PRINCIPAL_ID, "paid", b"fingerprint"))
    with pytest.raises(KeyReused) as of_account:
        await _open(bank, KeyClaim(PRINCIPAL_ID, "opening", b"other"))

    assert of_transfer.value.facts() == {
        "object_kind": "transfer",
        "object_id": str(paid.transfer.id),
    }
    assert of_account.value.facts() == {"object_kind": "account", "object_id": str(opened.id)}


async def test_the_oldest_open_account_is_the_default_until_one_is_named(bank):
    first, second, third = [(await _open(bank, None))[0].id for _ in range(3)]

    async def defaults():
        wallets = await bank.wallets.many(PRINCIPAL_ID, status=None, before=None, limit=9)
        return [wallet.id for wallet in wallets if wallet.is_default]

    assert await defaults() == [first]
    named = await bank.accounts.make_default(third, PRINCIPAL_ID)
    assert named.is_default
    assert await defaults() == [third]
    await bank.accounts.close(third, PRINCIPAL_ID)
    assert await defaults() == [first]
    await bank.accounts.close(first, PRINCIPAL_ID)
    assert await defaults() == [second]


async def test_defaults_named_at_once_leave_exactly_one(bank):
    opened = [(await _open(bank, None))[0].id for _ in range(8)]
    await bank.warm_up()
    answers = await asyncio.gather(
        *(bank.accounts.make_default(each, PRINCIPAL_ID) for each in opened * 3)
    )
    wallets = await bank.wallets.many(PRINCIPAL_ID, status=None, before=None, limit=20)

    assert all(wallet.is_default for wallet in answers)
    assert sum(wallet.is_default for wallet in wallets) == 1


async def test_a_frozen_account_takes_and_does_not_give(bank):
    ada, bob = await bank.wallet(100), await bank.wallet(100)
    frozen = await bank.accounts.freeze(ada, "a court says so")
    outcomes = await bank.post(
        a_movement(ada, bob, 1), a_withdrawal(ada, 1), a_movement(bob, ada, 1), a_deposit(ada, 1)
    )
    await bank.accounts.freeze(ada, "again")
    await bank.accounts.unfreeze(ada, "the court has changed its mind")
    [free] = await bank.post(a_movement(ada, bob, 102))

    assert frozen.status is AccountStatus.FROZEN
    assert [each.code for each in outcomes] == ["account-frozen", "account-frozen", None, None]
    assert free.verdict is Verdict.POSTED
    named = [each for each in await _events(bank, ada) if "frozen" in each[0]]
    known = {"account_id": str(ada), "owner_id": str(frozen.owner_id), "currency": "USD"}
    assert named == [
        ("account.frozen", {**known, "reason": "a court says so"}),
        ("account.unfrozen", {**known, "reason": "the court has changed its mind"}),
    ]


async def test_only_an_empty_account_is_closed_and_only_once(bank):
    wallet, _ = await _open(bank, None)
    await bank.post(a_deposit(wallet.id, 5))
    with pytest.raises(AccountNotEmpty):
        await bank.accounts.close(wallet.id, PRINCIPAL_ID)
    await bank.post(a_withdrawal(wallet.id, 5))
    await bank.accounts.freeze(wallet.id, "frozen or not")
    closed = await bank.accounts.close(wallet.id, PRINCIPAL_ID)

    assert await bank.accounts.close(wallet.id, PRINCIPAL_ID) == closed
    assert closed.status is AccountStatus.CLOSED
    assert [each[0] for each in await _events(bank, wallet.id)].count("account.closed") == 1
    for change in (bank.accounts.freeze, bank.accounts.unfreeze):
        with pytest.raises(AccountClosed):
            await change(wallet.id, "too late")
    with pytest.raises(AccountClosed):
        await bank.accounts.make_default(wallet.id, PRINCIPAL_ID)


async def test_a_closed_account_neither_gives_nor_takes(bank):
    ada, closed = await bank.wallet(100), await bank.wallet()
    await bank.accounts.close(closed, (await bank.wallets.one(closed, None)).owner_id)
    outcomes = await bank.post(
        a_movement(ada, closed, 1), a_movement(closed, ada, 1), a_deposit(closed, 1)
    )

    assert [each.code for each in outcomes] == [
        "destination-unknown",
        "account-closed",
        "account-closed",
    ]


async def test_anothers_account_is_as_none_at_all(bank):
    wallet, _ = await _open(bank, None)
    stranger_id = new_id()
    for change in (
        bank.accounts.rename(wallet.id, stranger_id, "Mine"),
        bank.accounts.make_default(wallet.id, stranger_id),
        bank.accounts.close(wallet.id, stranger_id),
        bank.accounts.freeze(new_id(), "nobody"),
        bank.wallets.one(wallet.id, stranger_id),
    ):
        with pytest.raises(NotFound):
            await change

    assert await bank.wallets.one(wallet.id, PRINCIPAL_ID) == wallet


async def test_closing_a_person_closes_empty_accounts_and_none_if_one_is_not(bank):
    wallets = [(await _open(bank, None))[0].id for _ in range(3)]
    await bank.post(a_deposit(wallets[1], 5))
    with pytest.raises(AccountsNotEmpty):
        async with bank.pool.transaction() as connection:
            await close_all_of(connection, PRINCIPAL_ID)
    still_open = await bank.wallets.many(PRINCIPAL_ID, status=None, before=None, limit=9)
    await bank.post(a_withdrawal(wallets[1], 5))
    async with bank.pool.transaction() as connection:
        await close_all_of(connection, PRINCIPAL_ID)

    assert len(still_open) == 3
    assert await bank.wallets.many(PRINCIPAL_ID, status=None, before=None, limit=9) == []
