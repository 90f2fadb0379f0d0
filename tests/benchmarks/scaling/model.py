"""The platform as a queueing network: stations that cost CPU, on cores that they share.

Clients send the next transfer when the last is answered (closed loop). A transfer passes the
load's own process, the balancer, an ingress, and a commit that it shares with whatever else
waited; the answer goes the same way back. A program that is written as one thread does one thing
at a time, in the order in which things came; all of them share the cores in slices. Several
batches of an ingress may be under way, but over one connection, which does one after the other.
One disk takes what all commits wrote since the last flush. The time is in milliseconds, and
nothing in it is random.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import simpy

from tests.benchmarks.rounds import percentile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.benchmarks.scaling.costs import Costs

    Steps = Iterator[simpy.Event]

SLICE_MS = 1.0
WARM_UP_MS = 500.0
MEASURED_MS = 3_000.0
MANY = 100_000  # cores: as many as anybody asks for


@dataclass(frozen=True, slots=True)
class Layout:
    """How much of everything there is.

    Attributes:
        cores: Of the machine that everything shares; 0 gives each program a core of its own.
        postgres_cores: Of the database's machine, when it has one of its own.
        load_processes: 0 when the load comes from elsewhere and costs nothing here.
        disk_bytes_per_ms: What the log can be written with; 0 is no limit.
    """

    connections: int
    commits_in_flight: int = 1
    cores: int = 2
    ingresses: int = 1
    postgres_cores: int = 0
    load_processes: int = 1
    disk_bytes_per_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the model says."""

    rate: float
    p50_ms: float
    p99_ms: float
    batch: float
    busy: dict[str, float]


class Program:
    """One thread: what it is asked is done in order, on a core when there is one."""

    def __init__(self, environment: simpy.Environment, cores: simpy.Resource) -> None:
        self._environment = environment
        self._cores = cores
        self._turn = simpy.PriorityResource(environment)
        self.busy_ms = 0.0

    def work(self, ms: float) -> Steps:
        """Use *ms* of CPU when it is its turn."""
        yield from self.turn(lambda: ms)

    def turn(self, begin: Callable[[], float], *, first: bool = False) -> Steps:
        """Ask *begin* how many milliseconds to use when it is its turn, and use them.

        Args:
            begin: Called when nothing is before it any more.
            first: Whether it goes before all that waits.
        """
        with self._turn.request(priority=0 if first else 1) as turn:
            yield turn
            yield from self._use(begin())

    def burst(self, ms: float, done: Sequence[simpy.Event]) -> Steps:
        """Use *ms* of CPU for each of *done* without a pause, and say so one by one."""
        with self._turn.request(priority=1) as turn:
            yield turn
            for each in done:
                yield from self._use(ms)
                each.succeed()

    def _use(self, ms: float) -> Steps:
        """Use the cores in slices, so that nobody keeps one from the others."""
        left = ms
        while left > 0:
            with self._cores.request() as core:
                yield core
                part = min(SLICE_MS, left)
                yield self._environment.timeout(part)
                left -= part
        self.busy_ms += ms


class Disk:
    """Flushes one after the other; each takes what was written before it began."""

    def __init__(self, environment: simpy.Environment, costs: Costs, bytes_per_ms: float) -> None:
        self._environment = environment
        self._flush_ms = costs.flush_ms
        self._ms_a_transfer = costs.wal_bytes / bytes_per_ms if bytes_per_ms else 0.0
        self._next: simpy.Event = environment.event()
        self._waiting = 0
        self._asked = environment.event()
        environment.process(self._run())

    def flush(self, transfers: int) -> simpy.Event:
        """Return the event that what was written is safe."""
        self._waiting += transfers
        if not self._asked.triggered:
            self._asked.succeed()
        return self._next

    def _run(self) -> Steps:
        while True:
            yield self._asked
            done, self._next = self._next, self._environment.event()
            transfers, self._waiting = self._waiting, 0
            self._asked = self._environment.event()
            yield self._environment.timeout(self._flush_ms + transfers * self._ms_a_transfer)
            done.succeed()


@dataclass(slots=True)
class Transfer:
    """One wish on its way."""

    answered: simpy.Event
    batch: int = 1


class Connection:
    """One connection to Postgres: a call after the other, each with the flush of its commit."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._backend = Program(world.environment, world.postgres_cores)
        self._turn = simpy.Resource(world.environment)

    @property
    def busy_ms(self) -> float:
        """Return the CPU of its backend."""
        return self._backend.busy_ms

    def commit(self, size: int) -> Steps:
        """Commit a batch of *size* after those that were sent before it."""
        cost, after = self._world.costs.stations["postgres"], self._world.costs.shares.after
        with self._turn.request() as turn:
            yield turn
            yield from self._backend.work(cost.batch_ms * (1 - after) + size * cost.each_ms)
            yield self._world.disk.flush(size)
        self._world.environment.process(self._backend.work(cost.batch_ms * after))


class Ingress:
    """Takes requests, gathers what waits, sends it to be committed, and answers."""

    def __init__(self, world: World, cores: simpy.Resource) -> None:
        self._world = world
        self._program = Program(world.environment, cores)
        self._connection = Connection(world)
        self._waiting: list[Transfer] = []
        self._under_way = 0
        self._pump_is_due = False
        ingress, commit = world.costs.stations["ingress"], world.costs.commit
        http_ms, shares = max(0.0, ingress.each_ms - commit.each_ms), world.costs.shares
        self._take_ms = http_ms * (1 - shares.answer)
        self._answer_ms = http_ms * shares.answer
        self._commit_each_ms = min(commit.each_ms, ingress.each_ms)
        self._batch_ms = ingress.batch_ms
        self._after = shares.after

    @property
    def busy_ms(self) -> tuple[float, float]:
        """Return the CPU of the ingress and of its connection to Postgres."""
        return self._program.busy_ms, self._connection.busy_ms

    def take(self, transfer: Transfer) -> Steps:
        """Read a request and let it wait for the next batch."""
        yield from self._program.work(self._take_ms)
        self._waiting.append(transfer)
        self._pump_soon()

    def _pump_soon(self, *, first: bool = False) -> None:
        """Look for a batch, as a loop does: there is no timer.

        After an arrival it looks once it has read all that came with it; after an answer before
        it reads anything more.
        """
        may = self._under_way < self._world.layout.commits_in_flight
        if may and self._waiting and not self._pump_is_due:
            self._pump_is_due = True
            self._world.environment.process(self._pump(first=first))

    def _pump(self, *, first: bool) -> Steps:
        """Send what waits by now, and answer it when it is committed."""
        batch: list[Transfer] = []
        yield from self._program.turn(lambda: self._gather(batch), first=first)
        self._pump_soon()
        yield from self._connection.commit(len(batch))
        for transfer in batch:
            transfer.batch = len(batch)
        yield from self._program.burst(self._answer_ms, [each.answered for each in batch])
        self._under_way -= 1
        self._pump_soon(first=True)
        self._world.environment.process(self._program.work(self._batch_ms * self._after))

    def _gather(self, batch: list[Transfer]) -> float:
        """Fill *batch* with what waits; return the CPU milliseconds until it is sent."""
        most = self._world.costs.batch_max
        batch += self._waiting[:most]
        del self._waiting[:most]
        self._pump_is_due = False
        self._under_way += 1
        self._world.batches.append(len(batch))
        return self._batch_ms * (1 - self._after) + len(batch) * self._commit_each_ms


class World:
    """One run."""

    def __init__(self, costs: Costs, layout: Layout, measured_ms: float) -> None:
        self.costs = costs
        self.layout = layout
        self.environment = simpy.Environment()
        self.batches: list[int] = []
        self._measured_ms = measured_ms
        self._latencies_ms: list[float] = []
        self._build()

    def run(self) -> Outcome:
        """Return what the model says once it has warmed up."""
        for number in range(self.layout.connections):
            self.environment.process(self._client(number))
        self.environment.run(until=WARM_UP_MS)
        self._latencies_ms.clear()
        self.batches.clear()
        before = self._busy_ms()
        self.environment.run(until=WARM_UP_MS + self._measured_ms)
        after = self._busy_ms()
        return Outcome(
            rate=len(self._latencies_ms) / self._measured_ms * 1000,
            p50_ms=percentile(self._latencies_ms, 50),
            p99_ms=percentile(self._latencies_ms, 99),
            batch=sum(self.batches) / max(1, len(self.batches)),
            busy={name: (after[name] - before[name]) / self._measured_ms for name in after},
        )

    def _build(self) -> None:
        layout, environment = self.layout, self.environment
        shared = simpy.Resource(environment, layout.cores or MANY)
        self.postgres_cores = (
            simpy.Resource(environment, layout.postgres_cores) if layout.postgres_cores else shared
        )
        self.disk = Disk(environment, self.costs, layout.disk_bytes_per_ms)
        self._load = [Program(environment, shared) for _ in range(layout.load_processes)]
        threads = layout.cores or layout.ingresses
        self._balancer = [Program(environment, shared) for _ in range(threads)]
        self._ingresses = [Ingress(self, shared) for _ in range(layout.ingresses)]
        if layout.cores:
            environment.process(self._background(Program(environment, shared)))

    def _client(self, number: int) -> Steps:
        """Send, wait, and send again for ever."""
        balancer = self._balancer[number % len(self._balancer)]
        ingress = self._ingresses[number % len(self._ingresses)]
        last = 1
        while True:
            began = self.environment.now
            yield from self._pass(number, balancer, last)
            yield self.environment.timeout(self.costs.hop_ms / 2)
            transfer = Transfer(self.environment.event())
            yield from ingress.take(transfer)
            yield transfer.answered
            last = transfer.batch
            yield self.environment.timeout(self.costs.hop_ms / 2)
            yield from self._pass(number, balancer, last)
            self._latencies_ms.append(self.environment.now - began)

    def _pass(self, number: int, balancer: Program, batch: int) -> Steps:
        """Pass the load's process and the balancer, one way: half of what they cost."""
        stations = self.costs.stations
        if self._load:
            load = self._load[number % len(self._load)]
            yield from load.work(stations["load"].of(batch) / 2)
        yield from balancer.work(stations["balancer"].of(batch) / 2)

    def _background(self, program: Program) -> Steps:
        """Use what the idle platform uses."""
        used = min(self.costs.background_cores, 0.9)
        while used > 0:
            yield from program.work(SLICE_MS)
            yield self.environment.timeout(SLICE_MS * (1 - used) / used)

    def _busy_ms(self) -> dict[str, float]:
        ingresses = [each.busy_ms for each in self._ingresses]
        return {
            "load": sum(each.busy_ms for each in self._load),
            "balancer": sum(each.busy_ms for each in self._balancer),
            "ingress": sum(own for own, _ in ingresses),
            "postgres": sum(backend for _, backend in ingresses),
        }


def simulate(costs: Costs, layout: Layout, measured_ms: float = MEASURED_MS) -> Outcome:
    """Return what the model says of *layout* over *measured_ms* of its own time."""
    return World(costs, layout, measured_ms).run()
