"""``gopherpay verify``: prove the books from the database alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from actors.domain.errors import StoreUnavailable
from actors.store.books import verification
from actors.store.books.history import save
from serve_app.cli import terminal
from serve_app.cli.options import DataDir, PostgresUrl, load_settings
from serve_app.embedded.database import reachable_database
from serve_app.embedded.failures import StartFailure

if TYPE_CHECKING:
    from rich.console import Console

    from actors.store.books.report import Report
    from serve_app.cli.terminal import Terminal


class NotVerifiable(StartFailure):
    """There are no books to verify, or they cannot be read."""


def verify(postgres_url: PostgresUrl = None, data_dir: DataDir = None) -> int:
    """Check every balance, entry and key in one snapshot; exit 1 if anything is wrong."""
    settings = load_settings(postgres_url=postgres_url, data_dir=data_dir)
    with reachable_database(settings) as reachable:
        return verify_books(reachable.owner_dsn, terminal.terminal())


def verify_books(dsn: str, shown: Terminal) -> int:
    """Print what the verification finds, keep it, and return the exit code.

    Raises:
        NotVerifiable: If the database does not answer or has no books.
    """
    try:
        report = _verified(dsn, shown.err)
        save(dsn, report)
    except StoreUnavailable as error:
        raise NotVerifiable("The database does not answer.") from error
    except verification.SchemaMissing as error:
        raise NotVerifiable(
            "The database holds no books yet; 'gopherpay migrate' makes them."
        ) from error
    _print(report, shown.out)
    return 0 if report.is_clean else 1


def _verified(dsn: str, console: Console) -> Report:
    """Verify under a moving bar; off a terminal nothing moves."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Progress(
        *columns,
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as bar:
        task = bar.add_task("verifying", total=1.0)
        return verification.verify(
            dsn,
            progress=lambda text, part: bar.update(task, description=text, completed=part),
        )


def _print(report: Report, console: Console) -> None:
    for finding in report.findings:
        console.print(str(finding), markup=False)
    sums = ", ".join(f"{code} {total}" for code, total in report.currencies.items())
    verdict = "The books are right" if report.is_clean else "The books are WRONG"
    console.print(
        f"{verdict}: {report.discrepancies} discrepancies in {report.accounts} accounts,"
        f" {report.transfers} transfers and {report.postings} postings"
        f" ({report.duration_ms} ms; sums: {sums or 'none'}).",
        markup=False,
    )
