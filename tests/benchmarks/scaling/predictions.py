"""What the model says beside what was measured, and what larger loads would need."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.benchmarks import tables
from tests.benchmarks.scaling.costs import STATIONS, Costs
from tests.benchmarks.scaling.model import Layout, Outcome, simulate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.benchmarks.scaling.costs import Point

TIMES = (1, 10, 100, 1_000)
TODAY = 64  # connections
CONNECTIONS_AN_INGRESS = 128
USABLE = 0.7  # of a station: above it queues grow faster than work
TOLERANCE = 0.20
LOCAL_COMMITS = 3  # of a transfer between two databases: hold, credit, settle
MB = 1_000_000
PREDICTED_MS = 500.0

STATION_HEADINGS = ("station", "ms a transfer", "ms a batch", "at 1", "at 8", "at 64 connections")
CHECK_HEADINGS = (
    "connections",
    "used to calibrate",
    "measured/s",
    "model/s",
    "off",
    "p50 measured",
    "p50 model",
    "batch measured",
    "batch model",
)
NEED_HEADINGS = (
    "times",
    "transfers/s",
    "databases",
    "ingresses",
    "cores for them",
    "balancer cores",
    "Postgres cores",
    "WAL MB/s",
    "most, by the model",
    "p99 then, ms",
)


@dataclass(frozen=True, slots=True)
class Hardware:
    """What one database may have; both are assumptions, not measurements.

    Attributes:
        log_bytes_per_second: What the log can be written with, for good.
    """

    postgres_cores: int = 16
    log_bytes_per_second: float = 400 * MB


@dataclass(frozen=True, slots=True)
class Need:
    """What a load needs; everything is for all databases together but *outcome*, for one."""

    times: int
    rate: float
    costs: Costs
    databases: int
    ingresses: int
    local_rate: float
    outcome: Outcome


def stations(costs: Costs) -> str:
    """Return what each station costs, fitted and as it was measured."""
    rows = [
        (
            name,
            f"{costs.stations[name].each_ms:.3f}",
            f"{costs.stations[name].batch_ms:.3f}",
            *(f"{point.cpu_ms[name]:.3f}" for point in costs.points),
        )
        for name in STATIONS
    ]
    rest = (
        f"Of the ingress, the commit in process is {costs.commit.each_ms:.3f} ms a transfer and"
        f" {costs.commit.batch_ms:.3f} ms a batch. The disk takes {costs.flush_ms:.3f} ms to flush,"
        f" a lone transfer waits {costs.hop_ms:.2f} ms beside all CPU, the idle platform uses"
        f" {costs.background_cores:.3f} cores, and a transfer writes {costs.wal_bytes:,.0f} bytes"
        f" of WAL. {_sharing(costs)} Fitted:"
        f" {costs.shares.answer:.0%} of a transfer's HTTP work follow its commit, and"
        f" {costs.shares.after:.0%} of a batch's own work its answers."
    )
    return f"{tables.table(STATION_HEADINGS, rows)}\n\n{rest}"


def _sharing(costs: Costs) -> str:
    more = costs.sharing
    return (
        "Where owners credit each other's accounts, a transfer costs the ingress"
        f" {more.ingress.each_ms:.3f} ms and Postgres {more.postgres.each_ms:.3f} ms more, a batch"
        f" {more.ingress.batch_ms:.3f} and {more.postgres.batch_ms:.3f} ms, and"
        f" {more.wal_bytes:,.0f} bytes of WAL."
    )


def checked(costs: Costs) -> tuple[str, list[str]]:
    """Return the model beside the measurements, and where it is further off than it may be.

    Only the points that the model has not seen are judged.
    """
    rows, wrong = [], []
    for point in sorted([*costs.points, *costs.check], key=lambda each: each.connections):
        said = simulate(costs, Layout(point.connections, costs.commits_in_flight, costs.cores))
        off = said.rate / point.rate - 1
        rows.append(_checked(point, said, is_known=point in costs.points))
        if point in costs.check and abs(off) > TOLERANCE:
            wrong.append(f"{point.connections} connections: {off:+.0%}")
    return tables.table(CHECK_HEADINGS, rows), wrong


def needs(costs: Costs, hardware: Hardware, times: Sequence[int] = TIMES) -> str:
    """Return what so many *times* today's rate need.

    Several ingresses at one database credit each other's accounts: that is counted.
    """
    today = next(each.rate for each in costs.points if each.connections == TODAY)
    rows = [_needed(_need(costs, hardware, each, today * each)) for each in times]
    return tables.table(NEED_HEADINGS, rows)


def _checked(point: Point, said: Outcome, *, is_known: bool) -> tuple[str, ...]:
    return (
        str(point.connections),
        "yes" if is_known else "no",
        f"{point.rate:,.0f}",
        f"{said.rate:,.0f}",
        f"{said.rate / point.rate - 1:+.0%}",
        f"{point.p50_ms:.1f} ms",
        f"{said.p50_ms:.1f} ms",
        f"{point.batch:.1f}",
        f"{said.batch:.1f}",
    )


def _need(costs: Costs, hardware: Hardware, times: int, rate: float) -> Need:
    if rate <= USABLE * _alone(costs).rate:
        return _spread(costs, hardware, times, rate)
    return _spread(costs.shared(), hardware, times, rate)


def _alone(costs: Costs) -> Outcome:
    """Return what one ingress does that has a core of its own."""
    layout = Layout(CONNECTIONS_AN_INGRESS, costs.commits_in_flight, cores=0, load_processes=0)
    return simulate(costs, layout, PREDICTED_MS)


def _spread(costs: Costs, hardware: Hardware, times: int, rate: float) -> Need:
    """Spread *rate* over as many databases and ingresses as it takes."""
    one = _alone(costs)
    by_cores = hardware.postgres_cores / costs.stations["postgres"].of(one.batch) * 1000
    by_log = hardware.log_bytes_per_second / costs.wal_bytes
    databases = _databases(rate, USABLE * min(by_cores, by_log))
    local_rate = rate / databases * work(databases)
    ingresses = max(1, math.ceil(local_rate / (USABLE * one.rate)))
    layout = Layout(
        CONNECTIONS_AN_INGRESS * ingresses,
        costs.commits_in_flight,
        cores=0,
        ingresses=ingresses,
        postgres_cores=hardware.postgres_cores,
        load_processes=0,
        disk_bytes_per_ms=hardware.log_bytes_per_second / 1000,
    )
    said = simulate(costs, layout, PREDICTED_MS)
    return Need(times, rate, costs, databases, ingresses * databases, local_rate, said)


def _databases(rate: float, database_rate: float) -> int:
    """Return how many databases carry *rate*: spreading it makes work of its own."""
    databases = 1
    while rate * work(databases) > databases * database_rate:
        databases += 1
    return databases


def work(databases: int) -> float:
    """Return the local commits of a transfer when accounts are spread evenly."""
    across = 1 - 1 / databases
    return 1 - across + across * LOCAL_COMMITS


def _needed(need: Need) -> tuple[str, ...]:
    total = need.local_rate * need.databases
    said, costs = need.outcome, need.costs
    cores = {name: costs.stations[name].of(said.batch) * total / 1000 for name in STATIONS}
    return (
        f"{need.times:,}",
        f"{need.rate:,.0f}",
        str(need.databases),
        f"{need.ingresses:,}",
        f"{cores['ingress']:,.1f}",
        f"{costs.stations['balancer'].of(said.batch) * need.rate / 1000:,.1f}",
        f"{cores['postgres']:,.1f}",
        f"{costs.wal_bytes * total / MB:,.0f}",
        f"{said.rate * need.databases / work(need.databases):,.0f}",
        f"{said.p99_ms:.1f}",
    )
