"""How fast one environment of Novu is called, by all that call it together."""

from __future__ import annotations

import hashlib
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gopherpay_operator.backends.ports import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

WAIT_SECONDS_MAX: Final = 15.0
"""For how long a call waits for its turn; later ones are asked for again by their resources."""

REST_SECONDS_MAX: Final = 600.0
"""Nobody outside stops the operator for longer by a header."""


@dataclass(frozen=True, slots=True)
class Rate:
    """What the connection allows.

    Attributes:
        per_second: Calls in the long run.
        burst: Calls at once.
    """

    per_second: float = 20
    burst: int = 20


class Pace:
    """A bucket of turns that fills with time, and the rest that Novu has asked for."""

    def __init__(self, rate: Rate, clock: Callable[[], float] = time.monotonic) -> None:
        """Make a full bucket; *clock* never goes back, in seconds."""
        self.rate = rate
        self._clock = clock
        self._lock = threading.Lock()
        self._turns = float(rate.burst)
        self._filled_at = clock()
        self._rests_until = clock()

    def take(self) -> float:
        """Take a turn, and return in how many seconds it is.

        Raises:
            Unavailable: If Novu has asked for rest, or the turn would come too late.
        """
        with self._lock:
            now = self._clock()
            rest_seconds = self._rests_until - now
            if rest_seconds > 0:
                raise Unavailable(f"Novu asks for {rest_seconds:.0f} seconds of rest.")
            filled = self._turns + (now - self._filled_at) * self.rate.per_second
            turns, self._filled_at = min(filled, float(self.rate.burst)), now
            wait_seconds = max(0.0, (1 - turns) / self.rate.per_second)
            is_late = wait_seconds > WAIT_SECONDS_MAX
            self._turns = turns if is_late else turns - 1
        if is_late:
            raise Unavailable("More calls wait for Novu than its rateLimit lets through.")
        return wait_seconds

    def rest(self, seconds: float) -> None:
        """Let no call through for so long."""
        with self._lock:
            until = self._clock() + min(seconds, REST_SECONDS_MAX)
            self._rests_until = max(self._rests_until, until)


class Paces:
    """The paces of all environments, so that clients of the same one share theirs."""

    def __init__(self) -> None:
        """Know none yet."""
        self._lock = threading.Lock()
        self._paces: dict[str, Pace] = {}

    def of(self, url: str, key: str, rate: Rate) -> Pace:
        """Return the pace of the environment of *key*; another rate makes it a new one."""
        mark = hashlib.sha256(f"{url}\0{key}".encode()).hexdigest()
        with self._lock:
            known = self._paces.get(mark)
            if known is None or known.rate != rate:
                known = self._paces[mark] = Pace(rate)
            return known
