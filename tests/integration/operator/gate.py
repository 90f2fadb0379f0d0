"""A way to a server that a test can close."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

from serve_app.embedded.ports import free_port

CHUNK_BYTES = 65_536
BACKLOG = 128


class Gate:
    """Passes connections on to *port*; open at first.

    Attributes:
        port: Where it listens.
    """

    def __init__(self, port):
        self._target = port
        self._listener = None
        self._connections = set()
        self._lock = threading.Lock()
        self.port = free_port()

    def open(self):
        """Listen, and let everything through."""
        if self._listener is None:
            self._listener = socket.create_server(("127.0.0.1", self.port), backlog=BACKLOG)
            self.port = self._listener.getsockname()[1]
            threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def close(self):
        """Refuse connections, and cut those there are."""
        listener, self._listener = self._listener, None
        if listener is not None:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # wakes up whoever accepts
            listener.close()
        with self._lock:
            cut, self._connections = self._connections, set()
        for each in cut:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener):
        with suppress(OSError):
            while True:
                inner, _ = listener.accept()
                threading.Thread(target=self._connect, args=(inner,), daemon=True).start()

    def _connect(self, inner):
        try:
            outer = socket.create_connection(("127.0.0.1", self._target))
        except OSError:
            inner.close()
            return
        with self._lock:
            self._connections |= {inner, outer}
        for source, target in ((inner, outer), (outer, inner)):
            threading.Thread(target=self._pass, args=(source, target), daemon=True).start()

    def _pass(self, source, target):
        with suppress(OSError):
            while data := source.recv(CHUNK_BYTES):
                target.sendall(data)
        for each in (source, target):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        with self._lock:
            self._connections -= {source, target}
        source.close()
