"""``gopherpay config``: what the settings are, and where each comes from."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from rich.table import Table

from actors.settings import PREFIX, Settings
from serve_app.cli import terminal
from serve_app.cli.options import DataDir, Port, PostgresUrl, ProfileName, load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator


def config(
    postgres_url: PostgresUrl = None,
    port: Port = None,
    data_dir: DataDir = None,
    profile: ProfileName = None,
) -> None:
    """Print every setting with secrets masked, and whether it was chosen or is the default."""
    settings = load_settings(
        postgres_url=postgres_url, port=port, data_dir=data_dir, profile=profile
    )
    table = Table("variable", "value", "from")
    for row in rows(settings):
        table.add_row(*row)
    terminal.out().print(table)


def rows(settings: Settings) -> Iterator[tuple[str, str, str]]:
    """Yield each setting's variable, its value for the eye, and where it comes from."""
    for name in Settings.model_fields:
        variable = f"{PREFIX}{name.upper()}"
        value = getattr(settings, name)
        yield variable, "-" if value is None else str(value), _source(settings, name, variable)


def _source(settings: Settings, name: str, variable: str) -> str:
    if name not in settings.model_fields_set:
        return "default"
    chosen = getattr(settings, name)
    return "environment" if os.environ.get(variable) in {str(chosen), _plain(chosen)} else "option"


def _plain(value: object) -> str | None:
    reveal = getattr(value, "get_secret_value", None)
    return None if reveal is None else reveal()
