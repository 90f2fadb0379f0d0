"""Counts of answers and of seconds, kept as plain numbers until somebody asks."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from prometheus_client.core import Metric

    from serve_app.http.routing import Route

BUCKETS_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

_NO_ROUTE: Final = "none"


class Meter(Collector):
    """What this process has answered so far.

    Args:
        gauges: More numbers by name, asked for when somebody scrapes.
    """

    def __init__(self, gauges: Mapping[str, Callable[[], float]] | None = None) -> None:
        self._answers: dict[tuple[str, int], int] = {}
        self._buckets: dict[str, list[int]] = {}
        self._seconds: dict[str, float] = {}
        self._gauges = dict(gauges or {})
        self._labelled: dict[tuple[str, str], Callable[[], Mapping[str, float]]] = {}

    def gauge(self, name: str, read: Callable[[], float]) -> None:
        """Show what *read* returns as *name*."""
        self._gauges[name] = read

    def gauges(self, name: str, label: str, read: Callable[[], Mapping[str, float]]) -> None:
        """Show what *read* returns as *name*, a number for each value of *label*."""
        self._labelled[name, label] = read

    def record(self, route: Route | None, status: int, seconds: float) -> None:
        """Count one answer."""
        name = _NO_ROUTE if route is None else route.name
        answers = self._answers
        answers[name, status] = answers.get((name, status), 0) + 1
        buckets = self._buckets.get(name)
        if buckets is None:
            buckets = self._buckets[name] = [0] * (len(BUCKETS_SECONDS) + 1)
            self._seconds[name] = 0.0
        buckets[bisect_left(BUCKETS_SECONDS, seconds)] += 1
        self._seconds[name] += seconds

    def text(self) -> bytes:
        """Return everything in the Prometheus text format."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        return generate_latest(registry)

    @override
    def collect(self) -> Iterator[Metric]:
        """Yield the metric families, for prometheus-client."""
        yield self._counter()
        yield self._histogram()
        for name, read in self._gauges.items():
            yield GaugeMetricFamily(f"gopherpay_{name}", name.replace("_", " "), value=read())
        for (name, label), read_all in self._labelled.items():
            yield _family(name, label, read_all())

    def _counter(self) -> Metric:
        """Return the answers by route and status."""
        family = CounterMetricFamily(
            "gopherpay_http_answers", "Answers given", labels=("route", "status")
        )
        for (name, status), count in self._answers.items():
            family.add_metric((name, str(status)), count)
        return family

    def _histogram(self) -> Metric:
        """Return the seconds that answers took, by route."""
        family = HistogramMetricFamily(
            "gopherpay_http_seconds", "Seconds from the head to the answer", labels=("route",)
        )
        bounds = [*map(str, BUCKETS_SECONDS), "+Inf"]
        for name, counts in self._buckets.items():
            sums = [sum(counts[: index + 1]) for index in range(len(counts))]
            family.add_metric((name,), list(zip(bounds, sums, strict=True)), self._seconds[name])
        return family


def _family(name: str, label: str, values: Mapping[str, float]) -> Metric:
    """Return a gauge with a number for each value of *label*."""
    family = GaugeMetricFamily(f"gopherpay_{name}", name.replace("_", " "), labels=(label,))
    for value, number in values.items():
        family.add_metric((value,), number)
    return family
