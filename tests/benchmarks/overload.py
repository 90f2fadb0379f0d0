"""What becomes of a system that is offered several times what it can do, and how soon it is over.

The load has three parts: half of the peak, the overload, half of the peak again.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import msgspec

from tests.benchmarks.plan import Phase

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.benchmarks.plan import Result

EASY: Final = 0.5  # of the peak, before and after
RECOVERY_SECONDS: Final = 12.0
WINDOW_SECONDS: Final = 0.5
NORMAL: Final = 2.0  # times the p99 of before; half a second has a rougher p99 than a whole phase
STARTING_SECONDS: Final = 1.0  # connections are opened: not part of "before"


class Overload(msgspec.Struct, frozen=True):
    """How one system stood an overload.

    Attributes:
        goodput_per_second: Transfers acknowledged while it lasted.
        load_cores: What the load itself took of the machine while it lasted.
        usual_p99_ms: Before it.
        seconds_to_normal: From its end; None if it did not come within `RECOVERY_SECONDS`.
    """

    peak_per_second: float
    offered_per_second: float
    goodput_per_second: float
    load_cores: float
    usual_p99_ms: float
    seconds_to_normal: float | None


def phases(peak_per_second: float, times: float, seconds: float) -> list[Phase]:
    """Return the three parts of the load."""
    easy = EASY * peak_per_second
    return [
        Phase(easy, seconds),
        Phase(times * peak_per_second, seconds),
        Phase(easy, RECOVERY_SECONDS),
    ]


def judge(result: Result, parts: Sequence[Phase], done: Sequence[int]) -> Overload:
    """Return how the load of *parts* was stood; *done* are the statuses of success."""
    before, over, after = parts
    begin, end = before.seconds, before.seconds + over.seconds
    answers = list(zip(result.starts_seconds, result.latencies_ms, result.statuses, strict=True))
    usual = percentile(
        [ms for start, ms, _ in answers if STARTING_SECONDS <= start < before.seconds], 99
    )
    good = sum(s in done and begin <= start + ms / 1000 < end for start, ms, s in answers)
    windows: list[list[tuple[float, bool]]] = [
        [] for _ in range(int(after.seconds / WINDOW_SECONDS))
    ]
    for start, ms, status in answers:
        place = math.floor((start - end) / WINDOW_SECONDS)
        if 0 <= place < len(windows):
            windows[place].append((ms, status in done))
    return Overload(
        peak_per_second=before.per_second / EASY,
        offered_per_second=over.per_second,
        goodput_per_second=good / over.seconds,
        load_cores=result.phase_cpu_seconds[1] / over.seconds,
        usual_p99_ms=usual,
        seconds_to_normal=_seconds_to_normal(windows, usual * NORMAL),
    )


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the nearest-rank percentile; of nothing, not a number."""
    if not values:
        return math.nan
    rank = math.ceil(len(values) * percent / 100)
    return sorted(values)[max(rank, 1) - 1]


def _seconds_to_normal(
    windows: Sequence[Sequence[tuple[float, bool]]], most_ms: float
) -> float | None:
    """Return when the first of two normal windows in a row begins."""
    normal = [
        all(good for _, good in window) and percentile([ms for ms, _ in window], 99) <= most_ms
        for window in windows
    ]
    for place in range(len(normal) - 1):
        if normal[place] and normal[place + 1]:
            return place * WINDOW_SECONDS
    return None
