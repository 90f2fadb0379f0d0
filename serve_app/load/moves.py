"""Who pays whom, drawn before the load begins, so that the engine spends nothing on it.

A move is 13 characters: what is done (``T`` transfer, ``A`` show the account, ``E`` list its
entries, ``G`` show the last transfer), and the places of source and destination, six digits each.
The connections walk through the moves from different places, again and again.
"""

from __future__ import annotations

from itertools import accumulate
from random import Random
from typing import TYPE_CHECKING, Final

from serve_app.load.plan import Scenario

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Pair = tuple[int, int]

MOVE_LENGTH: Final = 13
MOVES_MIN: Final = 16_384
MOVES_MAX: Final = 200_000
READS: Final = "TAAEG"
"""One transfer to four reads."""


def moves(scenario: Scenario, accounts: int, seed: int = 1) -> str:
    """Return the moves of *scenario*, one after the other; source and destination differ."""
    count = min(max(MOVES_MIN, 2 * accounts), MOVES_MAX)
    pick = Random(seed)  # noqa: S311  a load, not a secret
    pairs = PAIRS[scenario](accounts, pick)
    does = READS if scenario is Scenario.MIXED else "T"
    return "".join(
        f"{does[number % len(does)]}{source:06d}{destination:06d}"
        for number, (source, destination) in zip(range(count), pairs, strict=False)
    )


def _uniform(accounts: int, pick: Random) -> Iterator[Pair]:
    while True:
        source = pick.randrange(accounts)
        yield source, (source + pick.randrange(1, accounts)) % accounts


def _zipf(accounts: int, pick: Random) -> Iterator[Pair]:
    """Draw both sides so that the place n comes up in proportion to 1/n."""
    weights = list(accumulate(1 / rank for rank in range(1, accounts + 1)))
    places = range(accounts)
    while True:
        source, destination = pick.choices(places, cum_weights=weights, k=2)
        if source != destination:
            yield source, destination


def _hot_debit(accounts: int, pick: Random) -> Iterator[Pair]:
    while True:
        yield 0, pick.randrange(1, accounts)


def _hot_credit(accounts: int, pick: Random) -> Iterator[Pair]:
    while True:
        yield pick.randrange(1, accounts), 0


def _ping_pong(_accounts: int, _pick: Random) -> Iterator[Pair]:
    while True:
        yield 0, 1
        yield 1, 0


PAIRS: Final[dict[Scenario, Callable[[int, Random], Iterator[Pair]]]] = {
    Scenario.UNIFORM: _uniform,
    Scenario.MIXED: _uniform,
    Scenario.ZIPF: _zipf,
    Scenario.HOT_DEBIT: _hot_debit,
    Scenario.HOT_CREDIT: _hot_credit,
    Scenario.PING_PONG: _ping_pong,
}
