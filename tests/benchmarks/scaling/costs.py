"""What each station costs, as it was measured; kept in a file for the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tests.benchmarks.systems import BenchFailure

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

STATIONS = ("load", "balancer", "ingress", "postgres")


class Cost(msgspec.Struct, frozen=True):
    """CPU milliseconds: of each transfer, and of each batch whatever its size."""

    each_ms: float
    batch_ms: float

    def of(self, transfers: float) -> float:
        """Return the CPU milliseconds of a transfer in a batch of *transfers*."""
        return self.each_ms + self.batch_ms / transfers

    def plus(self, more: Cost) -> Cost:
        """Return the cost of both."""
        return Cost(self.each_ms + more.each_ms, self.batch_ms + more.batch_ms)

    def beyond(self, less: Cost) -> Cost:
        """Return what this costs more than *less*; no part of it is below zero."""
        each, batch = self.each_ms - less.each_ms, self.batch_ms - less.batch_ms
        return Cost(max(0.0, each), max(0.0, batch))


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """What rounds over *connections* showed.

    Attributes:
        batch: Transfers in one database transaction, on average.
        cpu_ms: CPU milliseconds of a transfer, by station.
    """

    connections: int
    rate: float
    p50_ms: float
    p99_ms: float
    batch: float
    cpu_ms: dict[str, float]


class Shares(msgspec.Struct, frozen=True):
    """What cannot be measured from outside, and is fitted to the measured rates.

    Attributes:
        answer: Of a transfer's HTTP work in the ingress: what is done once it is committed, when
            Postgres has nothing to do; the rest is done while Postgres works.
        after: Of a batch's own work: what is done when its answers have left, so nobody waits.
    """

    answer: float = 0.5
    after: float = 0.0


class Sharing(msgspec.Struct, frozen=True):
    """What it costs more that owners credit each other's accounts, so that each remembers wrongly.

    Such a batch is refused and goes again, alone, by locking and reading first.
    """

    ingress: Cost = Cost(0.0, 0.0)
    postgres: Cost = Cost(0.0, 0.0)
    wal_bytes: float = 0.0


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the model needs, and the measurements that it came from.

    Attributes:
        commit: The part of the ingress that is the commit itself, measured in process.
        flush_ms: Until the disk has what a commit wrote, when nothing else waits for it.
        hop_ms: What a lone transfer waits beside all CPU and the disk, on its whole way.
        background_cores: What the platform uses when nobody asks anything.
        wal_bytes: Of each transfer in a large batch.
        points: Those that were used; *check* are those that were not.
    """

    machine: str
    settings: str
    cores: int
    batch_max: int
    commits_in_flight: int
    stations: dict[str, Cost]
    commit: Cost
    flush_ms: float
    hop_ms: float
    background_cores: float
    wal_bytes: float
    points: list[Point]
    check: list[Point]
    shares: Shares = Shares()
    sharing: Sharing = Sharing()

    def shared(self) -> Costs:
        """Return the costs where several owners share the accounts of one database."""
        more, stations = self.sharing, self.stations
        changed = {
            "ingress": stations["ingress"].plus(more.ingress),
            "postgres": stations["postgres"].plus(more.postgres),
        }
        return msgspec.structs.replace(
            self,
            stations=stations | changed,
            commit=self.commit.plus(more.ingress),
            commits_in_flight=1,
            wal_bytes=self.wal_bytes + more.wal_bytes,
        )


def fit(points: Sequence[tuple[float, float]]) -> Cost:
    """Return the cost that explains (batch, CPU ms of a transfer) best, neither part below zero.

    Least squares of the relative error, so that large batches count as much as lone transfers.
    """
    terms = [(1 / ms, 1 / (batch * ms)) for batch, ms in points]
    aa = sum(a * a for a, _ in terms)
    ab = sum(a * b for a, b in terms)
    bb = sum(b * b for _, b in terms)
    a1, b1 = sum(a for a, _ in terms), sum(b for _, b in terms)
    determinant = aa * bb - ab * ab
    if determinant > 0:
        each = (a1 * bb - b1 * ab) / determinant
        batch = (b1 * aa - a1 * ab) / determinant
        if each >= 0 and batch >= 0:
            return Cost(each, batch)
        if each < 0:
            return Cost(0.0, b1 / bb)
    return Cost(a1 / aa, 0.0)


def save(costs: Costs, path: Path) -> None:
    """Write *costs* so that a person can read them."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(costs), indent=2) + b"\n")


def read(path: Path) -> Costs:
    """Return the costs of a file.

    Raises:
        BenchFailure: If there is none, or it is not one of ours.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Costs)
    except FileNotFoundError as missing:
        raise BenchFailure(f"{path} is missing: run scripts/bench calibrate first") from missing
    except msgspec.DecodeError as error:
        raise BenchFailure(f"{path} cannot be read ({error}): calibrate again") from error
