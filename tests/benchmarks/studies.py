"""The commands beside the comparison: the limit, growth, and the model of the platform."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from tests.benchmarks import growth as growths
from tests.benchmarks import limit as limits
from tests.benchmarks import operator_figures, options, tables
from tests.benchmarks import relay as relays
from tests.benchmarks.ground import database, ground, say
from tests.benchmarks.lineup import platform
from tests.benchmarks.rounds import Cell
from tests.benchmarks.scaling import calibration, costs, fitting, predictions
from tests.benchmarks.systems import BenchFailure

COSTS = Path("tests/benchmarks/scaling/costs.json")

Seconds = Annotated[float, typer.Option(min=0.5, max=120, help="Of each round.")]
Rounds = Annotated[int, typer.Option(min=1, max=20, help="For each load and system.")]
Connections = Annotated[str, typer.Option(help="Numbers, separated by commas.")]
Variables = Annotated[
    list[str] | None, typer.Option("--set", help="A setting of the platform: NAME=VALUE.")
]
JsonFile = Annotated[Path | None, typer.Option("--json", help="Write everything there.")]
CostsFile = Annotated[Path, typer.Option("--costs", help="The file of measured costs.")]
Batches = Annotated[str, typer.Option(help="Sizes, separated by commas.")]
Events = Annotated[int, typer.Option(min=10_000, help="Of the backlog.")]
Rates = Annotated[str, typer.Option("--rate", help="Transfers a second; by commas.")]
Bulks = Annotated[str, typer.Option("--bulk", help="Sizes of bulks beside it; 0 for none.")]
Accounts = Annotated[int, typer.Option(min=1_000, max=10_000_000, help="To load.")]
Postings = Annotated[int, typer.Option(min=2_000, max=100_000_000, help="To load, at least.")]
Transfers = Annotated[int, typer.Option(min=2_000, help="To commit, to see what they add on disk.")]
PostgresCores = Annotated[int, typer.Option(min=1, help="Of one database's machine; assumed.")]
LogMegabytes = Annotated[float, typer.Option(min=1, help="Of WAL a second and disk; assumed.")]


def limit(
    *,
    seconds: Seconds = 3,
    batches: Batches = "1,10,50,200,1000",
    json_file: JsonFile = None,
) -> None:
    """Measure what one connection commits in process, without HTTP: the limit of a batch."""
    with ground() as here:
        trial = limits.Trial(here.postgres, database(here, "bench-limit"), seconds, say)
        done = trial.run(options.numbers(batches, most=limits.BATCH_MAX))
    _keep(done, json_file)
    _print(tables.machine(), limits.figures(done), "The books are right.")


def growth(
    *,
    accounts: Accounts = 1_000_000,
    postings: Postings = 10_000_000,
    transfers: Transfers = 1_000_000,
    seconds: Seconds = 6,
    rounds: Rounds = 3,
    connections: Connections = "64",
    variables: Variables = None,
    json_file: JsonFile = None,
) -> None:
    """Compare a database with much history to an empty one, and see what transfers add on disk."""
    chosen = options.settings(variables)
    cells = [Cell("uniform", count) for count in options.numbers(connections)]
    with ground() as here:
        loaded, empty = (platform(here, name, chosen) for name in (growths.LOADED, growths.EMPTY))
        grown = growths.Growth(
            here.postgres, loaded, empty, accounts, postings, transfers, report=say
        ).run(cells, rounds, seconds)
    _keep(grown, json_file)
    _print(tables.machine(), growths.figures(grown))


def relay(
    *,
    events: Events = 200_000,
    rate: Rates = "500",
    bulk: Bulks = "1000",
    seconds: Seconds = 10,
    variables: Variables = None,
    json_file: JsonFile = None,
) -> None:
    """Measure the way to Kafka: a backlog, the time from commit to Kafka, and beside bulks."""
    chosen = options.settings(variables)
    cells = [] if bulk == "0" else options.cells(options.bulks(bulk), [4])
    with ground() as here:
        bench = relays.Bench(here, seconds, say)
        system = platform(here, tables.OURS, chosen)
        done = bench.run(events, options.numbers(rate, most=10_000), system, cells)
    _keep(done, json_file)
    _print(tables.machine(), *relays.figures(done))


def calibrate(
    *,
    seconds: Seconds = 4,
    rounds: Rounds = 2,
    variables: Variables = None,
    costs_file: CostsFile = COSTS,
) -> None:
    """Measure what each station costs and write it to a file; then see whether the model holds."""
    chosen = options.settings(variables)
    with ground() as here:
        found = calibration.Calibration(
            here.postgres,
            platform(here, tables.OURS, chosen),
            database(here, "bench-limit"),
            here.folder,
            chosen,
            seconds=seconds,
            rounds=rounds,
            report=say,
        ).run()
    say("fitting the model to the rates that it may know")
    found = fitting.fitted(found)
    costs.save(found, costs_file)
    say(f"the costs are in {costs_file}")
    _check(found)


def simulate(
    *,
    postgres_cores: PostgresCores = 16,
    log_megabytes: LogMegabytes = 400,
    costs_file: CostsFile = COSTS,
) -> None:
    """Ask the model: is it right about today, and what do 10, 100 and 1,000 times need?"""
    found = costs.read(costs_file)
    hardware = predictions.Hardware(postgres_cores, log_megabytes * predictions.MB)
    _check(found)
    say("simulating larger loads")
    _print(
        f"Assumed of each database: {hardware.postgres_cores} cores and {log_megabytes:,.0f} MB of"
        f" WAL a second, used to {predictions.USABLE:.0%}; nothing else shares them.",
        predictions.needs(found, hardware),
    )


def operator() -> None:
    """Measure what the operator needs and how soon it reacts; needs KUBEBUILDER_ASSETS."""
    operator_figures.main([])


STUDIES = (limit, growth, relay, calibrate, simulate, operator)


def _check(found: costs.Costs) -> None:
    """Print the model beside the measurements.

    Raises:
        BenchFailure: If it is wrong where it was not calibrated.
    """
    say("simulating what was measured")
    table, wrong = predictions.checked(found)
    _print(found.machine, f"gopherpay: {found.settings}.", predictions.stations(found), table)
    if wrong:
        raise BenchFailure(f"the model is off by more than 20 %: {', '.join(wrong)}")
    _print("The model is within 20 % where it was not calibrated.")


def _keep(found: object, path: Path | None) -> None:
    if path is not None:
        path.write_bytes(msgspec.json.encode(found))


def _print(*parts: str) -> None:
    sys.stdout.write("".join(f"{part}\n\n" for part in parts))
    sys.stdout.flush()
