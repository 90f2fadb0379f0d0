"""Answers that last: sent part by part until they end, the client goes, or it reads too slowly."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog

if TYPE_CHECKING:
    from serve_app.http.asgi import RawHeaders, Receive, Send
    from serve_app.http.exchange import Parts, StreamedAnswer

log: Final = structlog.get_logger()

STALLED_SECONDS_MAX: Final = 10.0
"""Some 64 KiB wait in the server before a part is refused; who takes none of it in this time is
cut off, and its client comes back to where it was."""


async def stream(
    receive: Receive,
    send: Send,
    answer: StreamedAnswer,
    head: RawHeaders,
    *,
    stalled_seconds_max: float = STALLED_SECONDS_MAX,
) -> None:
    """Send *answer* under *head*; without its end if the client does not take it."""
    watch = asyncio.create_task(_close_when_gone(receive, answer.parts))
    try:
        await send({"type": "http.response.start", "status": answer.status, "headers": head})
        async for part in answer.parts:
            async with asyncio.timeout(stalled_seconds_max):
                await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    except TimeoutError:
        log.info("stream.cut_off")  # the server closes what was not brought to its end
    finally:
        answer.parts.close()
        watch.cancel()


async def _close_when_gone(receive: Receive, parts: Parts) -> None:
    """End *parts* when the client has gone away, or the server wants to."""
    while (await receive())["type"] != "http.disconnect":
        pass
    parts.close()
