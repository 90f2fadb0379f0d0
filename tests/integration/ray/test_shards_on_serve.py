"""The shards as replicas of a Serve deployment, on a real local Ray and a real Postgres."""

import json
import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

pytestmark = [
    pytest.mark.ray,
    pytest.mark.slow,
    pytest.mark.xdist_group("ray"),
    pytest.mark.timeout(320),  # Ray starts in the setup of whichever test is the first
]

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def seen(postgres, migrated_template):
    """Return what the program saw; Ray is started once for all tests here."""
    dsn = postgres.dsn("shards_on_serve")
    with psycopg.connect(postgres.dsn("postgres"), autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS shards_on_serve WITH (FORCE)")
        connection.execute(f"CREATE DATABASE shards_on_serve TEMPLATE {migrated_template}")
    program = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.integration.ray.program",
            dsn,
            f"{dsn}?options=-c%20role%3Dgopherpay_app",
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert program.returncode == 0, program.stderr[-4_000:]
    return json.loads(program.stdout.splitlines()[-1])


def test_a_call_reaches_exactly_the_replica_it_names(seen):
    assert len(seen["done_by_address"]) == 2
    assert sum(seen["done_by_address"].values()) == 63


def test_a_call_to_a_replica_that_is_gone_does_not_wait_for_its_deadline(seen):
    assert seen["nobody_share"] < 0.5


def test_replicas_share_the_slots_and_follow_the_scale_api(seen):
    assert seen["two_owners"]
    assert seen["scaled_up"]
    assert seen["scaled_down"]


def test_a_killed_replica_is_replaced_and_its_slots_are_taken_over(seen):
    assert seen["replaced"]


def test_no_transfer_is_lost_or_doubled_while_replicas_come_go_and_die(seen):
    assert seen["sent"] > 100
    assert seen["lost"] == 0
    assert seen["changed_answers"] == 0
    assert seen["total_minor"] == 64 * 100_000
    assert seen["clean"]


def test_most_transfers_are_decided_by_their_owner(seen):
    assert seen["ways"]["owned"] > seen["ways"]["ownerless"]


def test_replicas_that_end_give_their_slots_back(seen):
    assert seen["left_behind"] == {}
