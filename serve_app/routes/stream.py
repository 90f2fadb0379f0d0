"""Notifications as they come: Server-Sent Events (HTML Living Standard §9.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from uuid import UUID

import msgspec

from actors.domain.errors import Throttled
from serve_app.http.exchange import StreamedAnswer
from serve_app.http.routing import Route
from serve_app.routes.notifications import READ, TAG, notification_object

if TYPE_CHECKING:
    from actors.ports.notifications import Kept
    from serve_app.http.exchange import Call
    from serve_app.http.texts import Query
    from serve_app.stream.hub import Hub

PATH: Final = "/v1/notifications/stream"
EVENT_STREAM: Final = b"text/event-stream"

_ID_BYTES: Final = 36
_HEADERS: Final = ((b"x-accel-buffering", b"no"),)
"""Asks nginx, where somebody has put one before us, to pass each part on at once."""

_encode: Final = msgspec.json.Encoder().encode


class Streams:
    """The endpoint of the stream."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def listen(self, call: Call[None, Query]) -> StreamedAnswer:
        """Open a stream."""
        headers = call.headers
        stream = await self._hub.open(
            call.principal.id, headers.authorization[0], _last_id(headers.last_event_id)
        )
        return StreamedAnswer(stream, EVENT_STREAM, _HEADERS)


def _last_id(values: tuple[bytes, ...]) -> UUID | None:
    """Return the id that a Last-Event-ID header names; anything else is an unknown one."""
    if len(values) != 1 or len(values[0]) != _ID_BYTES:
        return None
    try:
        return UUID(values[0].decode("ascii"))
    except ValueError:
        return None


def frame(kept: Kept) -> bytes:
    """Return *kept* as an event of the stream; JSON holds no line break of its own."""
    shown = _encode(notification_object(kept))
    return b"id: %b\nevent: notification\ndata: %b\n\n" % (str(kept.id).encode(), shown)


def routes(streams: Streams) -> list[Route]:
    """Return the route of the stream."""
    return [
        Route(
            method="GET",
            path=PATH,
            endpoint=streams.listen,
            access=READ,
            tag=TAG,
            summary="Hear of things as they happen",
            answers={200: str},
            problems=(Throttled,),
            content_type=EVENT_STREAM.decode(),
            notes=(
                "Server-Sent Events: each has `event: notification`, its id, and as data what the "
                "list shows. With `Last-Event-ID` everything after it comes first; without one, or "
                "with one that is not known, only what is new. A comment every 15 seconds says "
                "that the stream lives. It ends when the credential does."
            ),
        )
    ]
