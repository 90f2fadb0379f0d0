"""The migration makes exactly the tables that the code describes."""

from __future__ import annotations

import pytest
import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.pool import NullPool

from actors.store import migrate

TABLES = {
    "users",
    "passwords",
    "sessions",
    "known_sources",
    "mail_tokens",
    "api_keys",
    "mails",
    "revocations",
    "throttles",
}


@pytest.mark.filterwarnings("ignore:Did not recognize type:sqlalchemy.exc.SAWarning")
def test_the_migration_and_the_tables_agree(database):
    with _connection(database.owner_dsn) as connection:
        context = MigrationContext.configure(
            connection, opts={"include_object": _is_ours, "compare_server_default": True}
        )

        assert compare_metadata(context, migrate.metadata()) == []


def test_every_check_has_the_name_that_the_tables_give_it(database):
    checks = {
        (table.name, str(constraint.name))  # by the convention already
        for table in migrate.metadata().tables.values()
        if table.name in TABLES
        for constraint in table.constraints
        if isinstance(constraint, sqlalchemy.CheckConstraint)
    }

    with _connection(database.owner_dsn) as connection:
        inspector = sqlalchemy.inspect(connection)
        found = {
            (table, check["name"])
            for table in TABLES
            for check in inspector.get_check_constraints(table)
        }

    assert checks == found


def _connection(dsn):
    return sqlalchemy.create_engine(
        dsn.replace("postgresql://", "postgresql+psycopg://"), poolclass=NullPool
    ).connect()


def _is_ours(item, _name, kind, *_):
    table = item if kind == "table" else item.table
    return table.name in TABLES
