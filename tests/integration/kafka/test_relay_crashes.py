"""A relay that dies anywhere between reading and marking loses nothing and reorders nothing."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from actors.store.pool import Pool
from tests.fixtures.ledger import a_bank, a_movement
from tests.integration.kafka.relaying import (
    assert_told_in_order,
    ids,
    make_topics,
    relaying,
    stored,
    told,
    until,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.xdist_group("kafka")]

ROOT = Path(__file__).parents[3]
WAIT_SECONDS = 120


def _relay_that_dies(dsn, brokers, prefix, point):
    """Run a relay until it has killed itself at *point*."""
    command = [sys.executable, "-m", "tests.integration.kafka.relay_process"]
    done = subprocess.run(
        [*command, dsn, brokers, prefix, point],
        cwd=ROOT,
        timeout=WAIT_SECONDS,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.mark.parametrize(
    ("point", "told_before"),
    [
        ("batch-read", False),
        ("produced-no-ack", True),
        ("acked-not-marked", True),
        ("mark-not-committed", True),
    ],
)
async def test_a_relay_killed_there_is_made_good_by_the_next_one(
    kafka, topic_prefix, database, point, told_before
):
    topics = make_topics(kafka.connection, topic_prefix)
    async with a_bank(database.app_dsn) as bank:
        wallets = [await bank.wallet(1_000) for _ in range(5)]
        for number in range(20):
            source, target = wallets[number % 5], wallets[(number + 1) % 5]
            await bank.post(a_movement(source, target, 1), a_movement(target, source, 2))
    await asyncio.to_thread(
        _relay_that_dies, database.app_dsn, kafka.bootstrap_servers, topic_prefix, point
    )
    first = await asyncio.to_thread(told, kafka.connection, topics)
    async with await psycopg.AsyncConnection.connect(database.owner_dsn) as owner:
        moved = await (
            await owner.execute("SELECT FROM event_cursors WHERE reader = 'relay'")
        ).fetchall()
        rows = await stored(owner)
    pool = Pool(database.app_dsn, size_max=2, name="relay")
    await pool.open()
    async with relaying(pool, kafka.connection, topic_prefix):

        async def all_told():
            records = await asyncio.to_thread(told, kafka.connection, topics)
            return records if len(ids(records)) == len(rows) else None

        records = await until(all_told)
    await pool.close()

    assert bool(first) is told_before
    assert moved == [], "nothing was marked"
    assert_told_in_order(rows, records)
