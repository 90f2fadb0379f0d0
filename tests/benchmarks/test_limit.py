"""The limit is measured on real commits in one round trip, and the books are right afterwards."""

import psycopg
import pytest
import uvloop

from actors.store.commit import PostgresLedger
from actors.store.migrate import upgrade
from actors.store.pool import Pool
from tests.benchmarks import bank, limit
from tests.benchmarks.limit import Trial
from tests.benchmarks.systems import ACCOUNTS, BenchFailure

BY_SOURCE = """
SELECT count(*) FROM transfers WHERE kind = 'transfer'
GROUP BY source_account_id ORDER BY count(*) DESC
"""


@pytest.fixture
def trial(postgres, empty_database):
    return Trial(postgres, empty_database.owner_dsn, 0.05, lambda _: None)


@pytest.mark.parametrize("load", limit.LOADS)
@pytest.mark.parametrize("under_way", [1, 3])
def test_what_is_counted_was_committed(trial, load, under_way):
    (done,) = trial.run([7], [load], [under_way])

    with psycopg.connect(trial.dsn) as connection:
        counts = [row[0] for row in connection.execute(BY_SOURCE)]
    owners = 2 if load == limit.TWO_OWNERS else 1
    counted = done.transfers + owners * limit.WARM_UP_COMMITS * 7
    assert sum(counts) == owners * ACCOUNTS + counted  # each account once before
    assert (counts[0] == 1 + counted) == (load == "hot")
    assert done.seconds >= trial.seconds


def test_a_batch_that_would_lock_and_read_is_not_measured(trial):
    async def commit_what_is_not_remembered():
        pool = Pool(limit.app_dsn(trial.dsn), size_max=1, name="test", wait_seconds=0.1)
        await pool.open()
        try:
            accounts = await bank.open_bank(pool, trial.dsn, 10)
            async with pool.connection():
                await limit.commit(PostgresLedger(pool), [accounts.batch(2)])
        finally:
            await pool.close()

    upgrade(trial.dsn)
    with pytest.raises(BenchFailure, match="not go the way"):
        uvloop.run(commit_what_is_not_remembered())


def test_a_line_says_what_a_transfer_costs(trial):
    table = limit.figures(trial.run([2, 3], ["uniform"]))

    cells = [[cell.strip() for cell in line.split("|")] for line in table.split("\n")[2:]]
    assert [(row[1], row[3]) for row in cells] == [
        (str(batch), str(count)) for batch in (2, 3) for count in sorted(set(limit.UNDER_WAY))
    ]
