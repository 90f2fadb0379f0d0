"""The server's start and end, as ASGI tells them."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import TYPE_CHECKING, Final, TypeAlias

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable

    from serve_app.http.asgi import Receive, Send

    Lifespan: TypeAlias = Callable[[], AbstractAsyncContextManager[None]]

log: Final = structlog.get_logger()


async def serve_lifespan(lifespan: Lifespan | None, receive: Receive, send: Send) -> None:
    """Enter *lifespan* when the server starts and leave it when the server ends."""
    async with AsyncExitStack() as stack:
        await receive()
        try:
            if lifespan is not None:
                await stack.enter_async_context(lifespan())
        except Exception:
            log.exception("application.start_failed")
            await send({"type": "lifespan.startup.failed", "message": "see the log"})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
    await send({"type": "lifespan.shutdown.complete"})
