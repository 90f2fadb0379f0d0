"""Bounds on waiting, with one timer for all of them.

``asyncio.timeout`` schedules and cancels a timer of its own for each request, which cost a tenth
of all the time that a request takes here. Asking for the running loop is not free either: before
Python 3.12 it asks the kernel for the process id.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from types import TracebackType

ROUND_SECONDS: Final = 0.1
"""How often somebody looks: a wait may last so much longer than it should."""


class Patience:
    """Looks after the waits of one event loop, the one it is first used in."""

    __slots__ = ("_looking", "_loop", "waits")

    def __init__(self) -> None:
        self.waits: set[Wait] = set()
        self._looking = False
        self._loop: asyncio.AbstractEventLoop | None = None

    def at_most(self, seconds: float) -> Wait:
        """Return a context that raises ``TimeoutError`` when its block lasts longer."""
        loop = self._loop
        if loop is None:
            loop = self._loop = asyncio.get_running_loop()
        return Wait(self, loop, seconds)

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

    __slots__ = ("_cancelling", "_expired", "_patience", "_task", "loop", "until")

    def __init__(self, patience: Patience, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        self._patience = patience
        self._expired = False
        self.loop = loop
        self.until = loop.time() + seconds

    def __enter__(self) -> None:
        task = asyncio.current_task(self.loop)
        assert task is not None  # noqa: S101  every request is a task
        self._task = task
        self._cancelling = task.cancelling()
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
