"""``gopherpay up``: the whole platform in the foreground, until Ctrl-C."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from serve_app.cli import terminal
from serve_app.cli.demo import tell_story
from serve_app.cli.options import (
    DataDir,
    OwnKafka,
    Port,
    PostgresUrl,
    ProfileName,
    load_settings,
)
from serve_app.cli.platform import Platform, Stopped, running_platform
from serve_app.embedded.data_folder import find_running
from serve_app.embedded.database import with_postgres

if TYPE_CHECKING:
    from actors.settings import Settings
    from serve_app.cli.terminal import Terminal

Demo = Annotated[bool, typer.Option("--demo", help="Play the demonstration, then stop.")]


def up(
    postgres_url: PostgresUrl = None,
    port: Port = None,
    data_dir: DataDir = None,
    profile: ProfileName = None,
    *,
    demo: Demo = False,
    kafka: OwnKafka = False,
) -> None:
    """Start the platform in the foreground; Ctrl-C stops it and keeps the data."""
    settings = load_settings(
        postgres_url=postgres_url, port=port, data_dir=data_dir, profile=profile
    )
    running = find_running(settings.data_dir) if demo else None
    if running is not None:
        tell_story(running.url, with_postgres(settings, running.owner_dsn), terminal.terminal())
    else:
        run(settings, demo=demo, kafka=kafka)


def run(settings: Settings, *, demo: bool, kafka: bool = False) -> None:
    """Run the platform until it is asked to stop, or until the demonstration is over."""
    shown = terminal.terminal()
    with suppress(Stopped), ExitStack() as parts:
        with terminal.progress() as report:
            platform = parts.enter_context(running_platform(settings, report, kafka=kafka))
        if demo:
            tell_story(settings.url, platform.settings, shown)
        else:
            shown.out.print(_places(platform.settings))
            _watch(platform, shown)
    shown.err.print("Stopped.")


def _watch(platform: Platform, shown: Terminal) -> None:
    """Watch until a signal comes, and say that the ending has begun."""
    try:
        platform.watch()
    except Stopped:
        shown.err.print("Stopping; the data is kept …")
        raise


def _places(settings: Settings) -> Table:
    table = Table(show_header=False, title="GopherPay is ready. Ctrl-C stops it.")
    table.add_row("URL", settings.url)
    if settings.serves_docs:
        table.add_row("Documentation", f"{settings.url}/docs")
    if settings.kafka_bootstrap_servers is not None:
        table.add_row("Kafka", settings.kafka_bootstrap_servers)
    table.add_row("Data folder", str(settings.data_dir))
    table.add_row("Log folder", str(settings.logs_folder))
    return table
