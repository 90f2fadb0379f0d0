"""``gopherpay verify``: prove the books from the database alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from actors.currencies import currencies
from actors.domain.errors import StoreUnavailable
from actors.domain.money import format_amount
from actors.store import books
from serve_app.cli import terminal
from serve_app.cli.options import DataDir, PostgresUrl, load_settings
from serve_app.cli.verify_events import kafka_audit, print_events, proved_events
from serve_app.cli.verifying import explained, print_findings, progress
from serve_app.embedded.database import reachable_database

if TYPE_CHECKING:
    from rich.console import Console

    from actors.store.books import Report
    from serve_app.cli.terminal import Terminal

WithEvents = Annotated[
    bool,
    typer.Option("--events", help="Compare the outbox, Kafka and what consumers did as well."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the report as JSON.")]


def verify(
    postgres_url: PostgresUrl = None,
    data_dir: DataDir = None,
    *,
    with_events: WithEvents = False,
    as_json: AsJson = False,
) -> int:
    """Check every balance, entry and key in one snapshot; exit 1 if anything is wrong."""
    settings = load_settings(postgres_url=postgres_url, data_dir=data_dir)
    shown = terminal.terminal()
    with reachable_database(settings) as reachable:
        if not with_events:
            return verify_books(reachable.owner_dsn, shown, as_json=as_json)
        audit = kafka_audit(settings)
        report = proved_books(reachable.owner_dsn, shown)
        events = proved_events(reachable.owner_dsn, audit, shown)
    if as_json:
        facts = {**report.facts(), "events": events.facts()}
        shown.out.print(json.dumps(facts), markup=False)
    else:
        print_report(report, shown.out)
        print_events(events, shown.out)
    return 0 if report.is_clean and events.is_clean else 1


def verify_books(dsn: str, shown: Terminal, *, as_json: bool = False) -> int:
    """Print what the verification finds, keep it, and return the exit code.

    Raises:
        NotVerifiable: If the database does not answer or has no books.
    """
    report = proved_books(dsn, shown)
    if as_json:
        shown.out.print(json.dumps(report.facts()), markup=False)
    else:
        print_report(report, shown.out)
    return 0 if report.is_clean else 1


def proved_books(dsn: str, shown: Terminal) -> Report:
    """Return what the verification finds, and keep it.

    Raises:
        NotVerifiable: If the database does not answer or has no books.
    """
    with explained(), progress(shown.err) as told:
        report = books.verify(dsn, progress=told)
    try:
        books.save(dsn, report)
    except StoreUnavailable:
        shown.err.print("The report was not kept: this login may not write.", markup=False)
    return report


def print_report(report: Report, console: Console) -> None:
    """Print the findings, if there are any, and a short table."""
    print_findings(report, console)
    console.print(_table(report))


def _table(report: Report) -> Table:
    table = Table(title="The books are right" if report.is_clean else "The books are WRONG")
    table.add_column("what")
    table.add_column("found", justify="right")
    for name, count in (
        ("accounts", report.accounts),
        ("transfers", report.transfers),
        ("postings", report.postings),
        ("discrepancies", report.discrepancies),
    ):
        table.add_row(name, f"{count:,}")
    for code, sum_minor in report.currencies.items():
        known = currencies().get(code)
        table.add_row(f"sum in {code}", format_amount(sum_minor, known.decimals if known else 0))
    table.add_row("milliseconds", f"{report.duration_ms:,}")
    return table
