"""Durations as resources have them."""

from __future__ import annotations

import re
from typing import Final

_DURATION: Final = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")


def seconds_of(text: str) -> float:
    """Return how many seconds *text* is, such as ``90s``, ``10m`` or ``1h30m``.

    Raises:
        ValueError: If it is none.
    """
    found = _DURATION.fullmatch(text)
    if not text or found is None:
        raise ValueError(f"A duration is such as 90s, 10m or 1h30m, not {text!r}.")
    hours, minutes, seconds = (int(each or 0) for each in found.groups())
    return float(hours * 3600 + minutes * 60 + seconds)
