"""Measure what each station costs, in short rounds over HTTP and in process."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median
from typing import TYPE_CHECKING

import psutil
import psycopg

from actors.settings import Settings
from serve_app.embedded.postgres import EmbeddedPostgres
from tests.benchmarks import limit, tables, usage
from tests.benchmarks.platform_system import PlatformSystem
from tests.benchmarks.rounds import Cell, Contestant, Course
from tests.benchmarks.scaling.costs import STATIONS, Cost, Costs, Point, Sharing, fit
from tests.benchmarks.systems import ACCOUNTS, BenchFailure

if TYPE_CHECKING:
    from tests.benchmarks.limit import Limit
    from tests.benchmarks.rounds import Round

CALIBRATED = (1, 8, 64)
CHECKED = (32, 256)
COMMITTED, LOADS = (1, 10, 50, 200), ("uniform", limit.TWO_OWNERS)
IDLE_SECONDS = 4.0
FLUSHES = 200
BALANCER = "haproxy"
BATCHES = """
SELECT count(DISTINCT xid::text) FROM (SELECT xid FROM outbox ORDER BY seq DESC LIMIT %s) AS last
"""
"""The batches of the last transfers are the transactions that wrote their events, one for each."""
EVENTS = "SELECT count(*) FROM outbox"


@dataclass(frozen=True, slots=True)
class Calibration:
    """Where it is measured: a platform that was not started yet, and a bare database.

    Attributes:
        folder: On the disk that Postgres writes to.
        variables: The settings of the platform that are not the default ones.
        seconds: Of each round.
    """

    postgres: EmbeddedPostgres
    system: PlatformSystem
    bare_dsn: str
    folder: Path
    variables: Mapping[str, str]
    seconds: float
    rounds: int
    report: Callable[[str], None]

    def run(self) -> Costs:
        """Measure everything.

        Raises:
            BenchFailure: If a round or the books are wrong.
        """
        commits = limit.Trial(self.postgres, self.bare_dsn, self.seconds / 2, self.report).run(
            COMMITTED, LOADS, [1]
        )
        self.report("starting gopherpay")
        try:
            self.system.start()
            contestant = Contestant(self.system, self.system.prepare(ACCOUNTS))
            background_cores = self._background()
            course = Course(self.postgres, [contestant], self.seconds, self.report)
            self.report("a round that does not count: the owner sees the accounts")
            course.round(contestant, Cell("uniform", max(CALIBRATED)))
            points = {
                connections: self._point(course, connections, background_cores)
                for connections in sorted({*CALIBRATED, *CHECKED})
            }
        finally:
            self.system.stop()
        return self._costs(commits, background_cores, points)

    def _background(self) -> float:
        """Return the cores that the platform uses when nobody asks anything."""
        self.report("the platform at rest")
        before = usage.cpu_by_process(self.system.processes())
        time.sleep(IDLE_SECONDS)  # the span that is measured, not a wait for anything
        after = usage.cpu_by_process(self.system.processes())
        return usage.spent_seconds(before, after) / IDLE_SECONDS

    def _point(self, course: Course, connections: int, background_cores: float) -> Point:
        """Measure one number of connections; a round's warm-up counts for the server's CPU."""
        (contestant,) = course.contestants
        before, began = usage.cpu_by_process(self.system.processes()), time.monotonic()
        events = self._number(EVENTS)
        done, batches = [], 0
        for _ in range(self.rounds):
            done.append(course.round(contestant, Cell("uniform", connections)))
            batches += self._number(BATCHES, done[-1].created)
        after = usage.cpu_by_process(self.system.processes())
        background = background_cores * (time.monotonic() - began)
        if wrong := [violation for each in done for violation in each.violations]:
            raise BenchFailure("\n".join(["the figures must not be believed:", *wrong]))
        transfers = self._number(EVENTS) - events
        server = _by_station(before, after)
        point = Point(
            connections=connections,
            rate=median(each.rate for each in done),
            p50_ms=median(each.p50_ms for each in done),
            p99_ms=median(each.p99_ms for each in done),
            batch=sum(each.created for each in done) / batches,
            cpu_ms={
                "load": _each_ms(done, lambda each: each.load_cpu_seconds),
                "balancer": server["balancer"] / transfers * 1000,
                "ingress": max(0.0, server["ingress"] - background) / transfers * 1000,
                "postgres": _each_ms(done, lambda each: each.postgres_cpu_seconds),
            },
        )
        self.report(f"{connections} connections: {point.rate:,.0f}/s, batches of {point.batch:.1f}")
        return point

    def _costs(
        self, commits: Sequence[Limit], background_cores: float, points: dict[int, Point]
    ) -> Costs:
        used = [points[connections] for connections in CALIBRATED]
        flush_ms, lone = _flush_ms(self.folder), points[1]
        waited_ms = 1000 / lone.rate - sum(lone.cpu_ms.values()) - flush_ms
        settings = _settings(self.variables)
        uniform, shared = ([each for each in commits if each.load == load] for load in LOADS)
        return Costs(
            machine=tables.machine(),
            settings=self.system.setup,
            cores=psutil.cpu_count() or 1,
            batch_max=settings.batch_transfers_max,
            commits_in_flight=settings.commits_in_flight,
            stations={
                name: fit([(each.batch, each.cpu_ms[name]) for each in used]) for name in STATIONS
            },
            commit=_python(uniform),
            flush_ms=flush_ms,
            hop_ms=max(0.0, waited_ms),
            background_cores=background_cores,
            wal_bytes=_wal_bytes(uniform),
            points=used,
            check=[points[connections] for connections in CHECKED],
            sharing=Sharing(
                _python(shared).beyond(_python(uniform)),
                _postgres(shared).beyond(_postgres(uniform)),
                max(0.0, _wal_bytes(shared) - _wal_bytes(uniform)),
            ),
        )

    def _number(self, statement: str, *parameters: object) -> int:
        with psycopg.connect(self.system.dsn) as connection:
            row = connection.execute(statement.encode(), parameters).fetchone()
        return int(row[0])


def _settings(variables: Mapping[str, str]) -> Settings:
    """Return what the platform was started with."""
    given = {name.removeprefix("GOPHERPAY_").lower(): each for name, each in variables.items()}
    return Settings(data_dir=Path(os.devnull), **given)


def _python(commits: Sequence[Limit]) -> Cost:
    return fit([(each.batch, each.python_cpu_seconds / each.transfers * 1000) for each in commits])


def _postgres(commits: Sequence[Limit]) -> Cost:
    return fit(
        [(each.batch, each.postgres_cpu_seconds / each.transfers * 1000) for each in commits]
    )


def _wal_bytes(commits: Sequence[Limit]) -> float:
    """Return the bytes of each transfer in the largest batches."""
    return commits[-1].wal_bytes / commits[-1].transfers


def _each_ms(done: Sequence[Round], measure: Callable[[Round], float]) -> float:
    return fmean(measure(each) / each.created for each in done) * 1000


def _by_station(
    before: dict[psutil.Process, float], after: dict[psutil.Process, float]
) -> dict[str, float]:
    """Return the CPU seconds of the balancer, and of all the rest of the platform."""
    balancers = {process for process in after if BALANCER in _title(process)}
    parts = {
        "balancer": {process: after[process] for process in balancers},
        "ingress": {process: used for process, used in after.items() if process not in balancers},
    }
    return {name: usage.spent_seconds(before, part) for name, part in parts.items()}


def _title(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.NoSuchProcess:
        return ""


def _flush_ms(folder: Path) -> float:
    """Return how long the disk takes to have what a lone commit writes, most of the time."""
    path, page = folder / "flush", os.urandom(8192)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    taken = []
    try:
        for _ in range(FLUSHES):
            os.pwrite(descriptor, page, 0)
            began = time.perf_counter()
            os.fdatasync(descriptor)
            taken.append((time.perf_counter() - began) * 1000)
    finally:
        os.close(descriptor)
        path.unlink()
    return median(taken)
