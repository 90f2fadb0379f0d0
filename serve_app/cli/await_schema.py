"""``gopherpay await-schema``: wait until a migration that runs elsewhere is done."""

from __future__ import annotations

from typing import Annotated

import typer

from serve_app.cli import terminal
from serve_app.cli.migration import SCHEMA_SECONDS_MAX, await_schema
from serve_app.cli.options import PostgresUrl, load_settings
from serve_app.embedded.database import reachable_database

Seconds = Annotated[float, typer.Option("--seconds", min=0, help="How long to wait at most.")]


def await_schema_command(
    postgres_url: PostgresUrl = None, seconds: Seconds = SCHEMA_SECONDS_MAX
) -> None:
    """Wait until the database has the schema of this version; change nothing."""
    settings = load_settings(postgres_url=postgres_url)
    with reachable_database(settings) as reachable, terminal.progress() as report:
        await_schema(reachable, report, seconds_max=seconds)
    terminal.out().print("The schema is there.")
