"""One step after the other: scale, send, look up what was acknowledged."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from serve_app.load.api import Api
from serve_app.load.checks import missing
from serve_app.load.engine import Job, send
from serve_app.load.plan import Plan
from serve_app.load.tally import Figures, Moment, Tally
from serve_app.load.town import Town


class Shards(Protocol):
    """The processes that hold account actors."""

    async def wanted(self) -> int:
        """Return how many there shall be now."""
        ...

    async def scale(self, count: int, say: Callable[[str], None]) -> None:
        """Make it *count* and return once they have shared the work.

        Raises:
            StartFailure: If that cannot be done, or takes too long.
        """
        ...


@dataclass(frozen=True, slots=True)
class Step:
    """What came of one step.

    Attributes:
        shards: How many processes there were, None where nothing was scaled.
        errors: How often each problem code came, the ramp included.
        unsent: Requests of an open loop that their connections came too late for.
        acknowledged: Transfers that a client was told of, the ramp included.
        checked: How many of those were looked up.
        missing: The ids of those that were not found.
    """

    shards: int | None
    figures: Figures
    errors: dict[str, int]
    unsent: int
    acknowledged: int
    checked: int
    missing: list[str]
    moments: list[Moment]

    @property
    def name(self) -> str:
        """Return what this step is called in tables."""
        if self.shards is None:
            return "as it is"
        return "1 process" if self.shards == 1 else f"{self.shards} processes"


@dataclass(frozen=True, slots=True)
class Course:
    """Everything that the steps of one load share; *engine* is the program that sends."""

    engine: str
    api: Api
    url: str
    plan: Plan
    town: Town
    shards: Shards | None
    say: Callable[[str], None]

    async def run(self) -> list[Step]:
        """Run every step, and leave as many processes as there were before."""
        if self.shards is None or not self.plan.shards:
            return [await self._step(None)]
        before = await self.shards.wanted()
        steps = []
        try:
            for count in self.plan.shards:
                self.say(f"scaling to {count}")
                await self.shards.scale(count, self.say)
                steps.append(await self._step(count))
        finally:
            await self.shards.scale(before, self.say)
        return steps

    async def _step(self, count: int | None) -> Step:
        tally = Tally(self.plan.ramp_seconds, self.plan.seconds)
        job = Job(self.url, self.town, self.plan, f"load-{secrets.token_hex(6)}")
        await send(self.engine, job, tally, _Progress(self.say, tally, count))
        self.say(f"looking up {len(tally.sample)} of {tally.acknowledged:,} acknowledged transfers")
        lost = await missing(self.api, self.town, tally.sample)
        return Step(
            shards=count,
            figures=tally.figures(),
            errors=dict(tally.errors.most_common()),
            unsent=tally.unsent,
            acknowledged=tally.acknowledged,
            checked=len(tally.sample),
            missing=lost,
            moments=list(tally.moments()),
        )


@dataclass(slots=True)
class _Progress:
    """Says once a second how it goes."""

    say: Callable[[str], None]
    tally: Tally
    shards: int | None
    silent_seconds: int = 0

    def __call__(self, second: int | None) -> None:
        where = "" if self.shards is None else f"shards {self.shards} · "
        if second is None:
            self.silent_seconds += 1
            self.say(f"{where}no answer for {self.silent_seconds} s")
            return
        self.silent_seconds = 0
        moment = self.tally.moment(second)
        errors = self.tally.errors.total()
        self.say(
            f"{where}second {second + 1} of {self.tally.length_seconds} · "
            f"{moment.rate_per_second:,.0f}/s · p50 {moment.p50_ms:.1f} ms · "
            f"p99 {moment.p99_ms:.1f} ms · errors {errors:,}"
        )
