"""The verification is online, exact in what it counts, and silent on right books."""

import asyncio

import psycopg
import pytest

from actors.domain.errors import StoreUnavailable
from actors.ids import new_id
from actors.ports.ledger import KeyClaim
from actors.store import books
from tests.fixtures.ledger import (
    PRINCIPAL_ID,
    a_deposit,
    a_movement,
    a_withdrawal,
    verified,
)


async def test_right_books_have_no_findings(bank, database):
    ada, bob = await bank.wallet(1_000), await bank.wallet()
    yen = await bank.wallet(70, currency="JPY")
    kept = KeyClaim(PRINCIPAL_ID, "opening", b"fingerprint")
    await bank.accounts.open(new_id(), PRINCIPAL_ID, "EUR", None, kept)
    refused = a_movement(bob, ada, 5_000)
    await bank.post(a_movement(ada, bob, 400), refused, a_withdrawal(yen, 20, currency="JPY"))
    await bank.post(a_movement(ada, bob, 1), a_movement(bob, ada, 2), a_deposit(bob, 3))
    await bank.accounts.freeze(ada, "a court says so")

    report = await asyncio.to_thread(verified, database.app_dsn)

    assert (report.findings, report.discrepancies) == ((), 0)
    assert (report.transfers, report.postings) == (7, 14)
    assert report.currencies == {"JPY": 0, "USD": 0}


async def test_an_empty_platform_has_right_books(database):
    report = await asyncio.to_thread(verified, database.app_dsn)

    assert report.is_clean
    assert report.transfers == report.postings == 0


async def test_the_snapshot_is_one_while_money_moves(bank, database):
    ada, bob = await bank.wallet(10_000), await bank.wallet(10_000)

    async def keep_moving(until):
        while not until.done():
            await bank.post(*(a_movement(ada, bob, 1) for _ in range(20)))
            await bank.post(*(a_movement(bob, ada, 1) for _ in range(20)))

    verifying = asyncio.gather(
        *(asyncio.to_thread(verified, database.app_dsn) for _ in range(2)),
    )
    await asyncio.gather(verifying, keep_moving(verifying))
    reports = verifying.result()

    assert [report.findings for report in reports] == [(), ()]


async def test_progress_names_every_check_and_ends_at_the_whole(database):
    said = []
    await asyncio.to_thread(
        books.verify, database.app_dsn, progress=lambda title, done: said.append((done, title))
    )

    assert said == sorted(said, key=lambda each: each[0])
    assert said[-1] == (1.0, "done")
    assert {title for _, title in said} >= {"money is neither made nor lost", "counting"}


async def test_only_the_first_findings_are_named_but_all_are_counted(bank, database):
    for _ in range(5):
        await bank.wallet(10)
    with psycopg.connect(database.owner_dsn) as owner:
        owner.execute("UPDATE accounts SET balance_minor = 11 WHERE balance_minor = 10")

    report = await asyncio.to_thread(
        books.verify, database.app_dsn, progress=lambda *_: None, findings_max=3
    )

    assert len(report.findings) == 3
    assert report.discrepancies == 5


async def test_the_last_report_is_kept_with_its_findings(bank, database):
    assert await books.Verifications(bank.pool).last() is None
    clean = await asyncio.to_thread(verified, database.app_dsn)
    books.save(database.app_dsn, clean)
    ada = await bank.wallet(10)
    with psycopg.connect(database.owner_dsn) as owner:
        owner.execute("UPDATE accounts SET balance_minor = 11 WHERE id = %s", (ada,))
    broken = await asyncio.to_thread(verified, database.app_dsn)
    books.save(database.app_dsn, broken)

    assert await books.Verifications(bank.pool).last() == broken
    assert broken.findings


def test_a_database_without_books_is_named_so(empty_database):
    with pytest.raises(books.SchemaMissing):
        verified(empty_database.owner_dsn)


def test_a_dead_database_is_unavailable():
    with pytest.raises(StoreUnavailable):
        verified("postgresql://nobody@127.0.0.1:1/none")
