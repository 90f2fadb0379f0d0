"""How tasks are ended: by calls that are repeated, since one may be lost."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Collection

CANCEL_AGAIN_SECONDS: Final = 0.5


async def ended(*tasks: asyncio.Task[Any]) -> None:
    """Cancel *tasks* until every one of them has ended, however it ends.

    Before Python 3.12 ``asyncio.wait_for`` loses a cancellation that comes in the moment of its
    result, and psycopg's pool waits by it for a connection: a loop that asked the database then
    goes on, and who waits for its end after a single call waits for ever.
    """
    left: Collection[asyncio.Task[Any]] = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=CANCEL_AGAIN_SECONDS)
