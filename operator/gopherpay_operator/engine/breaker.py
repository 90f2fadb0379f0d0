"""A circuit breaker: what does not answer is left alone for a while, then asked by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gopherpay_operator.backends.ports import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

PAUSE_SECONDS: Final = 1.0
PAUSE_MAX_SECONDS: Final = 15.0
"""With the back-off of the queue after it, still within a minute."""


class Breaker:
    """Tells whether a server may be called."""

    def __init__(self, clock: Callable[[], float], random: Random) -> None:
        """Start closed: calls go through."""
        self._clock = clock
        self._random = random
        self._failures = 0
        self._open_until = 0.0
        self._is_probed = False
        self._sentence = ""

    def enter(self) -> None:
        """Let a call through; it ends with `answered`, `unanswered` or `left`.

        Raises:
            Unavailable: If the server did not answer a moment ago, with the words of then.
        """
        if not self._failures:
            return
        if self._is_probed or self._clock() < self._open_until:
            raise Unavailable(self._sentence)
        self._is_probed = True

    def answered(self) -> bool:
        """Record that the server answered, and tell whether it had not before."""
        was_away, self._failures, self._is_probed = bool(self._failures), 0, False
        return was_away

    def unanswered(self, sentence: str) -> None:
        """Record that it did not; calls that were under way together count once."""
        if self._is_probed or not self._failures:
            self._failures += 1
            longest = min(PAUSE_SECONDS * 2.0 ** min(self._failures - 1, 10), PAUSE_MAX_SECONDS)
            pause = longest * (0.5 + self._random.random() / 2)
            self._open_until = self._clock() + pause
            self._sentence = sentence
        self._is_probed = False

    def left(self) -> None:
        """Record that a call was given up; nothing is known."""
        self._is_probed = False
