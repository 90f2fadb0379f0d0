"""What stands between the wire and Ray Serve in every process that answers HTTP.

Serve obeys some request headers (a deadline, a session, a model) and decodes others it is sent;
here only those that this API reads go on, so that no client can command or upset it.
Serve also adds a request id to each answer; the one that the application gave stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.middleware import Middleware

from actors.settings import Settings
from serve_app.http import headers as headers_of
from serve_app.lane import LANE, Lane

if TYPE_CHECKING:
    from collections.abc import Iterable

    from serve_app.gateway import Asgi
    from serve_app.http.asgi import Message, Receive, Scope, Send

    RawHeader = tuple[bytes, bytes]

REQUEST_ID: Final = b"x-request-id"

GO_ON: Final = (b"x-request-disconnect-disabled", b"?1")
"""A client that leaves cancels nothing: what was begun is finished, and its key will tell."""

FORWARDED_FOR: Final = b"x-forwarded-for"

OF_SERVE: Final = "/-/"
"""Serve answers these paths itself: HAProxy asks there whether this process is well."""


class Edge:
    """Stands around Serve's own ASGI application, and before this process's lane past it.

    Args:
        app: What is wrapped.
        trusted_proxies: How many proxies of ours stand before HAProxy; each adds an address.
        lane: Where requests go when it is open.
    """

    def __init__(self, app: Asgi, trusted_proxies: int, lane: Lane) -> None:
        self._app = app
        self._trusted_proxies = trusted_proxies
        self._lane = lane

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        source = _source(scope["headers"], self._trusted_proxies)
        if source is not None:
            scope["client"] = (source, 0)
        application = self._lane.application
        if application is None or scope["path"].startswith(OF_SERVE):
            await self._through_serve(scope, receive, send)
        else:
            await application(scope, receive, send)

    async def _through_serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let Serve answer, or bring the request to the application."""
        request_id = headers_of.read(scope["headers"]).id_of_request().encode()

        async def send_with_one_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = _answered(message["headers"], request_id)
            await send(message)

        scope["headers"] = _known(scope["headers"], request_id)
        await self._app(scope, receive, send_with_one_id)


def _known(headers: Iterable[RawHeader], request_id: bytes) -> list[RawHeader]:
    """Return the headers that this API reads, with one well-formed request id."""
    kept = [
        (name, value) for name, value in headers if name in headers_of.KNOWN and name != REQUEST_ID
    ]
    return [*kept, (REQUEST_ID, request_id), GO_ON]


def _source(headers: Iterable[RawHeader], trusted_proxies: int) -> str | None:
    """Return who asks, as the outermost of our proxies saw it; None when none stands before us.

    Each proxy appends the address of whom it heard; what stands left of ours, anybody may write.
    """
    heard = [
        address.strip().decode("latin-1")
        for name, value in headers
        if name == FORWARDED_FOR
        for address in value.split(b",")
    ]
    return heard[-min(len(heard), trusted_proxies + 1)] if heard else None


def _answered(headers: Iterable[RawHeader], request_id: bytes) -> list[RawHeader]:
    """Return the headers of an answer with one request id."""
    return [*(each for each in headers if each[0].lower() != REQUEST_ID), (REQUEST_ID, request_id)]


def middlewares() -> list[Middleware]:
    """Return what Serve puts around each HTTP server; it is named in its environment."""
    return [Middleware(Edge, trusted_proxies=Settings().trusted_proxies, lane=LANE)]
