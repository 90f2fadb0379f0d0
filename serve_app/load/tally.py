"""The answers of one step, counted: by second, in all, and a sample of what was acknowledged."""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SAMPLED_MAX: Final = 200
"""Transfers of a step that are looked up afterwards."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: when it came, how long it took, and what it said.

    Attributes:
        text: The id of the transfer that was made, or the code of what was refused.
    """

    offset_ms: int
    move: str
    status: int
    latency_ms: float
    user: int
    text: str

    @property
    def is_good(self) -> bool:
        """Tell whether what was asked for was done."""
        return 200 <= self.status < 300  # noqa: PLR2004  the family of success

    @property
    def is_acknowledged(self) -> bool:
        """Tell whether it promises that money has moved."""
        return self.is_good and self.move == "T"


@dataclass(frozen=True, slots=True)
class Figures:
    """How many good answers came, and how long they took."""

    good: int
    transfers: int
    rate_per_second: float
    p50_ms: float
    p90_ms: float
    p95_ms: float
    p99_ms: float
    p999_ms: float
    max_ms: float


@dataclass(frozen=True, slots=True)
class Moment:
    """One second of a step; *second* counts from its beginning."""

    second: int
    rate_per_second: float
    p50_ms: float
    p99_ms: float
    errors: int


@dataclass(slots=True)
class _Second:
    latencies_ms: array[float] = field(default_factory=lambda: array("d"))
    transfers: int = 0
    errors: int = 0


class Tally:
    """Counts one step; what came during the ramp is shown by second, but is no part of figures."""

    def __init__(self, ramp_seconds: int, seconds: int) -> None:
        self.errors: Counter[str] = Counter()
        self.acknowledged = 0
        self.unsent = 0
        self.sample: list[Answer] = []
        self._begin, self._end = ramp_seconds, ramp_seconds + seconds
        self._seconds: dict[int, _Second] = {}
        self._pick = Random(1)  # noqa: S311  a sample, not a secret

    @property
    def length_seconds(self) -> int:
        """Return how long the step is, its ramp included."""
        return self._end

    def add(self, answer: Answer) -> None:
        """Count one answer."""
        second = self._seconds.setdefault(answer.offset_ms // 1000, _Second())
        if not answer.is_good:
            second.errors += 1
            self.errors[answer.text] += 1
            return
        second.latencies_ms.append(answer.latency_ms)
        if answer.is_acknowledged:
            second.transfers += 1
            self._keep(answer)

    def moment(self, number: int) -> Moment:
        """Return what one second was like."""
        second = self._seconds.get(number, _Second())
        ordered = sorted(second.latencies_ms)
        return Moment(
            second=number,
            rate_per_second=float(len(ordered)),
            p50_ms=percentile(ordered, 50),
            p99_ms=percentile(ordered, 99),
            errors=second.errors,
        )

    def moments(self) -> Iterator[Moment]:
        """Yield every second of the step, empty ones too."""
        return (self.moment(number) for number in range(self._end))

    def figures(self) -> Figures:
        """Return the figures of the step without its ramp.

        An answer that came after the end has a latency, but is no part of the rate.
        """
        late = [s for number, s in self._seconds.items() if number >= self._begin]
        timely = [self._seconds.get(n, _Second()) for n in range(self._begin, self._end)]
        ordered = sorted(each for second in late for each in second.latencies_ms)
        good = sum(len(second.latencies_ms) for second in timely)
        return Figures(
            good=len(ordered),
            transfers=sum(second.transfers for second in late),
            rate_per_second=round(good / (self._end - self._begin), 1),
            p50_ms=percentile(ordered, 50),
            p90_ms=percentile(ordered, 90),
            p95_ms=percentile(ordered, 95),
            p99_ms=percentile(ordered, 99),
            p999_ms=percentile(ordered, 99.9),
            max_ms=ordered[-1] if ordered else 0.0,
        )

    def _keep(self, answer: Answer) -> None:
        """Keep *answer* so that each acknowledged transfer is in the sample with equal chance."""
        self.acknowledged += 1
        if len(self.sample) < SAMPLED_MAX:
            self.sample.append(answer)
        elif (place := self._pick.randrange(self.acknowledged)) < SAMPLED_MAX:
            self.sample[place] = answer


def percentile(ordered: Sequence[float], percent: float) -> float:
    """Return the smallest value that *percent* of the values do not exceed; 0 of none."""
    if not ordered:
        return 0.0
    rank = -(-len(ordered) * percent // 100)
    return ordered[min(max(int(rank), 1), len(ordered)) - 1]
