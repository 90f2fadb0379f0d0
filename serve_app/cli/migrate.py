"""``gopherpay migrate``: bring the database to this version's schema."""

from __future__ import annotations

from serve_app.cli import terminal
from serve_app.cli.migration import migrate_database
from serve_app.cli.options import DataDir, PostgresUrl, load_settings
from serve_app.embedded.database import reachable_database


def migrate(postgres_url: PostgresUrl = None, data_dir: DataDir = None) -> None:
    """Bring the database to the schema of this version; repeating it changes nothing."""
    settings = load_settings(postgres_url=postgres_url, data_dir=data_dir)
    with reachable_database(settings) as reachable:
        migrate_database(reachable, report=lambda text: terminal.err().print(text, markup=False))
    terminal.out().print("The schema is up to date.")
