"""``gopherpay verify``: prove the books from the database alone."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from actors.currencies import currencies
from actors.domain.errors import StoreUnavailable
from actors.domain.money import format_amount
from actors.store import books
from serve_app.cli import terminal
from serve_app.cli.options import DataDir, PostgresUrl, load_settings
from serve_app.embedded.database import reachable_database
from serve_app.embedded.failures import StartFailure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console

    from actors.store.books import Report
    from serve_app.cli.terminal import Terminal

AsJson = Annotated[bool, typer.Option("--json", help="Print the report as JSON.")]


class NotVerifiable(StartFailure):
    """There are no books to verify, or they cannot be read."""


def verify(
    postgres_url: PostgresUrl = None, data_dir: DataDir = None, *, as_json: AsJson = False
) -> int:
    """Check every balance, entry and key in one snapshot; exit 1 if anything is wrong."""
    settings = load_settings(postgres_url=postgres_url, data_dir=data_dir)
    with reachable_database(settings) as reachable:
        return verify_books(reachable.owner_dsn, terminal.terminal(), as_json=as_json)


def verify_books(dsn: str, shown: Terminal, *, as_json: bool = False) -> int:
    """Print what the verification finds, keep it, and return the exit code.

    Raises:
        NotVerifiable: If the database does not answer or has no books.
    """
    try:
        with _progress(shown.err) as progress:
            report = books.verify(dsn, progress=progress)
    except StoreUnavailable as error:
        raise NotVerifiable("The database does not answer.") from error
    except books.SchemaMissing as error:
        raise NotVerifiable(
            "The database holds no books yet; 'gopherpay migrate' makes them."
        ) from error
    try:
        books.save(dsn, report)
    except StoreUnavailable:
        shown.err.print("The report was not kept: this login may not write.", markup=False)
    if as_json:
        shown.out.print(json.dumps(report.facts()), markup=False)
    else:
        _print(report, shown.out)
    return 0 if report.is_clean else 1


def _print(report: Report, console: Console) -> None:
    """Print the findings, if there are any, and a short table."""
    for finding in report.findings:
        console.print(str(finding), markup=False)
    if unnamed := report.discrepancies - len(report.findings):
        console.print(f"... and {unnamed:,} more")
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


@contextmanager
def _progress(console: Console) -> Iterator[Callable[[str, float], None]]:
    """Yield what moves the bar: one line on a terminal, a line a check elsewhere."""
    if not console.is_terminal:
        yield lambda title, part: console.print(f"{part:4.0%}  {title}", markup=False)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as bar:
        task = bar.add_task("connecting", total=1.0)
        yield lambda title, part: bar.update(task, description=title, completed=part)
