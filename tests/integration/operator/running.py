"""The operator's process as a test sees it: its figures, its log, and the ways to hurt it."""

from __future__ import annotations

from contextlib import contextmanager

from tests.fixtures.operator import Operator

MIB = 1024 * 1024


class Running:
    """A process of the operator that serves the namespaces of teams.

    Settings are those of `tests.fixtures.operator.Operator`.
    """

    def __init__(self, kubeconfig, folder, teams, *, has_lease=False, **settings):
        folder.mkdir(parents=True)
        lease = {"lease_namespace": teams[0].namespace} if has_lease else {"lease": False}
        served = [team.namespace for team in teams]
        self._folder = folder
        self._process = Operator(kubeconfig, folder, namespace=served, **lease, **settings)

    @property
    def pid(self):
        """Return its process id."""
        return self._process.pid

    def start(self, *, is_ready=True):
        """Start it, or start it again; wait until it works, or only until it can be asked."""
        self._process.start(until="operator.working" if is_ready else "operator.started")

    def stop(self):
        """End it in order, if it runs, and return its exit code."""
        return self._process.stop() if self._process.is_running else None

    def kill(self):
        """End it as a crash would."""
        self._process.kill()

    def ended_with(self):
        """Return the exit code of one that ends by itself."""
        return self._process.wait()

    @contextmanager
    def asleep(self):
        """Let it hang, with all its connections open."""
        self._process.pause()
        try:
            yield
        finally:
            self._process.go_on()

    def probe(self, path):
        """Return the status code of a probe."""
        return self._process.get(path).status_code

    def passes(self, kind):
        """Return how many passes there were over resources of *kind*."""
        return self._process.metric("reconcile_total", kind=kind)

    def calls(self, backend):
        """Return how many calls of *backend* there were: kafka, postgres or novu."""
        return self._process.metric("backend_call_seconds_count", backend=backend)

    def leads(self):
        """Tell whether it holds the Lease."""
        return self._process.metric("lease_held") == 1

    def cpu_seconds(self):
        """Return how much of a CPU it has used."""
        return self._process.cpu_seconds()

    def memory_mib(self):
        """Return how much memory it has."""
        return self._process.rss_bytes() / MIB

    def lines(self):
        """Return what it has logged, in all its lives."""
        logs = sorted(self._folder.glob("*.log"), key=lambda log: log.stat().st_mtime_ns)
        return [line for log in logs for line in log.read_text(errors="replace").splitlines()]

    def tracebacks(self):
        """Return what it has logged of failures that nobody had thought of."""
        return [line for line in self.lines() if "Traceback" in line]
