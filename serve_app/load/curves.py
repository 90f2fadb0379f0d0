"""Curves for the report, as plain numbers that a template draws; no script, no library."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from serve_app.load.plan import Plan
    from serve_app.load.steps import Step
    from serve_app.load.tally import Moment

WIDTH: Final = 480
HEIGHT: Final = 250
LEFT: Final = 50
RIGHT: Final = 470
TOP: Final = 26
BOTTOM: Final = 222
TICKS_MAX: Final = 5
BAR_WIDTH_MAX: Final = 90


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on an axis, and what stands there."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """One curve: its name, and its points as SVG reads them."""

    name: str
    points: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: where it stands, how high it is, and what is written on and under it."""

    left: float
    top: float
    width: float
    height: float
    value: str
    name: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart without its colours."""

    title: str
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    lines: list[Line]
    bars: list[Bar]
    starts: list[Tick]
    ramps: list[tuple[float, float]]


def over_time(
    title: str, steps: Sequence[Step], plan: Plan, curves: dict[str, Callable[[Moment], float]]
) -> Chart:
    """Return *curves* of every second of all steps, one step after the other."""
    moments = [moment for step in steps for moment in step.moments]
    lengths = [len(step.moments) for step in steps]
    begins = [0, *accumulate(lengths)][:-1]
    across = _scale(max(len(moments) - 1, 1), LEFT, RIGHT)
    levels = ticks(max((pick(m) for pick in curves.values() for m in moments), default=0.0))
    up = _scale(levels[-1], BOTTOM, TOP)
    named = len(steps) > 1
    return Chart(
        title=title,
        x_ticks=[
            Tick(across(at), f"{at:g} s")
            for at in ticks(max(len(moments), TICKS_MAX))
            if at < max(len(moments), 1)
        ],
        y_ticks=[Tick(up(value), f"{value:,g}") for value in levels],
        lines=[
            Line(
                name, " ".join(f"{across(n):.1f},{up(pick(m)):.1f}" for n, m in enumerate(moments))
            )
            for name, pick in curves.items()
        ],
        bars=[],
        starts=[Tick(across(b), s.name) for b, s in zip(begins, steps, strict=True) if named],
        ramps=[
            (across(begin), across(begin + plan.ramp_seconds) - across(begin))
            for begin in begins
            if plan.ramp_seconds
        ],
    )


def by_step(title: str, steps: Sequence[Step], pick: Callable[[Step], float]) -> Chart:
    """Return a bar of *pick* for each step."""
    levels = ticks(max((pick(step) for step in steps), default=0.0))
    up = _scale(levels[-1], BOTTOM, TOP)
    room = (RIGHT - LEFT) / max(len(steps), 1)
    width = min(room * 0.7, BAR_WIDTH_MAX)
    return Chart(
        title=title,
        x_ticks=[],
        y_ticks=[Tick(up(value), f"{value:,g}") for value in levels],
        lines=[],
        bars=[
            Bar(
                left=LEFT + room * (place + 0.5) - width / 2,
                top=up(pick(step)),
                width=width,
                height=BOTTOM - up(pick(step)),
                value=f"{pick(step):,.0f}",
                name=step.name,
            )
            for place, step in enumerate(steps)
        ],
        starts=[],
        ramps=[],
    )


def ticks(highest: float) -> list[float]:
    """Return round values from 0 to at least *highest*, a 1, 2 or 5 times ten^n apart."""
    if highest <= 0:
        return [0.0, 1.0]
    power = 10.0 ** math.floor(math.log10(highest / TICKS_MAX))
    step = next(n * power for n in (1, 2, 5, 10) if n * power * TICKS_MAX >= highest)
    return [round(step * n, 6) for n in range(math.ceil(highest / step) + 1)]


def _scale(top: float, begin: float, end: float) -> Callable[[float], float]:
    """Return what turns 0 to *top* into a place from *begin* to *end*."""
    return lambda value: begin + (end - begin) * value / top
