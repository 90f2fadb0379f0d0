"""``scripts/bench``: the plain service beside ours on one durable Postgres, in one command."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import msgspec
import psycopg
import typer

from serve_app.embedded.failures import StartFailure
from serve_app.embedded.ports import free_port
from serve_app.embedded.postgres import EmbeddedPostgres
from tests.benchmarks import footprint, tables
from tests.benchmarks.load import SCENARIOS
from tests.benchmarks.plain_system import PlainSystem
from tests.benchmarks.platform_system import PlatformSystem
from tests.benchmarks.rounds import Cell, Contestant, Course
from tests.benchmarks.systems import ACCOUNTS, BenchFailure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.benchmarks.load import Scenario
    from tests.benchmarks.rounds import Round
    from tests.benchmarks.systems import System

CALIBRATION_SECONDS = 3
CALIBRATION_ROUNDS = 2
CALIBRATION = Cell("uniform", 64)
WORKERS = (1, 2)

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)

Seconds = Annotated[float, typer.Option(min=0.5, max=120, help="Of each round.")]
Rounds = Annotated[int, typer.Option(min=1, max=20, help="For each load and system.")]
Connections = Annotated[str, typer.Option(help="Numbers, separated by commas.")]
Scenarios = Annotated[str, typer.Option("--scenario", help=f"Of {', '.join(SCENARIOS)}; or all.")]
Systems = Annotated[str, typer.Option(help="Of plain, gopherpay; separated by commas.")]
PlainWorkers = Annotated[int, typer.Option(min=0, max=8, help="0: the better of 1 and 2.")]
Variables = Annotated[
    list[str] | None, typer.Option("--set", help="A setting of the platform: NAME=VALUE.")
]
JsonFile = Annotated[Path | None, typer.Option("--json", help="Write every round there.")]


@dataclass(frozen=True, slots=True)
class Ground:
    """What all systems share: a folder that is removed at the end, and one Postgres."""

    folder: Path
    postgres: EmbeddedPostgres


@app.callback(invoke_without_command=True)
def compare(
    context: typer.Context,
    *,
    seconds: Seconds = 8,
    rounds: Rounds = 3,
    connections: Connections = "1,8,64",
    scenario: Scenarios = "all",
    systems: Systems = "plain,gopherpay",
    plain_workers: PlainWorkers = 0,
    variables: Variables = None,
    json_file: JsonFile = None,
) -> None:
    """Measure the systems side by side: interleaved rounds on one durable Postgres.

    With `memory`: what the idle platform takes, and what 100,000 touched accounts add.
    """
    if context.invoked_subcommand is not None:
        return
    cells = [Cell(name, count) for name in _scenarios(scenario) for count in _numbers(connections)]
    names, chosen = _names(systems), _variables(variables)
    _say(f"about {_minutes(len(cells) * rounds * len(names), seconds)} minutes in all")
    with _ground() as ground, ExitStack() as running:
        contestants = []
        for name in names:
            system = _system(name, ground, plain_workers, chosen)
            running.callback(system.stop)
            contestants.append(_ready(system))
        done = Course(ground.postgres, contestants, seconds, _say).run(cells, rounds)
        if json_file is not None:
            json_file.write_bytes(msgspec.json.encode(done))
        _print(done, [f"{each.system.name}: {each.system.setup}." for each in contestants])


@app.command()
def memory(*, variables: Variables = None) -> None:
    """Measure the idle platform, and again after 100,000 accounts were touched."""
    chosen = _variables(variables)
    with _ground() as ground, ExitStack() as running:
        system = _platform(ground, chosen)
        running.callback(system.stop)
        _say("starting gopherpay")
        system.start()
        footprint.measure(system, ground.postgres, _say)


def main() -> None:
    """Run the command line and end with its exit code; a failure is one sentence."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that everything is stopped
    try:
        app(prog_name="scripts/bench")
    except (BenchFailure, StartFailure, subprocess.SubprocessError) as failure:
        sys.exit(f"bench: {failure}")


@contextmanager
def _ground() -> Iterator[Ground]:
    """Yield a folder and a running Postgres; on a failure the folder is kept for its logs."""
    folder = Path(tempfile.mkdtemp(prefix="gopherpay-bench-"))
    folder.chmod(0o711)  # the account that Postgres runs as may pass
    postgres = EmbeddedPostgres(
        folder / "postgres", port=free_port(), log_file=folder / "postgres.log"
    )
    try:
        _say("starting Postgres with durable settings")
        postgres.start()
        yield Ground(folder, postgres)
    except BenchFailure:
        postgres.stop()
        _say(f"every log is kept in {folder}")
        raise
    except BaseException:
        postgres.stop()
        shutil.rmtree(folder)
        raise
    postgres.stop()
    shutil.rmtree(folder)


def _system(name: str, ground: Ground, workers: int, variables: list[str]) -> System:
    if name == tables.OURS:
        return _platform(ground, variables)
    return _plain(ground, name, workers or _better_workers(ground))


def _platform(ground: Ground, variables: list[str]) -> PlatformSystem:
    given = dict(each.split("=", 1) for each in variables)
    dsn = _database(ground, "bench")
    return PlatformSystem(dsn, ground.folder / "platform", ground.folder, variables=given)


def _variables(given: list[str] | None) -> list[str]:
    if not all("=" in each for each in given or ()):
        raise typer.BadParameter("a setting is NAME=VALUE")
    return given or []


def _plain(ground: Ground, name: str, workers: int) -> PlainSystem:
    system = PlainSystem(_database(ground, name), ground.folder, name=name, workers=workers)
    system.make_schema()
    return system


def _better_workers(ground: Ground) -> int:
    """Return the number of uvicorn workers with which the plain service is faster here.

    One process cannot use both cores; two take cores from Postgres and the load. Which is better
    depends on the machine, so it is tried.
    """
    with ExitStack() as running:
        systems = {f"plain{count}": count for count in WORKERS}
        contestants = []
        for name, count in systems.items():
            system = _plain(ground, name, count)
            running.callback(system.stop)
            contestants.append(_ready(system))
        course = Course(ground.postgres, contestants, CALIBRATION_SECONDS, _say)
        done = course.run([CALIBRATION], CALIBRATION_ROUNDS)
    return systems[max(done, key=lambda each: each.rate).system]


def _ready(system: System) -> Contestant:
    """Start and fill *system*."""
    _say(f"starting {system.name}")
    began = time.monotonic()
    system.start()
    _say(f"{system.name} was ready after {time.monotonic() - began:.1f} s; preparing it")
    return Contestant(system, system.prepare(ACCOUNTS))


def _database(ground: Ground, name: str) -> str:
    """Make a database and return its address."""
    with psycopg.connect(ground.postgres.superuser_dsn, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return ground.postgres.dsn(name)


def _print(done: list[Round], setups: list[str]) -> None:
    """Print the tables.

    Raises:
        BenchFailure: If they must not be believed.
    """
    parts = (tables.machine(), "\n".join(setups), tables.figures(done), tables.ratios(done))
    sys.stdout.write("\n\n".join(part for part in parts if part) + "\n\n")
    if wrong := [violation for each in done for violation in each.violations]:
        raise BenchFailure("\n".join(["the figures must not be believed:", *wrong]))
    sys.stdout.write("Each acknowledged transfer was committed once, and the books are right.\n")


def _scenarios(text: str) -> list[Scenario]:
    names = list(SCENARIOS) if text == "all" else text.split(",")
    if unknown := set(names) - set(SCENARIOS):
        raise typer.BadParameter(f"no such scenario: {', '.join(sorted(unknown))}")
    return cast("list[Scenario]", names)


def _numbers(text: str) -> list[int]:
    numbers = [int(each) for each in text.split(",") if each.isdecimal()]
    if not numbers or not all(1 <= number <= 512 for number in numbers):
        raise typer.BadParameter("connections are numbers from 1 to 512, separated by commas")
    return numbers


def _names(text: str) -> list[str]:
    names = text.split(",")
    if set(names) - {tables.PLAIN, tables.OURS}:
        raise typer.BadParameter("systems are plain and gopherpay, separated by a comma")
    return names


def _minutes(count: int, seconds: float) -> int:
    checking_seconds = 5
    return round(count * (seconds + checking_seconds) / 60) + 1


def _say(line: str) -> None:
    sys.stderr.write(f"bench: {line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
