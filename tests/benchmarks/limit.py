"""The limit in process: what one connection commits, batch after batch, with nothing around it.

Only the time inside ``PostgresLedger.commit`` counts; movements are made between the commits.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import psycopg
import uvloop
from pydantic import SecretStr

from actors.domain.transfers import Verdict
from actors.settings import Settings
from actors.store.commit import PostgresLedger
from actors.store.migrate import upgrade
from actors.store.pool import Pool
from serve_app.embedded.postgres import EmbeddedPostgres
from tests.benchmarks import bank, tables, usage
from tests.benchmarks.systems import ACCOUNTS, BenchFailure

if TYPE_CHECKING:
    from tests.benchmarks.bank import Bank

BATCH_MAX = 5_000  # of distinct accounts there are fewer anyway
LOADS = ("uniform", "hot")
WARM_UP_COMMITS = 20
HEADINGS = ("batch", "load", "transfers/s", "ms a commit", "Python ms", "Postgres ms", "WAL bytes")


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """What one size of batch showed; CPU and *seconds*, spent inside ``commit``, are sums."""

    batch: int
    load: str
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
class Trial:
    """Where the limit is measured: a database of its own on *postgres*."""

    postgres: EmbeddedPostgres
    dsn: str
    seconds: float
    report: Callable[[str], None]

    def run(self, batches: Sequence[int], loads: Sequence[str] = LOADS) -> list[Limit]:
        """Measure each size of batch under each load, and verify the books.

        Raises:
            BenchFailure: If a transfer is refused, or the books are wrong.
        """
        upgrade(self.dsn)
        done = uvloop.run(self._run([(batch, load) for load in loads for batch in batches]))
        if wrong := bank.findings(self.dsn):
            raise BenchFailure("\n".join(["the figures must not be believed:", *wrong]))
        return done

    async def _run(self, cells: Sequence[tuple[int, str]]) -> list[Limit]:
        pool = Pool(app_dsn(self.dsn), size_max=1, name="bench")
        await pool.open()
        try:
            accounts = await bank.open_bank(pool, self.dsn, ACCOUNTS)
            return [await self._cell(pool, accounts, batch, load) for batch, load in cells]
        finally:
            await pool.close()

    async def _cell(self, pool: Pool, accounts: Bank, batch: int, load: str) -> Limit:
        accounts.hot = load == "hot"
        self.report(f"batches of {batch:,}, {load}")
        for _ in range(WARM_UP_COMMITS):
            await commit(pool, accounts, batch)
        return await self._metered(pool, accounts, batch, load)

    async def _metered(self, pool: Pool, accounts: Bank, batch: int, load: str) -> Limit:
        postmaster = self.postgres.pid or 0
        postgres, wal_bytes = usage.tree_cpu_seconds(postmaster), wal_position(self.postgres)
        commits, seconds, python = 0, 0.0, 0.0
        while seconds < self.seconds:
            spent_seconds, cpu_seconds = await commit(pool, accounts, batch)
            commits, seconds, python = commits + 1, seconds + spent_seconds, python + cpu_seconds
        return Limit(
            batch=batch,
            load=load,
            commits=commits,
            seconds=seconds,
            python_cpu_seconds=python,
            postgres_cpu_seconds=usage.tree_cpu_seconds(postmaster) - postgres,
            wal_bytes=wal_position(self.postgres) - wal_bytes,
        )


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
        f"{each.rate:,.0f}",
        f"{each.seconds / each.commits * 1000:.2f}",
        f"{each.python_cpu_seconds / each.transfers * 1000:.3f}",
        f"{each.postgres_cpu_seconds / each.transfers * 1000:.3f}",
        f"{each.wal_bytes / each.transfers:,.0f}",
    )


async def commit(pool: Pool, accounts: Bank, batch: int) -> tuple[float, float]:
    """Commit one batch as a shard does; return the seconds and CPU seconds of it.

    Raises:
        BenchFailure: If one of its transfers is not posted.
    """
    movements, fence = accounts.batch(batch)
    began, used = time.perf_counter(), time.process_time()
    outcomes = await PostgresLedger(pool).commit(movements, fence=fence)
    spent = time.perf_counter() - began, time.process_time() - used
    if any(outcome.verdict is not Verdict.POSTED for outcome in outcomes):
        raise BenchFailure("a transfer was refused")
    return spent
