"""Fit what cannot be measured from outside, to the points that may be used for it."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import msgspec

from tests.benchmarks.scaling.costs import Shares
from tests.benchmarks.scaling.model import Layout, simulate

if TYPE_CHECKING:
    from tests.benchmarks.scaling.costs import Costs

ANSWER = tuple(number / 10 for number in range(4, 11))
AFTER = tuple(number / 10 for number in range(6))
SIMULATED_MS = 600.0  # enough of the model's own time: it has no luck in it


def fitted(costs: Costs) -> Costs:
    """Return *costs* with the shares under which the model misses the known rates least."""
    tried = [
        msgspec.structs.replace(costs, shares=Shares(*each)) for each in product(ANSWER, AFTER)
    ]
    return min(tried, key=_missed)


def _missed(costs: Costs) -> float:
    """Return the sum of the squared relative errors."""
    found = (
        simulate(
            costs, Layout(point.connections, costs.commits_in_flight, costs.cores), SIMULATED_MS
        ).rate
        / point.rate
        - 1
        for point in costs.points
    )
    return sum(error * error for error in found)
