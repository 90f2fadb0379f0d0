"""Loops that run beside each other; when one ends, somebody has to begin anew."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import structlog

from actors.ending import ended

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    Loop = Callable[[], Coroutine[object, object, None]]

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
        await ended(*tasks)


def _tell(task: asyncio.Task[None]) -> None:
    """Say why a loop ended that nobody cancelled."""
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("loop.ended", error=repr(error))
