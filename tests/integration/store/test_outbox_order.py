"""The order of the outbox is that of the versions, also when a bulk has waited for a lock."""

import asyncio

import psycopg

from actors.ids import new_id
from tests.fixtures.ledger import PRINCIPAL_ID, a_deposit, a_movement

FINAL = "SELECT max(xid) < pg_snapshot_xmin(pg_current_snapshot()) FROM outbox"
ROWS = """
SELECT payload ->> 'source_version' FROM outbox WHERE aggregateid = %s
AND type LIKE '%%transfer.posted%%' ORDER BY xid, seq
"""


async def test_a_transaction_that_waited_comes_after_those_that_it_waited_for(
    bank, owner, database, sessions
):
    first, waits_for, other, sink = sorted(new_id() for _ in range(4))
    for each in (first, waits_for, other, sink):
        await bank.accounts.open(each, PRINCIPAL_ID, "USD", None, None)
        await bank.post(a_deposit(each, 1_000))
    await bank.warm_up(4)
    async with await psycopg.AsyncConnection.connect(database.owner_dsn) as holder:
        await holder.execute("SELECT FROM accounts WHERE id = %s FOR NO KEY UPDATE", (waits_for,))
        bulk = asyncio.create_task(
            bank.ledger.commit_all_or_none(
                [a_movement(first, waits_for, 1), a_movement(other, waits_for, 2)]
            )
        )
        async with asyncio.timeout(30):
            while await sessions("Lock") == 0:  # noqa: ASYNC110  the bulk waits, nobody is told
                await asyncio.sleep(0.05)
        await bank.post(a_movement(other, sink, 3))
        await holder.rollback()
    await bulk

    versions = [row[0] for row in await (await owner.execute(ROWS, (other,))).fetchall()]
    final = await (await owner.execute(FINAL)).fetchone()

    assert versions == ["2", "3"]
    assert final == (True,)
