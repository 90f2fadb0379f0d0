"""Interleaved rounds: each system in turn under the same load, checked after each."""

from __future__ import annotations

import secrets
import signal
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Final

import msgspec
import psycopg

from serve_app.embedded.postgres import EmbeddedPostgres
from tests.benchmarks import load, overload, systems, usage
from tests.benchmarks.overload import Overload, percentile
from tests.benchmarks.plan import LogIns, Phase, Plan, Result, Scenario, bulk_size
from tests.benchmarks.systems import BenchFailure, System, Target

if TYPE_CHECKING:
    from collections.abc import Iterator

WARM_UP_SECONDS: Final = 1
WARM_UP_CONNECTIONS_MAX: Final = 64
LOG_INS_PER_SECOND: Final = 200
TIMES: Final = "x"


class Cell(msgspec.Struct, frozen=True):
    """One column of the comparison: what is sent, and how.

    Attributes:
        connections: Of a closed loop; the most that an open loop may open.
        offered: Of an open loop: requests per second, or times the peak when it ends with "x".
    """

    scenario: Scenario
    connections: int
    offered: str = ""

    @property
    def is_overload(self) -> bool:
        """Tell whether the peak is exceeded."""
        return self.offered.endswith(TIMES)

    @property
    def name(self) -> str:
        """Return how the tables call it."""
        if not self.offered:
            return f"{self.scenario}, {self.connections}"
        unit = "" if self.is_overload else "/s"
        return f"{self.scenario}, {self.offered}{unit}"


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """What one round of one system showed.

    Attributes:
        created: Transfers that were acknowledged; *reads* are what else was answered.
        codes: Transfers by status.
        checked: Whether the database could be asked.
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
    reads: int = 0
    not_sent: int = 0
    log_in_codes: dict[str, int] = {}
    checked: bool = True
    overload: Overload | None = None

    @property
    def done(self) -> int:
        """Return how much was done: transfers, and in the load "mixed" reads too."""
        return self.created + self.reads

    @property
    def rate(self) -> float:
        """Return how much was done per second."""
        return self.done / self.seconds


@dataclass(frozen=True, slots=True)
class Contestant:
    """A prepared system."""

    system: System
    target: Target

    def can(self, scenario: Scenario) -> bool:
        """Tell whether the system offers what *scenario* asks for."""
        if bulk_size(scenario):
            return self.target.api.bulk is not None
        if scenario == "mixed":
            return bool(self.target.api.reads)
        return scenario != "log-ins" or bool(self.target.log_in_bodies)


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
            able = [each for each in self.contestants if each.can(cell.scenario)]
            for number in range(rounds):
                for contestant in able if number % 2 == 0 else able[::-1]:
                    done.append(self.round(contestant, cell, _peak(done, contestant, cell)))
                    self.report(_line(done[-1], number + 1, rounds))
        return done

    def round(self, contestant: Contestant, cell: Cell, peak_per_second: float = 0) -> Round:
        """Run one round and check what it left behind."""
        plan = _plan(contestant.target, cell, self.seconds, peak_per_second)
        spent = _Spent()
        with self._alone(contestant):
            load.run(_warm_up(plan))
            with self._metered(contestant, spent):
                result = load.run(plan)
        found = violations(contestant.system, result, plan.key_prefix)
        return Round(
            system=contestant.system.name,
            cell=cell,
            seconds=result.seconds,
            created=result.created,
            reads=result.reads,
            codes=result.codes,
            unknown=result.unknown,
            not_sent=result.not_sent,
            log_in_codes=result.log_in_codes,
            p50_ms=percentile(result.latencies_ms, 50),
            p99_ms=percentile(result.latencies_ms, 99),
            max_ms=percentile(result.latencies_ms, 100),
            server_cpu_seconds=spent.server,
            postgres_cpu_seconds=spent.postgres,
            load_cpu_seconds=result.cpu_seconds,
            wal_bytes=spent.wal_bytes,
            server_memory_bytes=usage.memory(contestant.system.processes()).proportional_bytes,
            overload=_judged(cell, plan, result),
            checked=found is not None,
            violations=found or [],
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


def violations(system: System, result: Result, key_prefix: str) -> list[str] | None:
    """Return what contradicts the answers: lost or doubled transfers, and wrong books.

    None says that the system's database cannot be asked.
    """
    committed, acknowledged = system.committed(key_prefix), set(result.created_ids)
    if committed is None:
        return None
    unanswered = committed - acknowledged
    found = {
        "acknowledged twice": result.created - len(acknowledged),
        "acknowledged but not committed": len(acknowledged - committed),
        "committed but never acknowledged": max(0, len(unanswered) - result.unknown),
    }
    sentences = [f"{count} transfers {what}" for what, count in found.items() if count]
    return sentences + system.discrepancies()


def _peak(done: Sequence[Round], contestant: Contestant, cell: Cell) -> float:
    """Return the most that a closed loop of the same load has reached so far.

    Raises:
        BenchFailure: If there was none, and the cell needs it.
    """
    if not cell.is_overload:
        return 0
    rates: dict[Cell, list[float]] = {}
    for each in done:
        is_same = (each.system, each.cell.scenario) == (contestant.system.name, cell.scenario)
        if is_same and not each.cell.offered:
            rates.setdefault(each.cell, []).append(each.rate)
    if not rates:
        raise BenchFailure(f"{cell.name}: no closed loop of {cell.scenario} was run before it")
    return max(map(median, rates.values()))


def _judged(cell: Cell, plan: Plan, result: Result) -> Overload | None:
    return overload.judge(result, plan.phases, plan.api.done) if cell.is_overload else None


def _plan(target: Target, cell: Cell, seconds: float, peak_per_second: float) -> Plan:
    log_ins = None
    if cell.scenario == "log-ins":
        log_ins = LogIns(target.log_in_bodies, LOG_INS_PER_SECOND)
    return Plan(
        host=target.host,
        port=target.port,
        tokens=target.tokens,
        accounts=target.accounts,
        owners=target.owners,
        scenario=cell.scenario,
        key_prefix=f"{secrets.token_hex(8)}-",
        connections=cell.connections,
        seconds=seconds,
        api=target.api,
        phases=_phases(cell, seconds, peak_per_second),
        log_ins=log_ins,
        currency=target.currency,
        amount=target.amount,
        seed=secrets.randbits(32),
    )


def _phases(cell: Cell, seconds: float, peak_per_second: float) -> list[Phase]:
    if cell.is_overload:
        times = float(cell.offered.removesuffix(TIMES))
        return overload.phases(peak_per_second, times, seconds)
    return [Phase(float(cell.offered), seconds)] if cell.offered else []


def _warm_up(plan: Plan) -> Plan:
    """Return a short closed loop of the same load, under keys of its own."""
    return msgspec.structs.replace(
        plan,
        key_prefix=f"{secrets.token_hex(8)}-",
        connections=min(plan.connections, WARM_UP_CONNECTIONS_MAX),
        seconds=WARM_UP_SECONDS,
        phases=[],
        log_ins=None,
    )


def _wal_bytes(postgres: EmbeddedPostgres) -> int:
    with psycopg.connect(postgres.superuser_dsn) as connection:
        row = connection.execute("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')").fetchone()
    return int(row[0])


def _line(done: Round, number: int, rounds: int) -> str:
    trouble = f"  !! {'; '.join(done.violations)}" if done.violations else ""
    return (
        f"{done.cell.name:<15} round {number}/{rounds}  {done.system:<12} {done.rate:7.0f}/s"
        f"  p99 {done.p99_ms:6.1f} ms  max {done.max_ms:6.1f} ms{trouble}"
    )
