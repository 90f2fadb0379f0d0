"""Metrics on a port of their own, which clients never see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from serve_app.routes.operations import PROMETHEUS

if TYPE_CHECKING:
    from serve_app.gateway import Asgi
    from serve_app.http.asgi import Receive, Scope, Send
    from serve_app.http.metrics import Meter

PATH: Final = "/metrics"


def scraped(meter: Meter) -> Asgi:
    """Return an application that shows *meter* at ``/metrics``, and nothing else."""

    async def application(scope: Scope, _receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        found = scope["path"] == PATH and scope["method"] in {"GET", "HEAD"}
        body = meter.text() if found else b""
        headers = [(b"content-type", PROMETHEUS.encode()), (b"content-length", b"%d" % len(body))]
        await send(
            {"type": "http.response.start", "status": 200 if found else 404, "headers": headers}
        )
        await send(
            {"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body}
        )

    return application
