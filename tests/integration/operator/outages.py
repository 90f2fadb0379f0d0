"""What may happen to an API server while somebody works with it."""

from __future__ import annotations

import signal
from contextlib import contextmanager


@contextmanager
def frozen(api_server):
    """Let the API server hang: connections stay, and nothing is answered."""
    api_server.signal_api(signal.SIGSTOP)
    try:
        yield
    finally:
        api_server.signal_api(signal.SIGCONT)


@contextmanager
def killed(api_server):
    """Kill the API server; afterwards it is there again, with what it had stored."""
    api_server.signal_api(signal.SIGKILL)
    api_server.stop_api()
    try:
        yield
    finally:
        api_server.start_api()


class Administrator:
    """The administrator's client, also of an API server that was started again."""

    def __init__(self, api_server):
        self._api_server = api_server

    def __getattr__(self, name):
        """Return what the client of now has."""
        return getattr(self._api_server.client, name)
