"""Bring the schema of a database to the revision this version expects."""

from __future__ import annotations

import contextlib
import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psycopg
import sqlalchemy
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from actors.domain.errors import StoreUnavailable
from actors.store.outbox_partitions import ensure_partitions
from actors.store.roles import make_roles
from actors.store.seed import seed
from actors.store.tables.metadata import metadata as _metadata

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MIGRATION_LOCK: Final = 7_402_658_110
"""Advisory lock: two migrations of one database take turns."""

LOCK_TIMEOUT_MS: Final = 5_000
STATEMENT_TIMEOUT_MS: Final = 300_000


class SchemaTooNew(Exception):
    """The database was migrated by a newer version, which did more than to add."""


COMMENT: Final = "SELECT obj_description('alembic_version'::regclass, 'pg_class')"
"""What the newest migration has left word of: the revisions whose processes may go on."""


def metadata() -> sqlalchemy.MetaData:
    """Return the metadata with every table registered."""
    for module in (
        "ledger",
        "runtime",
        "identity",
        "books",
        "events",
        "notifications",
        "webhooks",
    ):
        importlib.import_module(f"actors.store.tables.{module}")
    return _metadata


def upgrade(dsn: str, *, report: Callable[[str], None] | None = None) -> None:
    """Migrate the database of *dsn* (an owner's login) to the newest revision and seed it.

    A newer schema that serves this version too is left as it is.

    Raises:
        SchemaTooNew: If the database knows a revision that this version does not.
        StoreUnavailable: If the database cannot be reached.
    """
    with _engine(dsn).connect() as connection:
        connection.exec_driver_sql(f"SET lock_timeout = {LOCK_TIMEOUT_MS}")
        connection.exec_driver_sql(f"SET statement_timeout = {STATEMENT_TIMEOUT_MS}")
        connection.exec_driver_sql(f"SELECT pg_advisory_lock({MIGRATION_LOCK})")
        connection.commit()
        try:
            _run(connection, report)
        finally:
            connection.rollback()
            connection.exec_driver_sql(f"SELECT pg_advisory_unlock({MIGRATION_LOCK})")


def _run(connection: sqlalchemy.Connection, report: Callable[[str], None] | None) -> None:
    """Apply what is missing."""
    present = _present(connection)
    if report is not None:
        report(f"schema at {present or 'nothing'}, wanted {expected_revision()}")
    connection.commit()
    if present is not None and present not in _known():
        return
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)  # noqa: S101  for the type checker
    make_roles(driver)
    driver.commit()
    command.upgrade(_config(connection), "head")
    connection.commit()
    seed(driver)
    ensure_partitions(driver)


def _present(connection: sqlalchemy.Connection) -> str | None:
    """Return the revision of the database.

    Raises:
        SchemaTooNew: If it is none of ours, nor one that serves us.
    """
    present = MigrationContext.configure(connection).get_current_revision()
    if present is None or present in _known():
        return present
    if not serves(expected_revision(), present, connection.exec_driver_sql(COMMENT).scalar()):
        raise SchemaTooNew(present)
    return present


def serves(wanted: str, present: str | None, comment: str | None) -> bool:
    """Tell whether a version that expects *wanted* can work on the schema *present*.

    It can on its own, and on a newer one that left word of itself in *comment*.
    """
    return present == wanted or {present, wanted} <= set((comment or "").split())


def served_by(revision: str) -> str:
    """Return what is left as a comment for versions that do not know the schema *revision*.

    A migration whose module says ``is_expansion = True`` has only added, so the processes of the
    revision before it keep working; that ends at the first one that does not say so.
    """
    served: list[str] = []
    for script in _scripts().iterate_revisions(revision, "base"):
        served.append(script.revision)
        if not getattr(script.module, "is_expansion", False):
            break
    return f"serves {' '.join(served)}"


def _known() -> set[str]:
    return {script.revision for script in _scripts().walk_revisions()}


def current_revision(dsn: str) -> str | None:
    """Return the revision the database is at, None when it was never migrated.

    Raises:
        SchemaTooNew: If it is a newer one that does not serve this version.
        StoreUnavailable: If the database cannot be reached.
    """
    with _engine(dsn).connect() as connection:
        return _present(connection)


def is_enough(revision: str | None) -> bool:
    """Tell whether *revision*, as ``current_revision`` returns it, is ours or a newer one."""
    older = _known() - {expected_revision()}
    return revision is not None and revision not in older


def expected_revision() -> str:
    """Return the revision this version works with."""
    head = _scripts().get_current_head()
    assert head is not None  # noqa: S101  the package carries its migrations
    return head


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config(None))


def _config(connection: sqlalchemy.Connection | None) -> Config:
    """Return Alembic's configuration without a file of its own."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _engine(dsn: str) -> sqlalchemy.Engine:
    """Return an engine that connects as psycopg reads *dsn*."""
    return sqlalchemy.create_engine(
        "postgresql+psycopg://", creator=lambda: _connect(dsn), poolclass=sqlalchemy.NullPool
    )


def _connect(dsn: str) -> psycopg.Connection:
    try:
        return psycopg.connect(dsn, connect_timeout=10, application_name="gopherpay migrate")
    except psycopg.OperationalError as error:
        raise StoreUnavailable from error


@contextlib.contextmanager
def owner_connection(dsn: str) -> Iterator[psycopg.Connection]:
    """Yield a plain connection of the owner, committed at the end."""
    with _connect(dsn) as connection:
        yield connection
