"""The limit in process: what one owner commits, batch after batch, with nothing around it.

As a shard commits: under a fence, accounts that it remembers, over the one connection of its line.
Two owners beside each other credit each other's accounts, so each often remembers wrongly.
Movements are made between the measured stretches.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import psycopg
import uvloop
from pydantic import SecretStr

from actors.domain.errors import StoreUnavailable
from actors.domain.transfers import Verdict
from actors.settings import Settings
from actors.store.commit import PostgresLedger
from actors.store.migrate import upgrade
from actors.store.pool import Pool
from serve_app.embedded.postgres import EmbeddedPostgres
from tests.benchmarks import bank, tables, usage
from tests.benchmarks.bank import Bank
from tests.benchmarks.systems import ACCOUNTS, BenchFailure

if TYPE_CHECKING:
    from actors.domain.transfers import Outcome
    from tests.benchmarks.bank import FencedBatch

BATCH_MAX = 5_000  # of distinct accounts there are fewer anyway
TWO_OWNERS = "two owners"
LOADS = ("uniform", "hot", TWO_OWNERS)
UNDER_WAY = (1, Settings.model_fields["commits_in_flight"].default)
WARM_UP_COMMITS = 20
STRETCH_COMMITS, STRETCH_TRANSFERS = 20, 400  # of one measured stretch, at least
HEADINGS = (
    "batch",
    "load",
    "under way",
    "transfers/s",
    "ms a commit",
    "Python ms",
    "Postgres ms",
    "WAL bytes",
)


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """What one size of batch showed; CPU and *seconds*, of all measured stretches, are sums.

    Attributes:
        under_way: How many batches were at once.
    """

    batch: int
    load: str
    under_way: int
    commits: int
    seconds: float
    python_cpu_seconds: float
    postgres_cpu_seconds: float
    wal_bytes: int

    @property
    def transfers(self) -> int:
        """Return how many transfers were committed."""
        return self.batch * self.commits

    @property
    def rate(self) -> float:
        """Return transfers per second of commits."""
        return self.transfers / self.seconds


@dataclass(frozen=True, slots=True)
class Owner:
    """Who commits, and what it debits."""

    pool: Pool
    ledger: PostgresLedger
    bank: Bank


@dataclass(frozen=True, slots=True)
class Spent:
    """What committing took."""

    seconds: float
    cpu_seconds: float


@dataclass(frozen=True, slots=True)
class Trial:
    """Where the limit is measured: a database of its own on *postgres*."""

    postgres: EmbeddedPostgres
    dsn: str
    seconds: float
    report: Callable[[str], None]

    def run(
        self,
        batches: Sequence[int],
        loads: Sequence[str] = LOADS,
        under_way: Sequence[int] = UNDER_WAY,
    ) -> list[Limit]:
        """Measure each size of batch under each load, and verify the books.

        Raises:
            BenchFailure: If a transfer is refused, or the books are wrong.
        """
        upgrade(self.dsn)
        counts = sorted(set(under_way))
        cells = [(batch, load, count) for load in loads for batch in batches for count in counts]
        done = uvloop.run(self._run(cells))
        if wrong := bank.findings(self.dsn):
            raise BenchFailure("\n".join(["the figures must not be believed:", *wrong]))
        return done

    async def _run(self, cells: Sequence[tuple[int, str, int]]) -> list[Limit]:
        pools = [Pool(app_dsn(self.dsn), size_max=1, name="bench") for _ in range(2)]
        try:
            for pool in pools:
                await pool.open()
            accounts = await bank.open_bank(pools[0], self.dsn, ACCOUNTS)
            return [await self._cell(pools, accounts, cell) for cell in cells]
        finally:
            for pool in pools:
                await pool.close()

    async def _cell(
        self, pools: Sequence[Pool], accounts: Bank, cell: tuple[int, str, int]
    ) -> Limit:
        """Measure one line of the table.

        A lone owner shall do nothing but commits in one round trip: whoever locks and reads first
        borrows from the pool, whose only connection is lent here.
        """
        batch, load, under_way = cell
        self.report(f"batches of {batch:,}, {load}, {under_way} under way")
        owners = _owners(pools, accounts, load)
        for owner in owners:
            await commit(owner.ledger, accounts.tour())
            made = [owner.bank.batch(batch) for _ in range(WARM_UP_COMMITS)]
            await commit(owner.ledger, made, under_way)
        if len(owners) > 1:
            return await self._metered(owners, cell)
        async with pools[0].connection():
            return await self._metered(owners, cell)

    async def _metered(self, owners: Sequence[Owner], cell: tuple[int, str, int]) -> Limit:
        batch, load, under_way = cell
        stretch = max(STRETCH_COMMITS, STRETCH_TRANSFERS // batch)
        postmaster = self.postgres.pid or 0
        postgres, wal_bytes = usage.tree_cpu_seconds(postmaster), wal_position(self.postgres)
        parts: list[Spent] = []
        while sum(part.seconds for part in parts) < self.seconds:
            made = [[owner.bank.batch(batch) for _ in range(stretch)] for owner in owners]
            parts.append(
                await _spent(
                    _commit(owner.ledger, each, under_way)
                    for owner, each in zip(owners, made, strict=True)
                )
            )
        return Limit(
            batch=batch,
            load=load,
            under_way=under_way,
            commits=stretch * len(parts) * len(owners),
            seconds=sum(part.seconds for part in parts),
            python_cpu_seconds=sum(part.cpu_seconds for part in parts),
            postgres_cpu_seconds=usage.tree_cpu_seconds(postmaster) - postgres,
            wal_bytes=wal_position(self.postgres) - wal_bytes,
        )


def _owners(pools: Sequence[Pool], accounts: Bank, load: str) -> list[Owner]:
    """Return one owner of everything, or two that debit every other account."""
    places = range(len(accounts.accounts))
    parts = {"uniform": [places], "hot": [[0]], TWO_OWNERS: [places[::2], places[1::2]]}[load]
    return [
        Owner(pool, PostgresLedger(pool), accounts.debiting(part))
        for pool, part in zip(pools, parts, strict=False)
    ]


def figures(limits: Sequence[Limit]) -> str:
    """Return a Markdown table; CPU and WAL are per transfer."""
    return tables.table(HEADINGS, [_row(each) for each in limits])


def wal_position(postgres: EmbeddedPostgres) -> int:
    """Return how many bytes of WAL the server has written since it was made."""
    with psycopg.connect(postgres.superuser_dsn) as connection:
        row = connection.execute("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')").fetchone()
    return int(row[0])


def app_dsn(owner_dsn: str) -> str:
    """Return the address for the application's role, as the platform makes it."""
    return Settings(data_dir=Path(os.devnull), postgres_url=SecretStr(owner_dsn)).app_dsn


def _row(each: Limit) -> tuple[str, ...]:
    return (
        f"{each.batch:,}",
        each.load,
        str(each.under_way),
        f"{each.rate:,.0f}",
        f"{each.seconds / each.commits * 1000:.2f}",
        f"{each.python_cpu_seconds / each.transfers * 1000:.3f}",
        f"{each.postgres_cpu_seconds / each.transfers * 1000:.3f}",
        f"{each.wal_bytes / each.transfers:,.0f}",
    )


async def commit(ledger: PostgresLedger, made: Sequence[FencedBatch], under_way: int = 1) -> Spent:
    """Commit batches in order, *under_way* at once.

    Raises:
        BenchFailure: If a transfer is not posted, or the database is not to be had.
    """
    return await _spent([_commit(ledger, made, under_way)])


async def _spent(commits: Iterable[Awaitable[list[Outcome]]]) -> Spent:
    """Return what it took until all *commits* were done.

    Raises:
        BenchFailure: If a transfer is not posted, or the database is not to be had.
    """
    began, used = time.perf_counter(), time.process_time()
    try:
        done = await asyncio.gather(*commits)
    except StoreUnavailable as error:
        raise BenchFailure("a batch did not go the way that is measured") from error
    spent = Spent(time.perf_counter() - began, time.process_time() - used)
    if any(outcome.verdict is not Verdict.POSTED for outcomes in done for outcome in outcomes):
        raise BenchFailure("a transfer was refused")
    return spent


async def _commit(
    ledger: PostgresLedger, made: Sequence[FencedBatch], under_way: int
) -> list[Outcome]:
    waiting: deque[FencedBatch] = deque(made)
    outcomes: list[Outcome] = []

    async def carry() -> None:
        while waiting:
            movements, fence = waiting.popleft()
            outcomes.extend(await ledger.commit(movements, fence=fence))

    await asyncio.gather(*(carry() for _ in range(under_way)))
    return outcomes
