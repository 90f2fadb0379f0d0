"""Grown books are compared by one command, and what stands on disk is counted."""

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from tests.benchmarks import bloat, growth
from tests.benchmarks.history import History
from tests.benchmarks.systems import BenchFailure, Target
from tests.benchmarks.test_history import OWNERS

ROOT = Path(__file__).parents[2]
GIB = 1024**3


def test_every_table_and_used_index_of_the_books_is_measured(database):
    History(accounts=300, postings=6_000, owners=OWNERS).load(database.owner_dsn, lambda _: None)

    sizes = bloat.sizes(database.owner_dsn)

    assert {"accounts", "transfers", "postings", "idempotency_keys"} <= set(sizes)
    assert {"pk_postings", "pk_transfers", "ix_transfers_source_account_id_id"} <= set(sizes)
    assert all(each.size_bytes > 0 for each in sizes.values())


def test_dead_rows_are_seen(database):
    History(accounts=300, postings=600, owners=OWNERS).load(database.owner_dsn, lambda _: None)
    with psycopg.connect(database.owner_dsn) as connection:
        connection.execute("ALTER TABLE accounts SET (autovacuum_enabled = off)")
        connection.execute("UPDATE accounts SET name = 'another' WHERE kind = 'customer'")

    assert bloat.sizes(database.owner_dsn)["accounts"].dead_percent > 5


def test_what_was_added_is_said_for_each_transfer():
    before = {"postings": bloat.Size(1_000_000, 0.0, 0.0)}
    after = {"postings": bloat.Size(1_200_000, 0.0, 0.0), "new": bloat.Size(50_000, 0.0, 0.0)}

    rows = bloat.growth(before, after, 1_000).split("\n")

    added = {row.split("|")[1].strip(): row.split("|")[4].strip() for row in rows[2:]}
    assert added == {"postings": "200", "new": "50", "all": "250"}


def test_a_history_that_does_not_fit_the_disk_is_refused():
    with pytest.raises(BenchFailure, match="GiB of disk"):
        growth.room_for(10**15)


def test_few_accounts_come_from_all_ages_and_keep_their_owners():
    ids = [str(number) for number in range(10_000)]
    target = Target(
        port=1, tokens=[], accounts=ids, owners=[number % 8 for number in range(10_000)]
    )

    some = growth.few(target)

    assert len(some.accounts) == growth.FEW
    assert int(some.accounts[-1]) > 9_000
    assert [int(account) % 8 for account in some.accounts] == some.owners


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.xdist_group("ray")
@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["growth", "--accounts", "1000", "--postings", "4000", "--transfers", "2000"],
            "Both books were verified",
        ),
        (["calibrate", "--costs", os.devnull], "the costs are in"),
    ],
)
def test_a_study_is_one_command(arguments, said):
    short = ["--seconds", "0.5", "--rounds", "1"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.bench", *arguments, *short],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
