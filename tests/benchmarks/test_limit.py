"""The limit is measured on real commits, and the books are right afterwards."""

import psycopg
import pytest

from tests.benchmarks import limit
from tests.benchmarks.limit import Trial


@pytest.fixture
def trial(postgres, empty_database):
    return Trial(postgres, empty_database.owner_dsn, 0.05, lambda _: None)


@pytest.mark.parametrize("load", limit.LOADS)
def test_what_is_counted_was_committed(trial, load):
    (done,) = trial.run([7], [load])

    with psycopg.connect(trial.dsn) as connection:
        rows = connection.execute(
            "SELECT count(*), count(DISTINCT source_account_id) FROM transfers"
            " WHERE kind = 'transfer'"
        ).fetchone()
    warm_up = limit.WARM_UP_COMMITS * 7
    assert rows[0] == done.transfers + warm_up
    assert (rows[1] == 1) == (load == "hot")
    assert done.seconds >= trial.seconds


def test_a_line_says_what_a_transfer_costs(trial):
    table = limit.figures(trial.run([2, 3], ["uniform"]))

    assert [line.split("|")[1].strip() for line in table.split("\n")[2:]] == ["2", "3"]
