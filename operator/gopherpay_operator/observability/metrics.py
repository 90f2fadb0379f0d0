"""The figures that Prometheus reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from prometheus_client import (
    GC_COLLECTOR,
    PLATFORM_COLLECTOR,
    PROCESS_COLLECTOR,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Iterable

PREFIX: Final = "gopherpay_operator"
PASS_SECONDS: Final = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
CALL_SECONDS: Final = (0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """How things stand at one moment.

    Attributes:
        queue_depth: How many resources wait.
        queue_oldest_seconds: For how long the first of them could have been worked on.
        loop_lag_seconds: How late the event loop last was.
        managed: How many resources there are, by kind and status of Ready.
        watch_restarts: How often a watch was opened again, by kind.
        reference_watches: How many Secrets, ConfigMaps and namespaces with Jobs are watched.
    """

    queue_depth: int = 0
    queue_oldest_seconds: float = 0.0
    loop_lag_seconds: float = 0.0
    is_lease_held: bool = False
    managed: Mapping[tuple[str, str], int] = field(default_factory=dict)
    watch_restarts: Mapping[str, int] = field(default_factory=dict)
    reference_watches: int = 0


class Standing(Protocol):
    """Who knows how things stand."""

    def state(self) -> State:
        """Return it; called from another thread than the engine's."""


class Metrics:
    """The engine's meter, and what is read when it is asked for."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        for each in (PROCESS_COLLECTOR, PLATFORM_COLLECTOR, GC_COLLECTOR):
            self.registry.register(each)
        self._passes = Counter(
            f"{PREFIX}_reconcile",
            "Passes over one resource.",
            ("kind", "result", "reason"),
            registry=self.registry,
        )
        self._pass_seconds = Histogram(
            f"{PREFIX}_reconcile_seconds",
            "How long a pass over one resource took.",
            ("kind",),
            buckets=PASS_SECONDS,
            registry=self.registry,
        )
        self._call_seconds = Histogram(
            f"{PREFIX}_backend_call_seconds",
            "How long a call of a server outside took.",
            ("backend", "op", "result"),
            buckets=CALL_SECONDS,
            registry=self.registry,
        )
        self._drifts = Counter(
            f"{PREFIX}_drift_detected",
            "Differences that somebody else made.",
            ("kind",),
            registry=self.registry,
        )

    def reconciled(self, kind: str, result: str, reason: str, seconds: float) -> None:
        """Count one pass."""
        self._passes.labels(kind, result, reason).inc()
        self._pass_seconds.labels(kind).observe(seconds)

    def called(self, backend: str, operation: str, seconds: float, *, has_failed: bool) -> None:
        """Count one call of a backend."""
        result = "failed" if has_failed else "ok"
        self._call_seconds.labels(backend, operation, result).observe(seconds)

    def drifted(self, kind: str) -> None:
        """Count a difference that somebody else made."""
        self._drifts.labels(kind).inc()

    def stand_by(self, standing: Standing) -> None:
        """Ask *standing* for the rest at every scrape."""
        self.registry.register(_Standing(standing))

    def text(self) -> bytes:
        """Return all figures in Prometheus' text format."""
        return generate_latest(self.registry)


class _Standing(Collector):
    def __init__(self, standing: Standing) -> None:
        self._standing = standing

    def describe(self) -> Iterable[Metric]:
        """Return nothing: the state is not asked for before it is there."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """Return the state as it is now."""
        state = self._standing.state()
        for name, help_, value in (
            ("queue_depth", "Resources that wait to be worked on.", state.queue_depth),
            ("queue_oldest_seconds", "How long the first waits.", state.queue_oldest_seconds),
            ("event_loop_lag_seconds", "How late the event loop was.", state.loop_lag_seconds),
            ("lease_held", "1 while this process may act.", float(state.is_lease_held)),
            ("reference_watches", "Secrets and others watched.", state.reference_watches),
        ):
            yield GaugeMetricFamily(f"{PREFIX}_{name}", help_, value=value)
        managed = GaugeMetricFamily(
            f"{PREFIX}_managed_objects", "Resources there are.", labels=("kind", "ready")
        )
        for (kind, ready), count in sorted(state.managed.items()):
            managed.add_metric((kind, ready), count)
        yield managed
        restarts = CounterMetricFamily(
            f"{PREFIX}_watch_restart", "Watches that were opened again.", labels=("kind",)
        )
        for kind, count in sorted(state.watch_restarts.items()):
            restarts.add_metric((kind,), count)
        yield restarts
