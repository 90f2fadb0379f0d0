"""Whether the event loop still turns, and how late it is."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

BEAT_SECONDS: Final = 1.0
SILENT_SECONDS_MAX: Final = 30.0


class Heartbeat:
    """Beats once a second in the loop; is listened to from another thread.

    Args:
        on_beat: Called in the loop at every beat.
        clock: Of seconds.
    """

    def __init__(
        self,
        on_beat: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._on_beat = on_beat
        self._clock = clock
        self._beat_at = clock()
        self._lag_seconds = 0.0

    @property
    def lag_seconds(self) -> float:
        """Return how late the loop is, or was at the last beat."""
        return max(self._lag_seconds, self._clock() - self._beat_at - BEAT_SECONDS, 0.0)

    def silent(self) -> str | None:
        """Return what is wrong with the loop; ``None`` when nothing is."""
        seconds = self._clock() - self._beat_at
        is_silent = seconds > SILENT_SECONDS_MAX
        return f"the event loop has hung for {seconds:.0f} s" if is_silent else None

    async def run(self) -> None:
        """Beat for ever."""
        while True:
            began_at = self._beat_at = self._clock()
            self._on_beat()
            await asyncio.sleep(BEAT_SECONDS)
            self._lag_seconds = max(0.0, self._clock() - began_at - BEAT_SECONDS)
