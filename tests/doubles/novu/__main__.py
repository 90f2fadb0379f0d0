"""The double as a process of its own: ``python -m tests.doubles.novu``, until SIGTERM.

Unlike a test's, it triggers only workflows that somebody has configured, and it forgets what is
long ago, as it may run for days.
"""

from __future__ import annotations

import argparse
import signal
import threading
from collections import deque
from dataclasses import dataclass

from tests.doubles.novu.server import NovuDouble
from tests.doubles.novu.world import Workflow, World

REMEMBERED = 10_000


@dataclass(slots=True)
class ConfiguredWorld(World):
    """A world in which a workflow is what was written to the environment."""

    def workflow(self, identifier):
        """Return the workflow of *identifier* as it is configured, if it is."""
        found = self.sites.development.workflows.get(identifier)
        if found is None:
            return None
        channels = tuple(step["type"] for step in found["steps"])
        return Workflow(identifier, is_active=found["active"], channels=channels)


def main():
    """Answer on a port of every address until the process is told to end."""
    parser = argparse.ArgumentParser(description="A stand-in for Novu, for trials.")
    parser.add_argument("--port", type=int, default=3000)
    port = parser.parse_args().port
    # As where Novu is hosted by oneself, idempotency keys mean nothing; transaction ids do.
    world = ConfiguredWorld(keeps_answers=False, notifications=deque(maxlen=REMEMBERED))
    double = NovuDouble(world, host="0.0.0.0", port=port, exchanges=deque(maxlen=1))  # noqa: S104
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    double.start()
    print(f"answering on port {double.port}", flush=True)  # noqa: T201
    ended.wait()
    double.stop()


if __name__ == "__main__":
    main()
