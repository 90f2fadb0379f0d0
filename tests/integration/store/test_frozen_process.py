"""A process that stops in the middle of a transaction, and those who wait for its rows."""

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
