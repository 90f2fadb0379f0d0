"""A stand-in for Novu: a real HTTP server with state, faults and a memory.

What it takes and gives is held to the models of the ``novu-py`` client, which is the contract
that everybody has; ``published`` holds every exchange to the published OpenAPI document too.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from tests.doubles.novu import (
    activity,
    environments,
    events,
    integrations,
    layouts,
    people,
    topics,
    workflows,
)
from tests.doubles.novu.faults import Faults
from tests.doubles.novu.frame import Asked, Frame, Told, error
from tests.doubles.novu.world import World

MODULES = (events, people, activity, environments, workflows, layouts, topics, integrations)
RESET_AT_ONCE = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and what it was answered; no answer where the connection was cut."""

    asked: Asked
    told: Told | None
    is_faulty: bool


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        """Say nothing of clients that went away."""


@dataclass(slots=True)
class NovuDouble:
    """The double, running or stopped; it keeps its port and its state."""

    world: World = field(default_factory=World)
    faults: Faults = field(default_factory=Faults)
    exchanges: list[Exchange] = field(default_factory=list)
    breaches: list[str] = field(default_factory=list)
    host: str = "127.0.0.1"
    port: int = 0
    _server: _Server | None = None
    _connections: set = field(default_factory=set)

    @property
    def url(self):
        """Return where it answers, or would."""
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        """Answer from now on."""
        frame = Frame(self.world, [call for module in MODULES for call in module.CALLS])
        handler = type("Handler", (_Handler,), {"double": self, "frame": frame})
        self._server = _Server((self.host, self.port), handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        """Refuse connections, and end those there are."""
        if self._server is None:
            return
        self._server.shutdown()
        self._server.server_close()
        self._server = None
        for connection in list(self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def asked(self, method, path):
        """Return the requests of that kind, in order."""
        return [
            each.asked
            for each in list(self.exchanges)
            if each.asked.method == method and each.asked.path == path
        ]

    def sent(self):
        """Return how often each transaction id was really sent."""
        counts = {}
        for each in list(self.world.notifications):
            counts[each.transaction_id] = counts.get(each.transaction_id, 0) + 1
        return counts


@contextmanager
def novu_double(**switches):
    """Yield a running double whose world has *switches*; it must have broken no contract."""
    double = NovuDouble(World(**switches))
    double.start()
    try:
        yield double
    finally:
        double.stop()
    assert double.breaches == []


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # head and body in one segment: the client delays no acknowledgement
    double: NovuDouble
    frame: Frame

    def setup(self):
        super().setup()
        self.double._connections.add(self.connection)  # noqa: SLF001  its own server

    def finish(self):
        self.double._connections.discard(self.connection)  # noqa: SLF001  its own server
        super().finish()

    def log_message(self, *_arguments):
        """Keep nothing on the terminal."""

    def do_GET(self):
        asked = self._asked()
        fault = self.double.faults.next(asked.method, asked.path)
        told = self._told(asked, fault)
        if fault is not None and fault.delay_seconds:
            time.sleep(fault.delay_seconds)
        cut = fault is not None and (fault.is_lost or fault.raw is not None)
        self.double.exchanges.append(Exchange(asked, None if cut else told, fault is not None))
        if fault is not None and fault.raw is not None:
            self.wfile.write(fault.raw)
        if cut:
            self._cut()
        else:
            self._write(told, fault)

    do_POST = do_PATCH = do_PUT = do_DELETE = do_GET  # noqa: N815  see above

    def _asked(self):
        split = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", "0")))
        return Asked(self.command, split.path, parse_qs(split.query), headers, body)

    def _told(self, asked, fault):
        """Return the answer, of the fault where there is one, with the effect where it has one."""
        told = None
        if fault is None or fault.has_effect:
            told = self._answered(asked)
        if fault is not None and fault.status is not None:
            told = _failure(asked, fault)
            if fault.is_kept:
                self.frame.keep(asked, told)
        return told

    def _answered(self, asked):
        try:
            return self.frame.answer(asked)
        except Exception as breach:  # noqa: BLE001  told to the test
            self.double.breaches.append(f"{asked.method} {asked.path}: {breach!r}")
            return error(asked, 500, "the double is at fault")

    def _write(self, told, fault):
        told = told or Told(200)
        body = b"" if told.content is None else json.dumps(told.content).encode()
        if fault is not None and fault.body is not None:
            body = fault.body
        kind = "application/json; charset=utf-8" if fault is None else fault.content_type
        self.send_response(told.status)
        for name, value in {**self.frame.rate_headers(), **told.headers}.items():
            self.send_header(name, value)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _cut(self):
        """End the connection, with a reset where the client has heard nothing."""
        self.close_connection = True
        self.wfile.flush()
        with suppress(OSError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_ONCE)


def _failure(asked, fault):
    """Return the answer of *fault*; 429 and 503 are a JSON string in Novu."""
    headers = dict(fault.headers)
    if fault.status in {429, 503}:
        return Told(fault.status, "Please wait some time, then try again.", headers)
    return Told(fault.status, error(asked, fault.status, "failed").content, headers)
