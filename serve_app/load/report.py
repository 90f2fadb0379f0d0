"""What came of a load: JSON for a program, and for a reader one HTML file that needs nothing."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Final, Literal

from jinja2 import Environment, PackageLoader, StrictUndefined

from serve_app.load import curves
from serve_app.load.plan import Plan
from serve_app.load.steps import Step

Verdict = Literal["right", "wrong", "not verified"]

TEMPLATE: Final = "report.html.j2"


@dataclass(frozen=True, slots=True)
class Books:
    """Whether the books were found right after the load, and how that is known."""

    verdict: Verdict
    how: str


@dataclass(frozen=True)
class Outcome:
    """Everything that is known of one load."""

    url: str
    began_at: str
    engine: str
    plan: Plan
    steps: list[Step]
    books: Books

    @cached_property
    def failures(self) -> list[str]:
        """Return why this load proves nothing good; none if all is well."""
        lost = [each for step in self.steps for each in step.missing]
        silent = [step.name for step in self.steps if not step.figures.good]
        return [
            *(["The books are wrong."] if self.books.verdict == "wrong" else []),
            *(f"The acknowledged transfer {each} is missing." for each in lost),
            *(f"Nothing succeeded in the step '{name}'." for name in silent),
        ]

    def facts(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {**asdict(self), "passed": not self.failures, "failures": self.failures}

    def json_text(self) -> str:
        """Return everything as JSON."""
        return json.dumps(self.facts(), indent=2) + "\n"

    def html_text(self) -> str:
        """Return the report as one HTML file without anything from elsewhere."""
        environment = Environment(
            loader=PackageLoader("serve_app.load", "."),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        return environment.get_template(TEMPLATE).render(
            outcome=self, charts=self._charts(), curves=curves
        )

    def _charts(self) -> list[curves.Chart]:
        latencies = {"p50": lambda m: m.p50_ms, "p99": lambda m: m.p99_ms}
        rates = {"good answers": lambda m: m.rate_per_second}
        charts = [
            curves.over_time("Throughput, answers a second", self.steps, self.plan, rates),
            curves.over_time("Latency, ms", self.steps, self.plan, latencies),
        ]
        if len(self.steps) > 1:
            charts += [
                curves.by_step(
                    "Throughput by step", self.steps, lambda step: step.figures.rate_per_second
                ),
                curves.by_step("p99 by step, ms", self.steps, lambda step: step.figures.p99_ms),
            ]
        return charts
