"""Probes and metrics over HTTP, from threads: a loop that hangs is seen, not waited for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST

TEXT: Final = "text/plain; charset=utf-8"
REQUEST_SECONDS_MAX: Final = 5.0

Check = Callable[[], str | None]
"""Returns what is wrong; ``None`` when nothing is."""


@dataclass(frozen=True, slots=True)
class Pages:
    """What is served.

    Attributes:
        live: Checks of liveness, by name.
        ready: Checks of readiness, by name.
        metrics: Returns the figures.
    """

    live: Mapping[str, Check]
    ready: Mapping[str, Check]
    metrics: Callable[[], bytes]

    def page(self, path: str) -> tuple[HTTPStatus, str, bytes]:
        """Return status, content type and content of *path*."""
        match path.partition("?")[0]:
            case "/healthz":
                return _answer(self.live, HTTPStatus.INTERNAL_SERVER_ERROR)
            case "/readyz":
                return _answer(self.ready, HTTPStatus.SERVICE_UNAVAILABLE)
            case "/metrics":
                return HTTPStatus.OK, CONTENT_TYPE_LATEST, self.metrics()
            case _:
                return HTTPStatus.NOT_FOUND, TEXT, b"There are /healthz, /readyz and /metrics.\n"


def _answer(checks: Mapping[str, Check], failed: HTTPStatus) -> tuple[HTTPStatus, str, bytes]:
    found = {name: check() for name, check in checks.items()}
    wrong = [f"{name}: {why}" for name, why in found.items() if why]
    lines = wrong or [f"{name}: ok" for name in found]
    return (
        (failed if wrong else HTTPStatus.OK),
        TEXT,
        "".join(f"{each}\n" for each in lines).encode(),
    )


class HttpServer:
    """Serves *pages* on *host* and *port*."""

    def __init__(self, host: str, port: int, pages: Pages) -> None:
        self._server = _Server((host, port), _handler(pages))

    @property
    def port(self) -> int:
        """Return the port that was taken."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Serve from now on."""
        threading.Thread(target=self._server.serve_forever, name="http", daemon=True).start()

    def stop(self) -> None:
        """Serve no more."""
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 16


def _handler(pages: Pages) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = REQUEST_SECONDS_MAX

        def do_GET(self) -> None:
            status, type_, content = pages.page(self.path)
            self.send_response(status)
            self.send_header("Content-Type", type_)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing: a probe a second is no news."""

    return Handler
