"""A schema is made once, by one at a time, and is what the tables of the code say."""

import asyncio

import psycopg
import pytest
import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from actors.currencies import currencies
from actors.domain.errors import StoreUnavailable
from actors.domain.slots import SLOT_COUNT
from actors.store.health import Readiness
from actors.store.migrate import (
    COMMENT,
    SchemaTooNew,
    current_revision,
    expected_revision,
    is_enough,
    metadata,
    serves,
    upgrade,
)
from actors.store.pool import Pool
from tests.fixtures.ledger import assert_books_are_right

SEEDED = "SELECT (SELECT count(*) FROM accounts), (SELECT count(*) FROM slots)"


def _is_ours(name, kind, _parents):
    """Leave out the partitions: they come and go with the days."""
    return kind != "table" or not name.startswith("outbox_")


@pytest.fixture
async def pool(database):
    opened = Pool(database.app_dsn, size_max=1, name="readiness")
    await opened.open()
    yield opened
    await opened.close()


@pytest.mark.filterwarnings("ignore:Did not recognize type 'xid8'")
async def test_tables_and_migrations_say_the_same(database):
    engine = sqlalchemy.create_engine(
        "postgresql+psycopg://",
        creator=lambda: psycopg.connect(database.owner_dsn),
        poolclass=sqlalchemy.NullPool,
    )
    options = {"include_name": _is_ours, "compare_type": True, "compare_server_default": True}
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts=options)
        differences = compare_metadata(context, metadata())

    assert differences == []


async def test_checks_of_tables_and_migrations_are_the_same(owner):
    wanted = {
        (table.name, constraint.name)
        for table in metadata().tables.values()
        for constraint in table.constraints
        if isinstance(constraint, sqlalchemy.CheckConstraint)
    }
    found = await owner.execute(
        "SELECT conrelid::regclass::text, conname FROM pg_constraint"
        " WHERE contype = 'c' AND connamespace = 'public'::regnamespace AND conparentid = 0"
        " AND conrelid::regclass::text !~ '^outbox_'"
    )

    assert {(table, f"{name}") for table, name in wanted} == set(await found.fetchall())


def test_a_migration_can_be_repeated(empty_database):
    upgrade(empty_database.owner_dsn)
    with psycopg.connect(empty_database.owner_dsn) as owner:
        first = owner.execute(SEEDED).fetchone()
    upgrade(empty_database.owner_dsn)
    with psycopg.connect(empty_database.owner_dsn) as owner:
        second = owner.execute(SEEDED).fetchone()

    assert first == second == (len(currencies()), SLOT_COUNT)
    assert current_revision(empty_database.owner_dsn) == expected_revision()


async def test_migrations_at_once_take_turns(empty_database):
    said = []
    await asyncio.gather(
        *(
            asyncio.to_thread(upgrade, empty_database.owner_dsn, report=said.append)
            for _ in range(3)
        )
    )
    newest = expected_revision()

    assert sorted(said) == sorted(
        [
            f"schema at nothing, wanted {newest}",
            f"schema at {newest}, wanted {newest}",
            f"schema at {newest}, wanted {newest}",
        ]
    )
    await assert_books_are_right(empty_database.owner_dsn)


def test_a_schema_from_the_future_is_left_alone(database):
    with psycopg.connect(database.owner_dsn) as owner:
        owner.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SchemaTooNew, match="9999"):
        upgrade(database.owner_dsn)
    with pytest.raises(SchemaTooNew):
        current_revision(database.owner_dsn)


def test_a_newer_schema_that_only_adds_serves_this_version(database):
    said = []
    with psycopg.connect(database.owner_dsn) as owner:
        owner.execute("UPDATE alembic_version SET version_num = '9999'")
        owner.execute(f"COMMENT ON TABLE alembic_version IS 'serves 9999 {expected_revision()}'")

    upgrade(database.owner_dsn, report=said.append)

    assert said == [f"schema at 9999, wanted {expected_revision()}"]
    assert current_revision(database.owner_dsn) == "9999"
    assert is_enough("9999")
    assert not is_enough("0004")
    assert not is_enough(None)


def test_a_newer_schema_that_serves_a_later_version_only_is_left_alone(database):
    with psycopg.connect(database.owner_dsn) as owner:
        owner.execute("UPDATE alembic_version SET version_num = '9999'")
        owner.execute("COMMENT ON TABLE alembic_version IS 'serves 9999 9998'")

    with pytest.raises(SchemaTooNew, match="9999"):
        current_revision(database.owner_dsn)


def test_a_migration_leaves_word_whom_it_serves(database):
    with psycopg.connect(database.owner_dsn) as owner:
        ((word,),) = owner.execute(COMMENT).fetchall()

    assert word == "serves 0005 0004 0003 0002 0001"
    assert serves("0004", "0005", word)
    assert not serves("0006", "0005", word)


async def test_a_version_is_ready_on_a_newer_schema_that_serves_it(database, pool):
    with psycopg.connect(database.owner_dsn) as owner:
        owner.execute("UPDATE alembic_version SET version_num = '9999'")
    before = await Readiness(pool).failing()
    with psycopg.connect(database.owner_dsn) as owner:
        owner.execute(f"COMMENT ON TABLE alembic_version IS 'serves 9999 {expected_revision()}'")
    after = await Readiness(pool).failing()

    assert "schema" in before
    assert "schema" not in after


def test_a_database_that_was_never_migrated_has_no_revision(empty_database):
    assert current_revision(empty_database.owner_dsn) is None


def test_a_dead_database_is_unavailable():
    with pytest.raises(StoreUnavailable):
        upgrade("postgresql://nobody@127.0.0.1:1/none")


async def test_a_migration_repeated_beside_work_changes_no_money(bank, database):
    ada = await bank.wallet(100)
    await asyncio.to_thread(upgrade, database.owner_dsn)

    assert await bank.balance_minor(ada) == 100
    await assert_books_are_right(database.owner_dsn)
