"""``scripts/bench``: the plain service beside ours on one durable Postgres, in one command."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from serve_app.embedded.failures import StartFailure
from tests.benchmarks import comparisons, footprint, options, studies, tables
from tests.benchmarks.ground import ground, say
from tests.benchmarks.lineup import platform
from tests.benchmarks.plan import SCENARIOS
from tests.benchmarks.rounds import Contestant, Course
from tests.benchmarks.systems import ACCOUNTS, BenchFailure

if TYPE_CHECKING:
    from tests.benchmarks.rounds import Round
    from tests.benchmarks.systems import System

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)

Seconds = Annotated[float, typer.Option(min=0.5, max=120, help="Of each round.")]
Rounds = Annotated[int, typer.Option(min=1, max=20, help="For each load and system.")]
Connections = Annotated[str, typer.Option(help="Numbers, separated by commas.")]
Scenarios = Annotated[str, typer.Option("--scenario", help=f"Of {', '.join(SCENARIOS)}; or all.")]
Rates = Annotated[str, typer.Option("--rate", help="Open loop: 500, or 2x the peak; by commas.")]
OpenConnections = Annotated[int, typer.Option(min=1, max=8192, help="Most of an open loop.")]
Systems = Annotated[str, typer.Option(help="Of plain, gopherpay; separated by commas.")]
PlainWorkers = Annotated[int, typer.Option(min=0, max=8, help="0: the better of 1 and 2.")]
Quick = Annotated[bool, typer.Option("--quick", help="One round of 2 seconds.")]
Variables = Annotated[
    list[str] | None, typer.Option("--set", help="A setting of the platform: NAME=VALUE.")
]
Variants = Annotated[
    list[str] | None, typer.Option("--variant", help="One more platform: NAME:SETTING=VALUE,…")
]
Drivers = Annotated[
    list[Path] | None, typer.Option("--driver", help="A file that describes another system.")
]
JsonFile = Annotated[Path | None, typer.Option("--json", help="Write every round there.")]


@app.callback(invoke_without_command=True)
def compare(
    context: typer.Context,
    *,
    seconds: Seconds = 5,
    rounds: Rounds = 3,
    connections: Connections = "1,8,64",
    scenario: Scenarios = options.USUAL,
    rate: Rates = "",
    open_connections: OpenConnections = 1024,
    systems: Systems = "plain,gopherpay",
    plain_workers: PlainWorkers = 0,
    quick: Quick = False,
    variables: Variables = None,
    variants: Variants = None,
    drivers: Drivers = None,
    json_file: JsonFile = None,
) -> None:
    """Measure the systems side by side: interleaved rounds on one durable Postgres.

    With `memory`: what the idle platform takes, and what 100,000 touched accounts add.
    """
    if context.invoked_subcommand is not None:
        return
    if quick:
        seconds, rounds = options.QUICK
    scenarios = options.scenarios(scenario)
    cells = options.cells(scenarios, options.numbers(connections))
    cells += options.open_cells(scenarios, rate, open_connections)
    lineup = options.lineup(
        systems,
        scenarios,
        plain_workers=plain_workers,
        given=variables,
        variants=variants,
        drivers=drivers,
    )
    say(f"about {options.minutes(cells, rounds * lineup.size, seconds)} minutes in all")
    with ground() as here, ExitStack() as running:
        contestants = []
        for system in lineup.systems(here, _ready):
            running.callback(system.stop)
            contestants.append(_ready(system))
        done = Course(here.postgres, contestants, seconds, say).run(cells, rounds)
        if json_file is not None:
            json_file.write_bytes(msgspec.json.encode(done))
        _print(done, [f"{each.system.name}: {each.system.setup}." for each in contestants])


@app.command()
def memory(*, variables: Variables = None) -> None:
    """Measure the idle platform, and again after 100,000 accounts were touched."""
    chosen = options.settings(variables)
    with ground() as here, ExitStack() as running:
        system = platform(here, tables.OURS, chosen)
        running.callback(system.stop)
        say("starting gopherpay")
        system.start()
        footprint.measure(system, here.postgres, say)


for study in studies.STUDIES:
    app.command()(study)


def main() -> None:
    """Run the command line and end with its exit code; a failure is one sentence."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that everything is stopped
    try:
        app(prog_name="scripts/bench")
    except (BenchFailure, StartFailure, subprocess.SubprocessError) as failure:
        sys.exit(f"bench: {failure}")


def _ready(system: System) -> Contestant:
    """Start and fill *system*."""
    say(f"starting {system.name}")
    began = time.monotonic()
    system.start()
    say(f"{system.name} was ready after {time.monotonic() - began:.1f} s; preparing it")
    target = system.prepare(ACCOUNTS)
    if len(target.accounts) < 2:
        raise BenchFailure(f"{system.name} has {len(target.accounts)} accounts; two are needed")
    return Contestant(system, target)


def _print(done: list[Round], setups: list[str]) -> None:
    """Print the tables.

    Raises:
        BenchFailure: If they must not be believed.
    """
    parts = (tables.machine(), "\n".join(setups), tables.figures(done), *comparisons.all_of(done))
    sys.stdout.write("\n\n".join(part for part in parts if part) + "\n\n")
    if wrong := [violation for each in done for violation in each.violations]:
        raise BenchFailure("\n".join(["the figures must not be believed:", *wrong]))
    unchecked = sorted({each.system for each in done if not each.checked})
    if len(unchecked) < len({each.system for each in done}):
        sys.stdout.write("Each acknowledged transfer was committed once; the books are right.\n")
    if unchecked:
        sys.stdout.write(f"Not checked, having no database to ask: {', '.join(unchecked)}.\n")


if __name__ == "__main__":
    main()
