"""Postgres dies in the middle of load: what was acknowledged exists once, keys tell the rest."""

import asyncio
import os
import shutil
import signal
import tempfile
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from actors.domain.errors import OutcomeUnknown, StoreUnavailable
from actors.domain.transfers import Verdict
from actors.ids import new_id
from actors.store.migrate import upgrade
from serve_app.embedded.ports import free_port
from serve_app.embedded.postgres import EmbeddedPostgres
from tests.fixtures.ledger import a_bank, a_movement, assert_books_are_right

WORKERS = 12
KILLS = 5


@pytest.fixture
def durable():
    """Yield a cluster of its own with the platform's durable settings."""
    folder = Path(tempfile.mkdtemp(prefix="gopherpay-crash-"))
    folder.chmod(0o711)
    server = EmbeddedPostgres(
        folder / "postgres", port=free_port(), log_file=folder / "postgres.log"
    )
    server.start()
    upgrade(server.superuser_dsn)
    yield server
    server.stop()
    shutil.rmtree(folder)


class Load:
    """Many who pay from the same wallets, and remember what they were told."""

    def __init__(self, bank, wallets):
        self.bank = bank
        self.wallets = wallets
        self.acknowledged = []
        self.unknown = []
        self.progressed = asyncio.Event()

    def a_batch(self, number):
        turned = self.wallets[number % 3 :] + self.wallets[: number % 3]
        return [a_movement(turned[0], turned[1], 1), a_movement(turned[1], turned[2], 1)]

    async def try_once(self, batch):
        """Tell whether there was an answer, and keep it, or the question."""
        try:
            outcomes = await self.bank.post(*batch)
        except (StoreUnavailable, OutcomeUnknown) as error:
            self.unknown.append((batch, error))
            return False
        self.acknowledged += zip(batch, outcomes, strict=True)
        self.progressed.set()
        return True

    async def pay_until_it_fails(self, worker):
        for number in count(worker):
            if not await self.try_once(self.a_batch(number)):
                return

    async def made_progress(self, answers):
        """Wait for so many more answers."""
        wanted = len(self.acknowledged) + answers
        while len(self.acknowledged) < wanted:
            self.progressed.clear()
            await self.progressed.wait()


async def _ask_again(bank, movements):
    """Return what each key answers, asked anew twice; both must agree."""
    again = [replace(movement, transfer_id=new_id()) for movement in movements]
    first = await bank.post(*again)
    second = await bank.post(*again)

    assert [each.transfer for each in first] == [each.transfer for each in second]
    assert all(each.replayed for each in second)
    return first


@pytest.mark.slow
async def test_a_killed_postmaster_loses_and_doubles_nothing(durable):
    async with a_bank(durable.superuser_dsn, wait_seconds=1) as bank:
        wallets = [await bank.wallet(100_000) for _ in range(3)]
        load = Load(bank, wallets)
        paying = asyncio.gather(*(load.pay_until_it_fails(worker) for worker in range(WORKERS)))
        await load.made_progress(200)
        os.kill(durable.pid, signal.SIGKILL)
        await paying
    await asyncio.to_thread(durable.stop)
    await asyncio.to_thread(durable.start)
    async with a_bank(durable.superuser_dsn) as bank:
        known = await _ask_again(bank, [movement for movement, _ in load.acknowledged])
        asked = [movement for batch, _ in load.unknown for movement in batch]
        found = await _ask_again(bank, asked)
        rows = await bank.pool.rows("SELECT count(*) FROM transfers WHERE kind = 'transfer'")
        balances = [await bank.balance_minor(wallet) for wallet in wallets]

    assert [each.transfer for each in known] == [each.transfer for _, each in load.acknowledged]
    assert len(load.unknown) == WORKERS
    assert {each.verdict for each in found} == {Verdict.POSTED}
    assert rows == [(len(load.acknowledged) + len(asked),)]
    assert sum(balances) == 300_000
    await assert_books_are_right(durable.superuser_dsn)


async def test_killed_backends_lose_and_double_nothing(bank, owner, database):
    wallets = [await bank.wallet(100_000) for _ in range(3)]
    load = Load(bank, wallets)
    stopped = asyncio.Event()

    async def pay_on(worker):
        for number in count(worker):
            if stopped.is_set():
                return
            await load.try_once(load.a_batch(number))

    paying = asyncio.gather(*(pay_on(worker) for worker in range(WORKERS)))
    for _ in range(KILLS):
        await load.made_progress(60)
        await owner.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    await load.made_progress(60)
    stopped.set()
    await paying
    asked = [movement for batch, _ in load.unknown for movement in batch]
    known = await _ask_again(bank, [movement for movement, _ in load.acknowledged])
    found = await _ask_again(bank, asked) if asked else []

    assert [each.transfer for each in known] == [each.transfer for _, each in load.acknowledged]
    assert {each.verdict for each in found} <= {Verdict.POSTED}
    rows = await bank.pool.rows("SELECT count(*) FROM transfers WHERE kind = 'transfer'")
    assert rows == [(len(load.acknowledged) + len(asked),)]
    await assert_books_are_right(database.app_dsn)
