"""``gopherpay events parked`` and ``unpark``: events that the bus refused."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer
from rich.table import Table

from actors.store.parked import give_up_first, parked_subjects, try_now
from actors.store.pool import Pool
from serve_app.cli import terminal
from serve_app.cli.options import DataDir, PostgresUrl, load_settings
from serve_app.embedded.database import reachable_database

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from actors.settings import Settings
    from actors.store.parked import ParkedSubject

Subject = Annotated[
    UUID | None, typer.Argument(help="The account or user, as 'events parked' names it.")
]
All = Annotated[bool, typer.Option("--all", help="Every subject.")]
Skip = Annotated[
    bool, typer.Option("--skip", help="Give the first event of the subject up for good.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")]

app = typer.Typer(help="Events that the bus refused.", no_args_is_help=True)


@app.command("parked")
def parked(postgres_url: PostgresUrl = None, data_dir: DataDir = None) -> None:
    """List the accounts and users whose events wait because one of them is refused."""
    settings = load_settings(postgres_url=postgres_url, data_dir=data_dir)
    with reachable_database(settings) as reachable:
        found = asyncio.run(_listed(reachable))
    if not found:
        terminal.out().print("No event is parked.")
        return
    terminal.out().print(_table(found))


@app.command("unpark")
def unpark(
    subject: Subject = None,
    *,
    every: All = False,
    skip: Skip = False,
    yes: Yes = False,
    postgres_url: PostgresUrl = None,
    data_dir: DataDir = None,
) -> None:
    """Let parked events be tried again at once, or give one up so that those behind it may go."""
    if (subject is None) != every or (skip and subject is None):
        raise typer.BadParameter("name one subject, or --all; --skip needs one subject")
    settings = load_settings(postgres_url=postgres_url, data_dir=data_dir)
    if skip and not yes:
        typer.confirm("Nobody will ever be told of this event. Give it up?", abort=True, err=True)
    with reachable_database(settings) as reachable:
        given_up, subjects = asyncio.run(_unparked(reachable, subject, skip=skip))
    for seq in given_up:
        terminal.out().print(f"Event {seq} is given up.")
    terminal.out().print(f"Subjects that are tried again now: {subjects}.")


async def _listed(settings: Settings) -> list[ParkedSubject]:
    async with _pool(settings) as pool:
        return await parked_subjects(pool)


async def _unparked(
    settings: Settings, subject: UUID | None, *, skip: bool
) -> tuple[list[int], int]:
    """Return the events that were given up, and how many subjects are tried again."""
    async with _pool(settings) as pool:
        given_up = await give_up_first(pool, subject) if skip and subject is not None else []
        return given_up, await try_now(pool, subject)


@asynccontextmanager
async def _pool(settings: Settings) -> AsyncIterator[Pool]:
    pool = Pool(settings.app_dsn, size_max=2, name="gopherpay events")
    await pool.open()
    try:
        yield pool
    finally:
        await pool.close()


def _table(found: Sequence[ParkedSubject]) -> Table:
    table = Table(title=f"{len(found):,} subjects wait")
    for name in ("reader", "subject", "waiting", "first event", "tried again", "next try", "error"):
        table.add_column(name)
    for each in found:
        table.add_row(
            each.reader,
            str(each.subject_id),
            f"{each.events:,}",
            f"{each.seq} {each.type or '(no longer kept)'}",
            f"{each.attempts:,} times",
            f"{each.next_attempt_at:%Y-%m-%d %H:%M:%SZ}",
            each.error,
        )
    return table
