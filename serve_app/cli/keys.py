"""``gopherpay keys``: keys that belong to the platform itself."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from serve_app.cli import terminal
from serve_app.cli.identity import people
from serve_app.cli.options import DataDir, PostgresUrl, load_settings
from serve_app.embedded.database import reachable_database

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actors.settings import Settings

keys = typer.Typer(help="Make keys that belong to the platform itself.", no_args_is_help=True)

Scopes = Annotated[str, typer.Option(help="Scopes, separated by commas.")]
Name = Annotated[str, typer.Option(help="What the key is for.")]


@keys.callback()
def _group() -> None:
    """Keep the verb of the group, also while there is only one."""


@keys.command("create")
def create(
    scopes: Scopes, name: Name, postgres_url: PostgresUrl = None, data_dir: DataDir = None
) -> None:
    """Print the secret of a new key; it is shown this once."""
    settings = load_settings(postgres_url=postgres_url, data_dir=data_dir)
    with reachable_database(settings) as reachable:
        secret = create_key(reachable, [each.strip() for each in scopes.split(",")], name)
    terminal.out().print(secret, markup=False)


def create_key(settings: Settings, scopes: Sequence[str], name: str) -> str:
    """Make a key of the platform and return its secret."""
    return asyncio.run(_create(settings, scopes, name))


async def _create(settings: Settings, scopes: Sequence[str], name: str) -> str:
    async with people(settings) as identity:
        made = await identity.api_keys.create_for_platform(name, scopes)
        return made.secret
