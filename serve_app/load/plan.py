"""What a load shall be: which payments, how many, for how long, over how many processes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from serve_app.embedded.failures import StartFailure

if TYPE_CHECKING:
    from collections.abc import Iterator

CURRENCY: Final = "USD"
AMOUNT: Final = "0.01"
ACCOUNTS_MIN: Final = 2
ACCOUNTS_MAX: Final = 999_999
"""A place in the list of accounts has six digits on its way to the engine."""
SHARDS_MAX: Final = 64
SECONDS_MAX: Final = 24 * 3600
UNITS: Final = {"": 1, "s": 1, "m": 60, "h": 3600}


class Scenario(StrEnum):
    """Who pays whom."""

    UNIFORM = "uniform"
    ZIPF = "zipf"
    HOT_CREDIT = "hot-credit"
    HOT_DEBIT = "hot-debit"
    PING_PONG = "ping-pong"
    MIXED = "mixed"

    @property
    def sentence(self) -> str:
        """Return what happens, for a reader."""
        return SENTENCES[self]


SENTENCES: Final = {
    Scenario.UNIFORM: "each payment joins two accounts drawn evenly",
    Scenario.ZIPF: "few accounts take part in most payments (Zipf, exponent 1)",
    Scenario.HOT_CREDIT: "everybody pays one account",
    Scenario.HOT_DEBIT: "one account pays everybody",
    Scenario.PING_PONG: "two accounts pay each other back and forth",
    Scenario.MIXED: "80 % reads (account, entries, transfer), 20 % payments drawn evenly",
}


class PlanRefused(StartFailure):
    """A wish that cannot be carried out."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One load; each entry of *shards* is a step, and without any there is one step.

    Attributes:
        rate_per_second: Requests offered whatever comes back (open loop); without it each
            connection sends when its last request was answered (closed loop).
        seconds: How long a step is measured, after its ramp.
        ramp_seconds: How long connections or rate grow before that.
    """

    scenario: Scenario
    connections: int
    rate_per_second: float | None
    seconds: int
    ramp_seconds: int
    accounts: int
    users: int
    shards: tuple[int, ...] = ()

    def lines(self) -> Iterator[str]:
        """Yield the plan as sentences."""
        yield f"Scenario    {self.scenario}: {self.scenario.sentence}"
        yield f"Load        {self.offer}"
        yield f"Time        {self.ramp_seconds} s of ramp, then {self.seconds} s measured, a step"
        yield f"Prepares    {self.users} users, {self.accounts:,} accounts with money"
        steps = ", ".join(str(count) for count in self.shards)
        yield f"Steps       {f'shard processes: {steps}' if steps else 'one, nothing is scaled'}"

    @property
    def offer(self) -> str:
        """Return how requests are offered, for a reader."""
        connections = "1 connection" if self.connections == 1 else f"{self.connections} connections"
        if self.rate_per_second is None:
            return f"{connections}, each sends when it was answered"
        return f"{self.rate_per_second:,g} requests/s whatever comes back, on {connections}"


def seconds_of(text: str, name: str, *, at_least: int = 0) -> int:
    """Return the seconds that ``90``, ``90s``, ``5m`` or ``1h`` says.

    Raises:
        PlanRefused: If it says nothing of the kind, too little, or more than a day.
    """
    found = re.fullmatch(r"(\d{1,5})([smh]?)", text.strip())
    seconds = int(found[1]) * UNITS[found[2]] if found else -1
    if not at_least <= seconds <= SECONDS_MAX:
        raise PlanRefused(f"--{name} takes seconds, or a time such as 90s, 5m or 1h; not {text!r}.")
    return seconds


def shards_of(text: str) -> tuple[int, ...]:
    """Return the steps that ``1,2,4`` names.

    Raises:
        PlanRefused: If a step is no number of processes.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not all(part.isdecimal() and 1 <= int(part) <= SHARDS_MAX for part in parts):
        raise PlanRefused(
            f"--shards takes numbers from 1 to {SHARDS_MAX}, such as 1,2,4; not {text!r}."
        )
    return tuple(int(part) for part in parts)
