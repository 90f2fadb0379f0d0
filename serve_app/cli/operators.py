"""``gopherpay operators``: who may act for the platform."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from serve_app.cli import terminal
from serve_app.cli.identity import people
from serve_app.cli.options import DataDir, PostgresUrl, load_settings
from serve_app.embedded.database import reachable_database

if TYPE_CHECKING:
    from actors.settings import Settings

operators = typer.Typer(help="Say who may act for the platform.", no_args_is_help=True)

Email = Annotated[str, typer.Argument(help="The address of a registered user.")]


@operators.callback()
def _group() -> None:
    """Keep the verb of the group, also while there is only one."""


@operators.command("grant")
def grant(email: Email, postgres_url: PostgresUrl = None, data_dir: DataDir = None) -> None:
    """Make a user an operator."""
    settings = load_settings(postgres_url=postgres_url, data_dir=data_dir)
    with reachable_database(settings) as reachable:
        asyncio.run(_grant(reachable, email))
    terminal.out().print(f"{email} is an operator.", markup=False)


async def _grant(settings: Settings, email: str) -> None:
    async with people(settings) as identity:
        await identity.profiles.grant_operator(email)
