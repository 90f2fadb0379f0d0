"""Facts leave in the transaction that makes them true, in the order of each account."""

import asyncio
from datetime import UTC, datetime

import psycopg

from actors.domain.slots import slot_of
from actors.ids import new_id
from actors.store.outbox_partitions import DAYS_AHEAD, ensure_partitions
from tests.fixtures.ledger import a_deposit, a_movement, a_withdrawal, assert_books_are_right


async def _rows(owner, statement):
    return await (await owner.execute(statement)).fetchall()


async def test_every_posted_transfer_has_its_event_in_the_same_transaction(bank, owner):
    ada, bob = await bank.wallet(), await bank.wallet()
    await bank.post(a_deposit(ada, 100))
    await bank.post(a_movement(ada, bob, 1), a_withdrawal(ada, 2), a_movement(bob, ada, 1))
    rows = await _rows(
        owner,
        "SELECT t.kind, o.type, o.aggregateid = CASE t.kind WHEN 'deposit'"
        " THEN t.destination_account_id ELSE t.source_account_id END, o.xmin = t.xmin"
        " FROM transfers t JOIN outbox o ON o.payload ->> 'transfer_id' = t.id::text"
        " ORDER BY o.seq",
    )

    assert rows == [
        ("deposit", "dev.gopherpay.deposit.posted.v1", True, True),
        ("transfer", "dev.gopherpay.transfer.posted.v1", True, True),
        ("withdrawal", "dev.gopherpay.withdrawal.posted.v1", True, True),
        ("transfer", "dev.gopherpay.transfer.posted.v1", True, True),
    ]


async def test_a_kept_refusal_has_an_event_and_one_that_is_not_kept_has_none(bank, owner):
    ada, bob = await bank.wallet(), await bank.wallet()
    await bank.post(a_movement(ada, bob, 9, key="k"), a_movement(ada, new_id(), 9))
    await bank.post(a_movement(ada, bob, 9, key="k"))
    await bank.ledger.commit_all_or_none([a_movement(ada, bob, 9)])
    rows = await _rows(owner, "SELECT payload ->> 'code' FROM outbox WHERE type LIKE '%refused%'")

    assert rows == [("insufficient-funds",)]


async def test_events_lie_in_the_partition_of_today(bank, owner):
    await bank.wallet(5)
    rows = await _rows(
        owner,
        "SELECT DISTINCT tableoid::regclass::text, occurred_at AT TIME ZONE 'utc' FROM outbox",
    )

    assert {name for name, _ in rows} <= {f"outbox_{at:%Y%m%d}" for _, at in rows}
    assert abs(datetime.now(UTC).replace(tzinfo=None) - rows[0][1]).total_seconds() < 3_600


async def test_without_a_partition_nothing_is_lost(bank, owner, database):
    [(today,)] = await _rows(owner, "SELECT to_char(now() AT TIME ZONE 'utc', 'YYYYMMDD')")
    await owner.execute(f"DROP TABLE outbox_{today}".encode())
    await bank.wallet(5)
    rows = await _rows(owner, "SELECT DISTINCT tableoid::regclass::text FROM outbox")

    assert rows == [("outbox_default",)]
    await assert_books_are_right(database.app_dsn)


async def test_an_event_bears_the_slot_of_its_account(bank, owner):
    for _ in range(5):
        await bank.wallet(5)
    rows = await _rows(owner, "SELECT slot, aggregateid FROM outbox")

    assert len(rows) == 10
    assert all(slot == slot_of(account_id) for slot, account_id in rows)


async def test_events_of_an_account_rise_with_its_version_whoever_writes(bank, owner):
    ada, bob = await bank.wallet(500), await bank.wallet(500)
    await bank.warm_up()
    await asyncio.gather(
        *(
            bank.post(a_movement(ada, bob, 1), a_deposit(ada, 1), a_movement(bob, ada, 1))
            for _ in range(60)
        )
    )
    rows = await _rows(
        owner,
        "SELECT aggregateid, (payload ->> CASE WHEN type LIKE '%deposit%'"
        " THEN 'destination_version' ELSE 'source_version' END)::bigint FROM outbox"
        " WHERE type LIKE '%.posted.%' ORDER BY seq",
    )
    for account_id in (ada, bob):
        versions = [version for aggregate_id, version in rows if aggregate_id == account_id]

        assert len(versions) > 60
        assert versions == sorted(versions)


def test_partitions_are_made_ahead_and_once(database):
    with psycopg.connect(database.owner_dsn) as owner:
        assert ensure_partitions(owner) == 0
        assert ensure_partitions(owner, days_ahead=DAYS_AHEAD + 3) == 3
        assert ensure_partitions(owner, days_ahead=DAYS_AHEAD + 3) == 0
