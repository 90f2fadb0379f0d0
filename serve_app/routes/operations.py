"""What operators and machines ask of the process: is it well, is it ready, what has it done."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from actors.currencies import currencies
from actors.domain.errors import NotFound
from actors.domain.money import format_amount
from serve_app.http.access import Public, Scoped
from serve_app.http.errors import NotReady
from serve_app.http.exchange import Answer, ok
from serve_app.http.routing import Route
from serve_app.routes.objects import DecimalText, TimeText, rfc3339

if TYPE_CHECKING:
    from actors.store.books.report import Report
    from serve_app.http.exchange import Call
    from serve_app.http.metrics import Meter
    from serve_app.http.texts import Query
    from serve_app.ports import Health, Verifications

TAG: Final = "Operations"
PROMETHEUS: Final = "text/plain; version=1.0.0; charset=utf-8"


class HealthObject(msgspec.Struct, frozen=True):
    """The process is alive."""

    status: Literal["ok"] = "ok"


class FindingObject(msgspec.Struct, frozen=True):
    """One place where the books are wrong."""

    invariant: str
    rule: str
    subject: str
    found: str
    expected: str


class BooksObject(msgspec.Struct, frozen=True):
    """The last verification of the books; each currency's postings sum to zero."""

    verified_at: TimeText
    age_seconds: int
    accounts: int
    transfers: int
    postings: int
    currencies: dict[str, DecimalText]
    discrepancies: int
    findings: list[FindingObject]


class Operations:
    """The endpoints of operations."""

    def __init__(self, health: Health, verifications: Verifications) -> None:
        self._health = health
        self._verifications = verifications

    async def healthz(self, _call: Call[None, Query]) -> Answer:
        """Say that the process is alive."""
        return ok(HealthObject())

    async def readyz(self, _call: Call[None, Query]) -> Answer:
        """Say whether this process can serve."""
        failing = await self._health.failing()
        if failing:
            raise NotReady(", ".join(failing))
        return ok(HealthObject())

    async def books(self, _call: Call[None, Query]) -> Answer:
        """Show the last verification."""
        last = await self._verifications.last()
        if last is None:
            raise NotFound
        return ok(_books_object(last))


def _books_object(report: Report) -> BooksObject:
    """Return *report* as operators see it."""
    known = currencies()
    age = datetime.now(UTC) - report.verified_at
    return BooksObject(
        verified_at=rfc3339(report.verified_at),
        age_seconds=max(0, int(age.total_seconds())),
        accounts=report.accounts,
        transfers=report.transfers,
        postings=report.postings,
        currencies={
            code: format_amount(sum_minor, known[code].decimals)
            for code, sum_minor in report.currencies.items()
        },
        discrepancies=report.discrepancies,
        findings=[FindingObject(**asdict(finding)) for finding in report.findings],
    )


def routes(operations: Operations) -> list[Route]:
    """Return the routes of operations."""
    books = Route(
        method="GET",
        path="/v1/admin/books",
        endpoint=operations.books,
        access=Scoped("admin:read"),
        tag=TAG,
        summary="Show the last verification of the books",
        answers={200: BooksObject},
        problems=(NotFound,),
    )
    return [*_probes(operations), books]


def _probes(operations: Operations) -> list[Route]:
    """Return the routes that machines ask every few seconds."""
    shared: dict[str, Any] = {
        "method": "GET",
        "access": Public(),
        "tag": TAG,
        "answers": {200: HealthObject},
    }
    return [
        Route(
            path="/healthz",
            endpoint=operations.healthz,
            summary="Is the process alive",
            **shared,
        ),
        Route(
            path="/readyz",
            endpoint=operations.readyz,
            summary="Can the process serve",
            problems=(NotReady,),
            **shared,
        ),
    ]


class Metrics:
    """The endpoint of metrics."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter

    async def show(self, _call: Call[None, Query]) -> Answer:
        """Show the numbers of this process."""
        return Answer(200, self._meter.text(), PROMETHEUS.encode())


def metrics_route(metrics: Metrics) -> Route:
    """Return the route of metrics, for where they may be read by anybody."""
    return Route(
        method="GET",
        path="/metrics",
        endpoint=metrics.show,
        access=Public(),
        tag=TAG,
        summary="Numbers in the Prometheus text format",
        answers={200: str},
        content_type=PROMETHEUS,
    )
