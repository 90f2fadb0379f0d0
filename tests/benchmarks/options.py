"""What the options of the command mean."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, cast

import typer

from tests.benchmarks import driver, overload, tables
from tests.benchmarks.lineup import Lineup
from tests.benchmarks.plan import SCENARIOS, bulk_size
from tests.benchmarks.rounds import WARM_UP_SECONDS, Cell

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.benchmarks.plan import Scenario

USUAL: Final = "uniform,zipf,hot-debit,hot-credit"
QUICK: Final = (2.0, 1)
CHECKING_SECONDS: Final = 3  # of the books, after each round
BULK_CONNECTIONS_MAX: Final = 8
BULK_TRANSFERS_MAX: Final = 4_000  # under way at once; the platform's queue takes 4,096
RATE = re.compile(r"[0-9]{1,6}(\.[0-9]{1,2})?x?")
VARIANT = re.compile(r"([a-z][a-z0-9]{0,20}):(.+)")
THROTTLES: Final = {"GOPHERPAY_THROTTLE_MULTIPLIER": "1000"}
"""All log-ins come from one address here, which the throttles of a real one would stop at once."""


def scenarios(text: str) -> list[Scenario]:
    """Return the scenarios that *text* names.

    Raises:
        typer.BadParameter: If there is no such scenario.
    """
    names = list(SCENARIOS) if text == "all" else text.split(",")
    if unknown := set(names) - set(SCENARIOS):
        raise typer.BadParameter(f"no such scenario: {', '.join(sorted(unknown))}")
    return cast("list[Scenario]", names)


def bulks(text: str) -> list[Scenario]:
    """Return the loads of bulks of the sizes that *text* names.

    Raises:
        typer.BadParameter: If there is no load of such bulks.
    """
    return scenarios(",".join(f"bulk-{size}" for size in text.split(",")))


def numbers(text: str, *, most: int = 512) -> list[int]:
    """Return the numbers that *text* names.

    Raises:
        typer.BadParameter: If one is none, or too large.
    """
    found = [int(each) for each in text.split(",") if each.isdecimal()]
    if len(found) != text.count(",") + 1 or not all(1 <= number <= most for number in found):
        raise typer.BadParameter(f"numbers from 1 to {most}, separated by commas")
    return found


def cells(chosen: Sequence[Scenario], connections: Sequence[int]) -> list[Cell]:
    """Return the closed loops: each load at each number of connections.

    Bulks stop at eight, those of 1,000 at four; log-ins run beside the most, which is measured
    without them too.
    """
    found: list[Cell] = []
    for name in chosen:
        if name == "log-ins":
            found += [Cell("uniform", max(connections)), Cell(name, max(connections))]
        elif bulk_size(name):
            most = min(BULK_CONNECTIONS_MAX, BULK_TRANSFERS_MAX // bulk_size(name))
            found += [Cell(name, min(count, most)) for count in connections]
        else:
            found += [Cell(name, count) for count in connections]
    return list(dict.fromkeys(found))


def open_cells(chosen: Sequence[Scenario], rates: str, connections_max: int) -> list[Cell]:
    """Return the open loops at each rate: of the uniform load, or else of the first that fits.

    Raises:
        typer.BadParameter: If a rate is neither a number nor a multiple, or no load fits.
    """
    offered = rates.split(",") if rates else []
    for each in offered:
        if not RATE.fullmatch(each) or not float(each.removesuffix("x")):
            raise typer.BadParameter(f"{each}: a rate is 500 (per second) or 2x (the peak)")
    single = [name for name in chosen if name not in {"mixed", "log-ins"} and not bulk_size(name)]
    if offered and not single:
        raise typer.BadParameter("a rate needs a load of single transfers, such as uniform")
    name = "uniform" if "uniform" in single else next(iter(single), "uniform")
    return [Cell(name, connections_max, each) for each in offered]


def lineup(
    systems: str,
    chosen: Sequence[Scenario],
    *,
    plain_workers: int,
    given: Sequence[str] | None,
    variants: Sequence[str] | None,
    drivers: Sequence[Path] | None,
) -> Lineup:
    """Return what shall be compared; the plain service first, since its trial needs the machine.

    Raises:
        typer.BadParameter: If there is no such system, or a setting or variant is none.
        BenchFailure: If a driver file cannot be used.
    """
    names = [name for name in systems.split(",") if name]
    if set(names) - {tables.PLAIN, tables.OURS}:
        raise typer.BadParameter("systems are plain and gopherpay, separated by a comma")
    told = [driver.read(file) for file in drivers or ()]
    taken = [*names, *(each.name for each in told)]
    if not taken or len(set(taken)) < len(taken):
        raise typer.BadParameter("at least one system, and each with a name of its own")
    return Lineup(
        names=sorted(names, key=lambda name: name == tables.OURS),
        plain_workers=plain_workers,
        variables={**(THROTTLES if "log-ins" in chosen else {}), **settings(given)},
        variants=dict(_variant(each) for each in variants or ()),
        drivers=told,
    )


def settings(given: Sequence[str] | None) -> dict[str, str]:
    """Return settings by name.

    Raises:
        typer.BadParameter: If one has no value.
    """
    if not all("=" in each for each in given or ()):
        raise typer.BadParameter("a setting is NAME=VALUE")
    return dict(each.split("=", 1) for each in given or ())  # type: ignore[misc]


def minutes(chosen: Sequence[Cell], times: int, seconds: float) -> int:
    """Return about how long it takes to run *chosen* so many times."""
    lasts = sum(
        2 * seconds + overload.RECOVERY_SECONDS if cell.is_overload else seconds for cell in chosen
    )
    return round((lasts + len(chosen) * (WARM_UP_SECONDS + CHECKING_SECONDS)) * times / 60) + 1


def _variant(text: str) -> tuple[str, dict[str, str]]:
    found = VARIANT.fullmatch(text)
    if found is None:
        raise typer.BadParameter(f"{text}: a variant is NAME:SETTING=VALUE,SETTING=VALUE")
    return found[1], settings(found[2].split(","))
