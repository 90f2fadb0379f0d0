"""Rest in proportion to work, so that a backlog never takes the machine from payments."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

REST_SECONDS_MAX: Final = 2.0
"""A single slow piece of work says little about the load; nobody rests longer for it."""

CROWDED_FROM: Final = 0.2
"""From this part of its time in which a thread waits for a CPU, others need them more."""


class Rest:
    """Keeps work to a share of the time.

    Args:
        share: Of the time that may be work, above 0 and up to 1, which means no rest at all.
        crowded_share: The same while CPUs are short; *share* when not given.
        waiting: Returns which part of its time the work waited for a CPU since last asked.
        sleep: Waits so many seconds.
    """

    def __init__(
        self,
        share: float,
        *,
        crowded_share: float | None = None,
        waiting: Callable[[], float] = lambda: 0.0,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._idle_per_work = _idle_per_work(share)
        self._crowded_idle_per_work = _idle_per_work(crowded_share or share)
        self._waiting = waiting
        self._sleep = sleep

    def owed(self, worked_seconds: float) -> float:
        """Return the seconds of rest that so much work asks for now."""
        is_crowded = self._waiting() >= CROWDED_FROM
        idle_per_work = self._crowded_idle_per_work if is_crowded else self._idle_per_work
        return min(worked_seconds * idle_per_work, REST_SECONDS_MAX)

    async def after(self, worked_seconds: float) -> None:
        """Rest in proportion to the work that was just done; others run even if nothing is owed."""
        await self._sleep(self.owed(worked_seconds))


def _idle_per_work(share: float) -> float:
    """Return how many seconds of rest go with one of work.

    Raises:
        ValueError: If *share* is no share of the time.
    """
    if not 0 < share <= 1:
        raise ValueError("a share of the time lies above 0 and is at most 1")
    return (1 - share) / share
