"""Interleaved rounds: each system in turn under the same load, checked after each."""

from __future__ import annotations

import math
import secrets
import signal
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import psycopg

from serve_app.embedded.postgres import EmbeddedPostgres
from tests.benchmarks import load, systems, usage
from tests.benchmarks.load import Plan, Result, Scenario
from tests.benchmarks.systems import System, Target

if TYPE_CHECKING:
    from collections.abc import Iterator

WARM_UP_SECONDS = 1


class Cell(msgspec.Struct, frozen=True):
    """One column of the comparison: what is sent, and over how many connections."""

    scenario: Scenario
    connections: int


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """What one round of one system showed.

    Attributes:
        codes: Answers by status.
        violations: Why this round must not be believed; empty when all is well.
    """

    system: str
    cell: Cell
    seconds: float
    created: int
    codes: dict[str, int]
    unknown: int
    p50_ms: float
    p99_ms: float
    max_ms: float
    server_cpu_seconds: float
    postgres_cpu_seconds: float
    load_cpu_seconds: float
    wal_bytes: int
    server_memory_bytes: int
    violations: list[str]

    @property
    def rate(self) -> float:
        """Return acknowledged transfers per second."""
        return self.created / self.seconds


@dataclass(frozen=True, slots=True)
class Contestant:
    """A prepared system."""

    system: System
    target: Target


@dataclass(frozen=True, slots=True)
class Course:
    """Where rounds are run: the contestants and the Postgres that they share."""

    postgres: EmbeddedPostgres
    contestants: Sequence[Contestant]
    seconds: float
    report: Callable[[str], None]

    def run(self, cells: Sequence[Cell], rounds: int) -> list[Round]:
        """Run every cell; who goes first changes from round to round."""
        done: list[Round] = []
        for cell in cells:
            for number in range(rounds):
                order = self.contestants if number % 2 == 0 else self.contestants[::-1]
                for contestant in order:
                    done.append(self.round(contestant, cell))
                    self.report(_line(done[-1], number + 1, rounds))
        return done

    def round(self, contestant: Contestant, cell: Cell) -> Round:
        """Run one round and check what it left behind."""
        plan = _plan(contestant.target, cell, self.seconds)
        spent = _Spent()
        with self._alone(contestant):
            load.run(_plan(contestant.target, cell, WARM_UP_SECONDS))
            with self._metered(contestant, spent):
                result = load.run(plan)
        return Round(
            system=contestant.system.name,
            cell=cell,
            seconds=result.seconds,
            created=result.created,
            codes=result.codes,
            unknown=result.unknown,
            p50_ms=percentile(result.latencies_ms, 50),
            p99_ms=percentile(result.latencies_ms, 99),
            max_ms=percentile(result.latencies_ms, 100),
            server_cpu_seconds=spent.server,
            postgres_cpu_seconds=spent.postgres,
            load_cpu_seconds=result.cpu_seconds,
            wal_bytes=spent.wal_bytes,
            server_memory_bytes=usage.memory(contestant.system.processes()).proportional_bytes,
            violations=violations(contestant.system, result, plan.key_prefix),
        )

    @contextmanager
    def _alone(self, contestant: Contestant) -> Iterator[None]:
        """Freeze the others, since even an idle platform takes time from the one measured."""
        others = [each.system for each in self.contestants if each is not contestant]
        frozen = [process for other in others for process in other.processes()]
        usage.signal_all(frozen, signal.SIGSTOP)
        try:
            systems.wait_until(contestant.system.is_ready, contestant.system.name)
            yield
        finally:
            usage.signal_all(frozen, signal.SIGCONT)

    @contextmanager
    def _metered(self, contestant: Contestant, spent: _Spent) -> Iterator[None]:
        """Add up in *spent* what is used inside."""
        system, postmaster = contestant.system, self.postgres.pid or 0
        server = usage.cpu_by_process(system.processes())
        postgres, wal_bytes = usage.tree_cpu_seconds(postmaster), _wal_bytes(self.postgres)
        yield
        spent.wal_bytes = _wal_bytes(self.postgres) - wal_bytes
        spent.postgres = usage.tree_cpu_seconds(postmaster) - postgres
        spent.server = usage.spent_seconds(server, usage.cpu_by_process(system.processes()))


@dataclass(slots=True)
class _Spent:
    server: float = 0.0
    postgres: float = 0.0
    wal_bytes: int = 0


def violations(system: System, result: Result, key_prefix: str) -> list[str]:
    """Return what contradicts the answers: lost or doubled transfers, and wrong books."""
    committed, acknowledged = system.committed(key_prefix), set(result.created_ids)
    unanswered = committed - acknowledged
    found = {
        "acknowledged twice": result.created - len(acknowledged),
        "acknowledged but not committed": len(acknowledged - committed),
        "committed but never acknowledged": max(0, len(unanswered) - result.unknown),
    }
    sentences = [f"{count} transfers {what}" for what, count in found.items() if count]
    return sentences + system.discrepancies()


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the nearest-rank percentile; of nothing, not a number."""
    if not values:
        return math.nan
    rank = math.ceil(len(values) * percent / 100)
    return sorted(values)[max(rank, 1) - 1]


def _plan(target: Target, cell: Cell, seconds: float) -> Plan:
    return Plan(
        host=target.host,
        port=target.port,
        path=target.path,
        tokens=target.tokens,
        accounts=target.accounts,
        owners=target.owners,
        scenario=cell.scenario,
        key_prefix=f"{secrets.token_hex(8)}-",
        connections=cell.connections,
        seconds=seconds,
        seed=secrets.randbits(32),
    )


def _wal_bytes(postgres: EmbeddedPostgres) -> int:
    with psycopg.connect(postgres.superuser_dsn) as connection:
        row = connection.execute("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')").fetchone()
    return int(row[0])


def _line(done: Round, number: int, rounds: int) -> str:
    trouble = f"  !! {'; '.join(done.violations)}" if done.violations else ""
    return (
        f"{done.cell.scenario:<10} {done.cell.connections:>3} connections  round {number}/{rounds}"
        f"  {done.system:<9} {done.rate:7.0f}/s  p99 {done.p99_ms:6.1f} ms"
        f"  max {done.max_ms:6.1f} ms{trouble}"
    )
