"""Bounds on waiting, with one timer for all of them.

``asyncio.timeout`` schedules and cancels a timer of its own for each request, which cost a tenth
of all the time that a request takes here.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from types import TracebackType

ROUND_SECONDS: Final = 0.1
"""How often somebody looks: a wait may last so much longer than it should."""


class Patience:
    """Looks after the waits of one event loop."""

    __slots__ = ("_looking", "waits")

    def __init__(self) -> None:
        self.waits: set[Wait] = set()
        self._looking = False

    def at_most(self, seconds: float) -> Wait:
        """Return a context that raises ``TimeoutError`` when its block lasts longer."""
        return Wait(self, seconds)

    def watch(self, wait: Wait) -> None:
        """Look after *wait* until it ends."""
        self.waits.add(wait)
        if not self._looking:
            self._looking = True
            wait.loop.call_later(ROUND_SECONDS, self._look, wait.loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """End what has lasted too long."""
        now = loop.time()
        for wait in [each for each in self.waits if each.until <= now]:
            self.waits.discard(wait)
            wait.expire()
        self._looking = bool(self.waits)
        if self._looking:
            loop.call_later(ROUND_SECONDS, self._look, loop)


class Wait:
    """One bounded wait of the task that enters it, as ``asyncio.timeout`` bounds it."""

    __slots__ = ("_cancelling", "_expired", "_patience", "_seconds", "_task", "loop", "until")

    def __init__(self, patience: Patience, seconds: float) -> None:
        self._patience = patience
        self._seconds = seconds
        self._expired = False
        self.until = 0.0

    def __enter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  every request is a task
        self._task = task
        self._cancelling = task.cancelling()
        self.loop = asyncio.get_running_loop()
        self.until = self.loop.time() + self._seconds
        self._patience.watch(self)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        if not self._expired:
            self._patience.waits.discard(self)
        elif self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def expire(self) -> None:
        """End the block."""
        self._expired = True
        self._task.cancel()
