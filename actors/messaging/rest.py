"""Rest in proportion to work, so that a backlog never takes the machine from payments."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

REST_SECONDS_MAX: Final = 2.0
"""A single slow piece of work says little about the load; nobody rests longer for it."""


class Rest:
    """Keeps work to a share of the time.

    Args:
        share: Of the time that may be work, above 0 and up to 1, which means no rest at all.
        sleep: Waits so many seconds.
    """

    def __init__(
        self, share: float, *, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    ) -> None:
        if not 0 < share <= 1:
            raise ValueError("a share of the time lies above 0 and is at most 1")
        self._idle_per_work = (1 - share) / share
        self._sleep = sleep

    def owed(self, worked_seconds: float) -> float:
        """Return the seconds of rest that so much work asks for."""
        return min(worked_seconds * self._idle_per_work, REST_SECONDS_MAX)

    async def after(self, worked_seconds: float) -> None:
        """Rest in proportion to the work that was just done; others run even if nothing is owed."""
        await self._sleep(self.owed(worked_seconds))
