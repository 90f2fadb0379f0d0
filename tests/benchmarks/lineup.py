"""The systems of one run: which there are, and how each is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psutil

from tests.benchmarks import driver, tables, usage
from tests.benchmarks.driver import DriverSystem
from tests.benchmarks.ground import database, say
from tests.benchmarks.plain_system import PlainSystem
from tests.benchmarks.platform_system import PlatformSystem
from tests.benchmarks.rounds import Cell, Course

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.benchmarks.ground import Ground
    from tests.benchmarks.rounds import Contestant
    from tests.benchmarks.systems import System

CALIBRATION_SECONDS = 3
CALIBRATION_ROUNDS = 2
CALIBRATION = Cell("uniform", 64)
WORKERS = (1, 2)


@dataclass(frozen=True, slots=True)
class Lineup:
    """What shall be compared.

    Attributes:
        names: Of the systems that come with the benchmark.
        variables: Settings of every platform; *variants* have more, by name.
        drivers: Files that describe other systems.
        plain_workers: Of the plain service; with 0 the better number is found.
    """

    names: Sequence[str]
    plain_workers: int = 0
    variables: Mapping[str, str] = field(default_factory=dict)
    variants: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    drivers: Sequence[driver.Driver] = ()

    @property
    def size(self) -> int:
        """Return how many systems there are."""
        return len(self.names) + len(self.variants) + len(self.drivers)

    def systems(self, here: Ground, ready: Callable[[System], Contestant]) -> Iterator[System]:
        """Yield each system, not yet started; *ready* starts one for a trial."""
        for name in self.names:
            if name == tables.OURS:
                yield platform(here, tables.OURS, self.variables)
            else:
                workers = self.plain_workers or _better_workers(here, ready)
                yield _plain(here, name, workers)
        for name, more in self.variants.items():
            yield platform(here, f"{tables.OURS}-{name}", {**self.variables, **more})
        for told in self.drivers:
            yield DriverSystem(told, spared=lambda: _ours(here))


def platform(here: Ground, name: str, variables: Mapping[str, str]) -> PlatformSystem:
    """Return a platform of that name on a database of its own."""
    dsn = database(here, f"bench-{name}")
    return PlatformSystem(dsn, here.folder / name, here.folder, name=name, variables=variables)


def _plain(here: Ground, name: str, workers: int) -> PlainSystem:
    system = PlainSystem(database(here, name), here.folder, name=name, workers=workers)
    system.make_schema()
    return system


def _better_workers(here: Ground, ready: Callable[[System], Contestant]) -> int:
    """Return the number of uvicorn workers with which the plain service is faster here.

    One process cannot use both cores; two take cores from Postgres and the load. Which is better
    depends on the machine, and we compare with the better.
    """
    say(f"finding out how many workers of the plain service are faster, {WORKERS}")
    systems = {f"plain{workers}": workers for workers in WORKERS}
    with ExitStack() as running:
        contestants = []
        for name, workers in systems.items():
            system = _plain(here, name, workers)
            running.callback(system.stop)
            contestants.append(ready(system))
        course = Course(here.postgres, contestants, CALIBRATION_SECONDS, say)
        done = course.run([CALIBRATION], CALIBRATION_ROUNDS)
    return systems[max(done, key=lambda each: each.rate).system]


def _ours(here: Ground) -> list[psutil.Process]:
    """Return what a driver's process names must never mean: this benchmark and its Postgres."""
    return [*usage.tree(psutil.Process().pid), *usage.tree(here.postgres.pid or 1)]
