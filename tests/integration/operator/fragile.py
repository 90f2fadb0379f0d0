"""A broker that a test may stop or let hang for a while."""

from __future__ import annotations

from contextlib import contextmanager

from tests.integration.operator.outside import Topics


class Fragile:
    """A running broker; it runs again after each outage."""

    def __init__(self, broker):
        self._broker = broker
        self.topics = Topics(broker.bootstrap_servers)

    @property
    def bootstrap_servers(self):
        """Return where clients begin."""
        return self._broker.bootstrap_servers

    @contextmanager
    def stopped(self):
        """Let it be away: connections are refused."""
        self._broker.stop()
        try:
            yield
        finally:
            self._broker.start()

    @contextmanager
    def paused(self):
        """Let it hang: connections stay, and nothing is answered."""
        self._broker.pause()
        try:
            yield
        finally:
            self._broker.resume()
