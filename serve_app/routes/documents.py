"""The description of the API: for machines, and for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from serve_app.http.access import Public
from serve_app.http.exchange import JSON, Answer
from serve_app.http.routing import Route
from serve_app.openapi.document import document
from serve_app.openapi.page import page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from serve_app.http.exchange import Call
    from serve_app.http.texts import Query

TAG: Final = "Documents"
HTML: Final = "text/html; charset=utf-8"
POLICY: Final = b"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"


class Documents:
    """The endpoints of the documents of *described* routes and of themselves."""

    def __init__(self, described: Sequence[Route]) -> None:
        self.routes = [
            _route("/openapi.json", self.openapi, "This API for machines", dict[str, Any]),
            _route("/docs", self.docs, "This API for people", str, content_type=HTML),
        ]
        content = document([*described, *self.routes])
        self._json = msgspec.json.encode(content)
        self._page = page(content).encode()

    async def openapi(self, _call: Call[None, Query]) -> Answer:
        """Show the OpenAPI document."""
        return Answer(200, self._json, JSON)

    async def docs(self, _call: Call[None, Query]) -> Answer:
        """Show the page."""
        policy = (b"content-security-policy", POLICY)
        return Answer(200, self._page, HTML.encode(), (policy,))


def _route(path: str, endpoint: Any, summary: str, kind: Any, **more: Any) -> Route:  # noqa: ANN401
    """Return the route of a document."""
    return Route(
        method="GET",
        path=path,
        endpoint=endpoint,
        access=Public(),
        tag=TAG,
        summary=summary,
        answers={200: kind},
        **more,
    )
