"""What grown books cost: the same rounds on a loaded and on an empty database, interleaved."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from statistics import median
from typing import TYPE_CHECKING

import msgspec
import psycopg
import uvloop

from actors.store.commit import PostgresLedger
from actors.store.pool import Pool
from serve_app.embedded.postgres import EmbeddedPostgres
from tests.benchmarks import bank, bloat, limit, tables
from tests.benchmarks.bloat import Size
from tests.benchmarks.history import History
from tests.benchmarks.platform_system import PlatformSystem
from tests.benchmarks.rounds import Cell, Contestant, Course, Round
from tests.benchmarks.systems import ACCOUNTS, BenchFailure, Target

if TYPE_CHECKING:
    from psutil import Process


LOADED, EMPTY = "loaded", "empty"
BATCH = 200
FEW = 1_000
DISK_BYTES_PER_POSTING = 900  # tables, indexes, WAL and what sorting takes for a moment
USER_IDS = "SELECT id FROM users ORDER BY id"  # ids are in time order, as the tokens are
A_DAY = """
SELECT count(*), sum(abs(amount_minor)) FROM postings
WHERE posted_at >= now() - interval '30 days' AND posted_at < now() - interval '29 days'
"""
BRIN = "CREATE INDEX ix_bench_postings_posted_at ON postings USING brin (posted_at)"
HEADINGS = (
    "load",
    "spread over",
    "empty/s",
    "loaded/s",
    "ratio",
    "p99 empty",
    "p99 loaded",
    "ratio",
)


class Brin(msgspec.Struct, frozen=True):
    """What a BRIN index on the time of the postings costs and gives."""

    build_seconds: float
    size_bytes: int
    day_without_ms: float
    day_with_ms: float
    rate_without: float
    rate_with: float


class Added(msgspec.Struct, frozen=True, kw_only=True):
    """What transfers between all accounts cost and left on disk."""

    transfers: int
    seconds: float
    wal_bytes: int
    before: dict[str, Size]
    after: dict[str, Size]


class Grown(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured; *rounds* by what the load was spread over."""

    history_seconds: float
    postings: int
    rounds: dict[str, list[Round]]
    added: Added
    brin: Brin
    verify_seconds: float


@dataclass(frozen=True, slots=True)
class Unverified:
    """A platform whose books are verified once at the end, since they are too large for more."""

    system: PlatformSystem

    @property
    def name(self) -> str:
        return self.system.name

    @property
    def dsn(self) -> str:
        return self.system.dsn

    @property
    def setup(self) -> str:
        return self.system.setup

    def is_ready(self) -> bool:
        return self.system.is_ready()

    def processes(self) -> list[Process]:
        return self.system.processes()

    def committed(self, key_prefix: str) -> set[str]:
        return self.system.committed(key_prefix)

    def discrepancies(self) -> list[str]:
        return []


@dataclass(frozen=True, slots=True)
class Growth:
    """The experiment: two platforms that were not started yet, on one Postgres.

    Attributes:
        transfers: How many are committed in process to see what they add on disk.
    """

    postgres: EmbeddedPostgres
    loaded: PlatformSystem
    empty: PlatformSystem
    accounts: int
    postings: int
    transfers: int
    report: Callable[[str], None]

    def run(self, cells: Sequence[Cell], rounds: int, seconds: float) -> Grown:
        """Load, compare over HTTP, commit more in process, and verify.

        Raises:
            BenchFailure: If the disk is too small, or a round or the books are wrong.
        """
        room_for(self.postings)
        with _running(self.empty, self.report), _running(self.loaded, self.report):
            small = self.empty.prepare(ACCOUNTS)
            began = time.monotonic()
            large = self._load()
            history_seconds = time.monotonic() - began
            added = self._add()
            compared = {
                name: self._compare((small, target), cells, rounds, seconds)
                for name, target in (
                    (f"all {self.accounts:,}", large),
                    (f"{FEW:,} of them", few(large)),
                )
            }
            brin = self._brin(self.loaded.dsn)
        return Grown(
            history_seconds=history_seconds,
            postings=self.postings,
            rounds=compared,
            added=added,
            brin=brin,
            verify_seconds=self._verify(),
        )

    def _load(self) -> Target:
        """Fill the loaded database behind the back of its platform, and return where to send."""
        signed_up = self.loaded.prepare(0)
        with psycopg.connect(self.loaded.dsn) as connection:
            owners = [row[0] for row in connection.execute(USER_IDS)]
        history = History(self.accounts, self.postings, owners)
        made = history.load(self.loaded.dsn, self.report)
        places = {owner: place for place, owner in enumerate(owners)}
        return replace(
            signed_up,
            accounts=[account for account, _ in made],
            owners=[places[owner] for _, owner in made],
        )

    def _compare(
        self, targets: tuple[Target, Target], cells: Sequence[Cell], rounds: int, seconds: float
    ) -> list[Round]:
        systems = (Unverified(self.empty), Unverified(self.loaded))
        contestants = [Contestant(*each) for each in zip(systems, targets, strict=True)]
        done = Course(self.postgres, contestants, seconds, self.report).run(cells, rounds)
        if wrong := [violation for each in done for violation in each.violations]:
            raise BenchFailure("\n".join(["the figures must not be believed:", *wrong]))
        return done

    def _add(self) -> Added:
        """Commit more in process: it shows what transfers add, and ends what a checkpoint began.

        After a checkpoint the first change of each page writes the whole page to the WAL; a round
        of some seconds would show nothing else, a database at work does it every 15 minutes.
        """
        self.report(f"committing {self.transfers:,} transfers in batches of {BATCH}")
        before = bloat.sizes(self.loaded.dsn)
        wal_bytes = limit.wal_position(self.postgres)
        seconds = uvloop.run(_commit(self.loaded.dsn, self.accounts, self.transfers))
        return Added(
            transfers=self.transfers,
            seconds=seconds,
            wal_bytes=limit.wal_position(self.postgres) - wal_bytes,
            before=before,
            after=bloat.sizes(self.loaded.dsn),
        )

    def _verify(self) -> float:
        """Return how long it took to find nothing wrong.

        Raises:
            BenchFailure: If there is something.
        """
        self.report("verifying the books")
        began = time.monotonic()
        wrong = [finding for each in (self.empty, self.loaded) for finding in each.discrepancies()]
        if wrong:
            raise BenchFailure("\n".join(["the books are wrong:", *wrong]))
        return time.monotonic() - began

    def _brin(self, dsn: str) -> Brin:
        """Try a BRIN index on the time of the postings."""
        self.report("trying a BRIN index on the time of the postings")
        transfers = max(BATCH, self.transfers // 10)
        without = transfers / uvloop.run(_commit(dsn, self.accounts, transfers))
        day_without_ms = _asked_ms(dsn)
        with psycopg.connect(dsn) as connection:
            began = time.monotonic()
            connection.execute(BRIN)
            built = time.monotonic() - began
            row = connection.execute(
                "SELECT pg_relation_size('ix_bench_postings_posted_at')"
            ).fetchone()
        day_with_ms = _asked_ms(dsn)
        with_it = transfers / uvloop.run(_commit(dsn, self.accounts, transfers))
        with psycopg.connect(dsn) as connection:
            connection.execute("DROP INDEX ix_bench_postings_posted_at")
        return Brin(built, row[0], day_without_ms, day_with_ms, without, with_it)


def figures(grown: Grown) -> str:
    """Return everything as Markdown."""
    rows = [row for name, done in grown.rounds.items() for row in _ratios(name, done)]
    added = grown.added
    return "\n\n".join(
        [
            f"{grown.postings:,} postings were loaded in {grown.history_seconds:.0f} s.",
            _added_line(added),
            bloat.growth(added.before, added.after, added.transfers),
            "Afterwards, over HTTP:",
            tables.table(HEADINGS, rows),
            _brin_line(grown.brin),
            f"Both books were verified in {grown.verify_seconds:.0f} s and are right.",
        ]
    )


def _added_line(added: Added) -> str:
    return (
        f"Then {added.transfers:,} transfers between all accounts, in process, in batches of"
        f" {BATCH}: {added.transfers / added.seconds:,.0f}/s,"
        f" {added.wal_bytes / added.transfers:,.0f} bytes of WAL each, and on disk:"
    )


def _brin_line(brin: Brin) -> str:
    return (
        f"BRIN on postings.posted_at: built in {brin.build_seconds:.1f} s,"
        f" {brin.size_bytes / 1024:,.0f} KiB; the sum of one day takes"
        f" {brin.day_without_ms:,.0f} ms without and {brin.day_with_ms:,.0f} ms with it;"
        f" commits {brin.rate_without:,.0f}/s without, {brin.rate_with:,.0f}/s with."
    )


def _ratios(spread: str, done: Sequence[Round]) -> Iterator[tuple[str, ...]]:
    for cell in dict.fromkeys(each.cell for each in done):
        sides = [
            [each for each in done if each.cell == cell and each.system == name]
            for name in (EMPTY, LOADED)
        ]
        rates = [median(each.rate for each in side) for side in sides]
        tails = [median(each.p99_ms for each in side) for side in sides]
        yield (
            f"{cell.scenario}, {cell.connections}",
            spread,
            *(f"{rate:,.0f}" for rate in rates),
            f"{rates[1] / rates[0]:.2f}x",
            *(f"{tail:.1f} ms" for tail in tails),
            f"{tails[1] / tails[0]:.2f}x",
        )


async def _commit(dsn: str, accounts: int, transfers: int) -> float:
    """Commit *transfers* between standing accounts as a shard would; return the seconds."""
    pool = Pool(limit.app_dsn(dsn), size_max=1, name="bench")
    await pool.open()
    try:
        standing, ledger = bank.standing_bank(dsn, accounts), PostgresLedger(pool)
        seconds = 0.0
        for _ in range(transfers // BATCH):
            seconds += (await limit.commit(ledger, [standing.batch(BATCH)])).seconds
        return seconds
    finally:
        await pool.close()


def _asked_ms(dsn: str) -> float:
    """Return how long the question for one day takes, the second time."""
    with psycopg.connect(dsn) as connection:
        connection.execute(A_DAY)
        began = time.monotonic()
        connection.execute(A_DAY)
        return (time.monotonic() - began) * 1000


def few(target: Target) -> Target:
    """Return a thousand of the accounts, from all ages."""
    stride = max(1, len(target.accounts) // FEW)
    return replace(
        target,
        accounts=target.accounts[::stride][:FEW],
        owners=target.owners[::stride][:FEW],
    )


def room_for(postings: int) -> None:
    """Pass if the disk can take *postings*.

    Raises:
        BenchFailure: If not.
    """
    free_bytes, needed_bytes = shutil.disk_usage(".").free, postings * DISK_BYTES_PER_POSTING
    if free_bytes < needed_bytes:
        raise BenchFailure(
            f"{postings:,} postings need {needed_bytes / tables.GIB:.1f} GiB of disk,"
            f" {free_bytes / tables.GIB:.1f} are free"
        )


@contextmanager
def _running(system: PlatformSystem, report: Callable[[str], None]) -> Iterator[None]:
    report(f"starting the platform of the {system.name} database")
    try:
        system.start()
        yield
    finally:
        system.stop()
