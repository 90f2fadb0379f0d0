"""What the figures say of each other: ours against others, and against ourselves."""

from __future__ import annotations

from collections import Counter
from statistics import median
from typing import TYPE_CHECKING

from tests.benchmarks.rounds import Cell
from tests.benchmarks.tables import OURS, each_of, grouped, median_of, spread, table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.benchmarks.rounds import Round

HOT = ("hot-debit", "hot-credit", "ping-pong", "zipf")


def all_of(rounds: Sequence[Round]) -> list[str]:
    """Return every table that the rounds have something for."""
    others = [name for name in dict.fromkeys(each.system for each in rounds) if name != OURS]
    compared = [ratios(rounds, other) for other in others]
    tables = [*compared, hot_shares(rounds), beside_log_ins(rounds), overloads(rounds)]
    return [each for each in tables if each]


def ratios(rounds: Sequence[Round], other: str = "plain") -> str:
    """Return how many times another system's figures ours are; empty without both."""
    groups = grouped(_closed(rounds))
    rows = [
        (cell.name, *_ratios(groups[cell, OURS], groups[cell, other]))
        for cell in dict.fromkeys(cell for cell, _ in groups)
        if (cell, OURS) in groups and (cell, other) in groups
    ]
    heads = (f"{OURS} ÷ {other}", "per second", "p50", "p99", "server + Postgres CPU")
    return table(heads, rows) if rows else ""


def hot_shares(rounds: Sequence[Round]) -> str:
    """Return what share of its uniform rate each system keeps when accounts are hot."""
    groups = grouped(_closed(rounds))
    rows = []
    for (cell, system), group in groups.items():
        uniform = groups.get((Cell("uniform", cell.connections), system))
        if cell.scenario in HOT and uniform:
            share = median_of(group, _rate) / median_of(uniform, _rate)
            rows.append((cell.name, system, f"{share:.2f}x"))
    return table(("load ÷ uniform", "system", "per second"), rows) if rows else ""


def beside_log_ins(rounds: Sequence[Round]) -> str:
    """Return what log-ins offered beside transfers do to them."""
    groups = grouped(_closed(rounds))
    rows = []
    for (cell, system), group in groups.items():
        alone = groups.get((Cell("uniform", cell.connections), system))
        if cell.scenario == "log-ins" and alone:
            with_ms, without_ms = (median_of(each, lambda r: r.p99_ms) for each in (group, alone))
            codes = sum((Counter(each.log_in_codes) for each in group), Counter())
            rows.append(
                (
                    cell.name,
                    system,
                    f"{with_ms:.1f}",
                    f"{without_ms:.1f}",
                    _times(with_ms, without_ms),
                    f"{median_of(group, _rate) / median_of(alone, _rate):.2f}x",
                    ", ".join(f"{count} x {code}" for code, count in sorted(codes.items())),
                )
            )
    heads = ("load", "system", "p99 ms", "without", "p99", "per second", "log-in answers")
    return table(heads, rows) if rows else ""


def overloads(rounds: Sequence[Round]) -> str:
    """Return how each system stood being offered more than it can do."""
    groups = grouped([each for each in rounds if each.overload is not None])
    rows = [(cell.name, system, *_overload(group)) for (cell, system), group in groups.items()]
    heads = (
        "overload",
        "system",
        "peak/s",
        "offered/s",
        "goodput/s",
        "goodput ÷ peak (min-max)",
        "load's cores",
        "p99 ms before",
        "seconds to normal (most)",
        "refused",
        "unknown",
        "not sent",
    )
    return table(heads, rows) if rows else ""


def _overload(group: Sequence[Round]) -> Sequence[str]:
    stood = [each.overload for each in group if each.overload is not None]
    shares = [each.goodput_per_second / each.peak_per_second for each in stood]
    ends = [each.seconds_to_normal for each in stood]
    return (
        f"{median(each.peak_per_second for each in stood):.0f}",
        f"{median(each.offered_per_second for each in stood):.0f}",
        f"{median(each.goodput_per_second for each in stood):.0f}",
        spread(shares, ".0%"),
        f"{median(each.load_cores for each in stood):.2f}",
        f"{median(each.usual_p99_ms for each in stood):.1f}",
        "not in time" if None in ends else f"{max(each for each in ends if each is not None):.1f}",
        str(sum(sum(each.codes.values()) - each.created for each in group)),
        str(sum(each.unknown for each in group)),
        str(sum(each.not_sent for each in group)),
    )


def _closed(rounds: Sequence[Round]) -> list[Round]:
    return [each for each in rounds if not each.cell.offered]


def _ratios(ours: Sequence[Round], other: Sequence[Round]) -> list[str]:
    measures: tuple[Callable[[Sequence[Round]], float], ...] = (
        lambda group: median_of(group, _rate),
        lambda group: median_of(group, lambda each: each.p50_ms),
        lambda group: median_of(group, lambda each: each.p99_ms),
        lambda group: each_of(group, lambda e: e.server_cpu_seconds + e.postgres_cpu_seconds),
    )
    return [_times(measure(ours), measure(other)) for measure in measures]


def _rate(each: Round) -> float:
    return each.rate


def _times(one: float, other: float) -> str:
    return f"{one / other:.2f}x" if other else "-"
