"""Loops that run beside each other; when one ends, somebody has to begin anew."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import structlog

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Coroutine

    Loop = Callable[[], Coroutine[object, object, None]]

CANCEL_AGAIN_SECONDS: Final = 0.5

log = structlog.get_logger()


class Supervised:
    """Loops under way."""

    def __init__(self, tasks: list[asyncio.Task[None]]) -> None:
        self._tasks = tasks

    @property
    def alive(self) -> bool:
        """Tell whether every loop is still running."""
        return not any(task.done() for task in self._tasks)


@asynccontextmanager
async def supervised(*loops: Loop) -> AsyncIterator[Supervised]:
    """Run *loops* beside the block, and cancel them at its end."""
    tasks = [asyncio.create_task(loop()) for loop in loops]
    for task in tasks:
        task.add_done_callback(_tell)
    try:
        yield Supervised(tasks)
    finally:
        await ended(tasks)


async def ended(tasks: Collection[asyncio.Task[None]]) -> None:
    """Cancel *tasks* until every one of them has ended.

    One call may be lost: what is cancelled in the moment in which it fails for another reason
    shows that reason, and a loop that survives it goes on.
    """
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=CANCEL_AGAIN_SECONDS)


def _tell(task: asyncio.Task[None]) -> None:
    """Say why a loop ended that nobody cancelled."""
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("loop.ended", error=repr(error))
