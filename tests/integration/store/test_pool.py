"""Connections that one side has left, and those who depend on them."""

import pytest

from actors.store.pool import TRANSACTION_TIMEOUT_MS, Pool

pytestmark = pytest.mark.slow


async def test_a_frozen_process_does_not_keep_its_locks(database, owner):
    pool = Pool(database.app_dsn, size_max=1, name="frozen")
    await pool.open()
    try:
        async with pool.connection() as frozen:
            async with frozen.pipeline():
                await frozen.execute("BEGIN")
                await frozen.execute("SELECT FROM slots WHERE slot = 7 FOR UPDATE")
            # From here on it is silent, as a stopped process is; the next one waits for the row.
            await owner.execute(f"SET statement_timeout = {2 * TRANSACTION_TIMEOUT_MS}")
            rows = await owner.execute("SELECT slot FROM slots WHERE slot = 7 FOR UPDATE")
            assert await rows.fetchone() == (7,)
    finally:
        await pool.close()


async def test_connections_that_the_server_ended_are_nobodys_trouble(database, owner):
    pool = Pool(database.app_dsn, size_max=4, name="restarted")
    await pool.open()
    try:
        for _ in range(4):
            await owner.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE application_name = 'restarted'"
            )
            async with pool.transaction() as one, pool.transaction() as other:
                for connection in (one, other):
                    assert await (await connection.execute("SELECT 1")).fetchone() == (1,)
    finally:
        await pool.close()
