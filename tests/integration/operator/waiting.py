"""How a test waits: for a condition, with a bound, and never for a time."""

from __future__ import annotations

import time

WAIT_SECONDS_MAX = 60
POLL_SECONDS = 0.05


class TimedOut(AssertionError):
    """Something did not come true in time."""


def until(look, *, seconds=None, told=lambda: ""):
    """Return the first true value of *look*, or fail with what *told* knows by then."""
    seconds = WAIT_SECONDS_MAX if seconds is None else seconds
    deadline = time.monotonic() + seconds
    while not (value := look()):
        if time.monotonic() > deadline:
            raise TimedOut(f"It did not come true within {seconds} s. {told()}")
        time.sleep(POLL_SECONDS)
    return value
