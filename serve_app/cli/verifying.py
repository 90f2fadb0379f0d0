"""What every verification has: progress, findings, and why there can be none."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from actors.domain.errors import StoreUnavailable
from actors.store import books
from serve_app.embedded.failures import StartFailure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.console import Console

    from actors.store.books import Finding


class NotVerifiable(StartFailure):
    """There is nothing to verify, or it cannot be read."""


class Findings(Protocol):
    """What a report has found."""

    @property
    def findings(self) -> Sequence[Finding]:
        """Return the first discrepancies."""
        ...

    @property
    def discrepancies(self) -> int:
        """Return how many there are."""
        ...


@contextmanager
def explained() -> Iterator[None]:
    """Say in one sentence why there is nothing to verify.

    Raises:
        NotVerifiable: If the database does not answer or has no books.
    """
    try:
        yield
    except StoreUnavailable as error:
        raise NotVerifiable("The database does not answer.") from error
    except books.SchemaMissing as error:
        raise NotVerifiable(
            "The database holds no books yet; 'gopherpay migrate' makes them."
        ) from error


def print_findings(report: Findings, console: Console) -> None:
    """Print each finding in one line, and how many more there are."""
    for finding in report.findings:
        console.print(str(finding), markup=False)
    if unnamed := report.discrepancies - len(report.findings):
        console.print(f"... and {unnamed:,} more")


@contextmanager
def progress(console: Console) -> Iterator[Callable[[str, float], None]]:
    """Yield what moves the bar: one line on a terminal, a line a check elsewhere."""
    if not console.is_terminal:
        yield lambda title, part: console.print(f"{part:4.0%}  {title}", markup=False)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as bar:
        task = bar.add_task("connecting", total=1.0)
        yield lambda title, part: bar.update(task, description=title, completed=part)
