"""What may go wrong with a call of the double, as often as a test wants."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Fault:
    """One way in which calls go wrong.

    Attributes:
        status: Answered instead of what the call would say; None leaves that.
        body: Sent instead of the content, whatever it is.
        has_effect: Whether the call is done all the same, or again for nothing.
        is_lost: Whether the connection ends without an answer.
        delay_seconds: Before the answer, after the effect.
        raw: Bytes sent in place of an HTTP response.
        is_kept: Whether the answer is remembered under the idempotency key, as Novu does with
            failures of its own.
    """

    status: int | None = None
    body: bytes | None = None
    content_type: str = "application/json; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()
    has_effect: bool = False
    is_lost: bool = False
    delay_seconds: float = 0
    raw: bytes | None = None
    is_kept: bool = False


LOST_BEFORE = Fault(is_lost=True)
LOST_AFTER = Fault(is_lost=True, has_effect=True)
FAILED = Fault(status=500)
FAILED_AFTER = Fault(status=500, has_effect=True)
KEPT_FAILURE = Fault(status=500, is_kept=True)
BUSY = Fault(status=503, headers=(("retry-after", "1"),))


def slow(seconds, *, has_effect=True):
    """Return the fault of answering late."""
    return Fault(delay_seconds=seconds, has_effect=has_effect)


def too_many(retry_after_seconds):
    """Return the fault of "too many requests"."""
    return Fault(status=429, headers=(("retry-after", str(retry_after_seconds)),))


@dataclass(slots=True)
class _Planned:
    fault: Fault
    method: str
    path: str
    times: int


@dataclass(slots=True)
class Faults:
    """The faults to come; one without an end lasts until it is cleared."""

    _planned: list[_Planned] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def plan(self, fault, *, method="", path="/", times=1):
        """Let the next *times* calls whose path begins with *path* go wrong."""
        with self._lock:
            self._planned.append(_Planned(fault, method, path, times))

    def always(self, fault, *, method="", path="/"):
        """Let every such call go wrong until ``clear``."""
        self.plan(fault, method=method, path=path, times=1 << 60)

    def clear(self):
        """Let all be well again."""
        with self._lock:
            self._planned.clear()

    def next(self, method, path):
        """Return what goes wrong with this call, if anything."""
        with self._lock:
            for planned in self._planned:
                if path.startswith(planned.path) and planned.method in {"", method}:
                    planned.times -= 1
                    if planned.times <= 0:
                        self._planned.remove(planned)
                    return planned.fault
        return None
