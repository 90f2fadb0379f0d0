"""How much of its time a thread waits for a CPU: the plainest sign that there are too few."""

from __future__ import annotations

from pathlib import Path
from typing import Final

SCHEDSTAT: Final = Path("/proc/thread-self/schedstat")
"""Nanoseconds on a CPU, nanoseconds of waiting for one, turns (Linux, sched-stats.rst)."""


class RunQueue:
    """Looks at the thread that asks.

    Args:
        statistics: The kernel's file; where it cannot be read nobody ever waits.
    """

    def __init__(self, statistics: Path = SCHEDSTAT) -> None:
        self._statistics = statistics
        self._ran_ns, self._waited_ns = self._read()

    def waiting(self) -> float:
        """Return which part of the time that it could have run it waited, since last asked."""
        ran_ns, waited_ns = self._read()
        ran, waited = ran_ns - self._ran_ns, waited_ns - self._waited_ns
        self._ran_ns, self._waited_ns = ran_ns, waited_ns
        if ran < 0 or waited < 0 or ran + waited == 0:  # another thread asked before
            return 0.0
        return waited / (ran + waited)

    def _read(self) -> tuple[int, int]:
        try:
            ran, waited, *_ = map(int, self._statistics.read_text().split())
        except (OSError, ValueError):
            return 0, 0
        return ran, waited
