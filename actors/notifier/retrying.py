"""How long to wait before trying again."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Final

_JITTER_STEPS: Final = 1_000
_DOUBLINGS_MAX: Final = 32


@dataclass(frozen=True, slots=True)
class BackOff:
    """Waits that double from *first_seconds* to *longest_seconds*, each shortened at random.

    Whoever failed together does not come back together.
    """

    first_seconds: float
    longest_seconds: float

    def seconds(self, failures: int) -> float:
        """Return the wait after the so-manieth failure in a row: half of it at least."""
        doublings = min(max(failures - 1, 0), _DOUBLINGS_MAX)
        full = min(self.longest_seconds, self.first_seconds * 2.0**doublings)
        return full * (0.5 + secrets.randbelow(_JITTER_STEPS) / (2 * _JITTER_STEPS))
