"""``gopherpay events``: how far readers of events are, what was given up, and doing it again."""

from __future__ import annotations

import sys
from collections import deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from actors.ports.replay import KeptLetter
from serve_app.cli import events_parked, terminal
from serve_app.cli.events_bus import CONSUMERS, answered, opened_bus
from serve_app.cli.events_lag import readings
from serve_app.cli.events_replay import Wish, look, outcome_table, replay
from serve_app.cli.events_selection import Asked, check
from serve_app.cli.options import DataDir, PostgresUrl, load_settings
from serve_app.embedded.database import reachable_database

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actors.settings import Settings
    from serve_app.cli.events_lag import Reading
    from serve_app.cli.events_replay import EffectFactory, Outcome

Topic = Annotated[str | None, typer.Option(help="A topic: 'account', 'user', or its whole name.")]
Partition = Annotated[
    int | None, typer.Option(min=0, help="One partition of --topic; a lane without Kafka.")
]
Offset = Annotated[int | None, typer.Option(min=0, help="From this offset of --partition on.")]
Since = Annotated[
    str | None, typer.Option(help="Written then or later: 2026-01-31T12:00:00Z, or 90m, 12h, 7d.")
]
Until = Annotated[str | None, typer.Option(help="Written before, in the same form.")]
EventId = Annotated[str | None, typer.Option(help="The one event with this id.")]
Letters = Annotated[bool, typer.Option("--dead-letters", help="What was given up.")]
Reason = Annotated[str | None, typer.Option(help="Of the dead letters, those with this reason.")]
ForConsumer = Annotated[
    str | None,
    typer.Option("--consumer", help=f"{' or '.join(CONSUMERS)}. [default: both]"),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")]
Limit = Annotated[int, typer.Option(min=1, max=10_000, help="At most so many, the newest.")]


def events_app(effects: EffectFactory) -> typer.Typer:
    """Return the verbs of ``gopherpay events``; a replay acts through *effects*."""
    app = typer.Typer(help="Watch, list and replay events.", no_args_is_help=True)

    @app.callback()
    def _group(context: typer.Context) -> None:
        """Watch, list and replay events."""
        context.obj = effects

    app.command("lag")(lag)
    app.command("dead-letters")(dead_letters)
    app.command("replay")(replay_events)
    app.add_typer(events_parked.app)
    return app


def replay_events(  # noqa: PLR0913  a parameter an option, as typer reads them
    context: typer.Context,
    *,
    topic: Topic = None,
    partition: Partition = None,
    offset: Offset = None,
    since: Since = None,
    until: Until = None,
    event_id: EventId = None,
    dead_letters: Letters = False,
    reason: Reason = None,
    consumer: ForConsumer = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    postgres_url: PostgresUrl = None,
    data_dir: DataDir = None,
) -> int:
    """Let events have the effect they have not had yet, each once; say first what is due."""
    asked = Asked(
        topic=topic,
        partition=partition,
        offset=offset,
        since=since,
        until=until,
        event_id=event_id,
        dead_letters=dead_letters,
        reason=reason,
        consumer=consumer,
    )
    check(asked)
    settings = load_settings(postgres_url=postgres_url, data_dir=data_dir)
    with reachable_database(settings) as reachable:
        wish = Wish(reachable, asked, datetime.now(UTC))
        outcome = _looked_at(wish)
        if not outcome.due or not _is_wanted(outcome, dry_run=dry_run, yes=yes):
            return 0
        return _replayed(wish, context.obj)


def _looked_at(wish: Wish) -> Outcome:
    """Print what a replay would do."""
    with terminal.progress() as tell:
        outcome = answered(look(wish, tell))
    terminal.out().print(outcome_table(outcome, "What a replay would do"))
    return outcome


def _replayed(wish: Wish, effects: EffectFactory) -> int:
    """Do it, print what was done and what failed, and return the exit code."""
    with terminal.progress() as tell:
        outcome = answered(replay(wish, effects, tell))
    console = terminal.out()
    for letter in outcome.failed:
        record = letter.record
        console.print(
            f"{letter.consumer}: event {letter.event_id} at {record.topic}/{record.partition} "
            f"offset {record.offset} failed: {letter.reason}: {letter.detail}",
            markup=False,
        )
    done = outcome.due - len(outcome.failed)
    console.print(f"{done:,} events had their effect, {len(outcome.failed):,} failed.")
    return 1 if outcome.failed else 0


def _is_wanted(outcome: Outcome, *, dry_run: bool, yes: bool) -> bool:
    """Tell whether the replay shall be done; whoever is not at a terminal says it with --yes."""
    if dry_run or yes:
        return yes and not dry_run
    if not sys.stdin.isatty():
        terminal.err().print("Nothing was done; --yes does it.", markup=False)
        return False
    return typer.confirm(f"Let {outcome.due:,} events have their effect?")


def dead_letters(
    *,
    consumer: ForConsumer = None,
    reason: Reason = None,
    limit: Limit = 50,
    postgres_url: PostgresUrl = None,
    data_dir: DataDir = None,
) -> None:
    """List what was given up, and whether it has had its effect since."""
    settings = load_settings(postgres_url=postgres_url, data_dir=data_dir)
    with reachable_database(settings) as reachable:
        count, rows = answered(_letters(reachable, consumer, reason, limit))
    console = terminal.out()
    if count:
        console.print(_letter_table(rows))
    console.print(f"{count:,} dead letters; the newest {len(rows):,} are shown.", markup=False)


async def _letters(
    settings: Settings, consumer: str | None, reason: str | None, limit: int
) -> tuple[int, Sequence[tuple[KeptLetter, bool]]]:
    """Return how many letters there are, and the newest with whether each is done."""
    async with opened_bus(settings) as bus:
        count, newest = 0, deque[KeptLetter](maxlen=limit)
        async for page in bus.letters.letters(consumer=consumer, reason=reason):
            count += len(page)
            newest.extend(page)
        done = {
            (each, event_id)
            for each in CONSUMERS
            for event_id in await bus.inbox.known(
                each, [kept.letter.event_id for kept in newest if kept.letter.event_id]
            )
        }
    return count, [(kept, (kept.letter.consumer, kept.letter.event_id) in done) for kept in newest]


def _letter_table(rows: Sequence[tuple[KeptLetter, bool]]) -> Table:
    table = Table()
    for name in ("given up", "consumer", "reason", "detail", "tries", "where", "event", "since"):
        table.add_column(name)
    for kept, is_done in rows:
        letter, record = kept.letter, kept.letter.record
        table.add_row(
            f"{kept.added_at:%Y-%m-%d %H:%M:%SZ}",
            letter.consumer,
            letter.reason,
            Text(letter.detail),
            f"{letter.attempts}",
            f"{record.topic}/{record.partition}@{record.offset}",
            "" if letter.event_id is None else str(letter.event_id),
            "done" if is_done else "open",
        )
    return table


def lag(*, postgres_url: PostgresUrl = None, data_dir: DataDir = None) -> None:
    """Show how far each reader of events is behind."""
    settings = load_settings(postgres_url=postgres_url, data_dir=data_dir)
    with reachable_database(settings) as reachable:
        found = answered(readings(reachable))
    terminal.out().print(_lag_table(found))


def _lag_table(found: Sequence[Reading]) -> Table:
    table = Table()
    table.add_column("reader")
    for name in ("events behind", "oldest", "parked"):
        table.add_column(name, justify="right")
    for each in found:
        oldest = "" if each.oldest_seconds is None else f"{each.oldest_seconds:,.1f} s"
        parked = "" if each.parked is None else f"{each.parked:,}"
        table.add_row(each.reader, f"{each.events:,}", oldest, parked)
    return table
