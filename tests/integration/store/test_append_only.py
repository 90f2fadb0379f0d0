"""History cannot be changed by those who write it, nor by an ordinary statement of its owner."""

import json
from pathlib import Path

import psycopg
import pytest

from tests.fixtures.ledger import a_movement

HISTORY = ("transfers", "postings", "idempotency_keys")
GRANTS = json.loads(Path(__file__).with_name("grants.json").read_text(encoding="utf-8"))

CHANGES = {
    "update": "UPDATE {table} SET {column} = {column}",
    "delete": "DELETE FROM {table}",
    "truncate": "TRUNCATE {table} CASCADE",
    "merge": "MERGE INTO {table} t USING {table} s ON t.{column} = s.{column}"
    " WHEN MATCHED THEN UPDATE SET {column} = s.{column}",
}
UPSERT = "INSERT INTO {table} SELECT * FROM {table} ON CONFLICT ({key}) DO UPDATE SET {column} = "
UPSERT += "excluded.{column}"
KEYS = {
    "transfers": "id",
    "postings": "account_id, version",
    "idempotency_keys": "principal_id, idempotency_key",
}
COLUMNS = {
    "transfers": "amount_minor",
    "postings": "amount_minor",
    "idempotency_keys": "fingerprint",
}
FORBIDDEN = {
    "alter": "ALTER TABLE {table} ADD COLUMN odd int",
    "disable trigger": "ALTER TABLE {table} DISABLE TRIGGER ALL",
    "drop trigger": "DROP TRIGGER {table}_append_only_row ON {table}",
    "replace the guard": "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger"
    " LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    "drop": "DROP TABLE {table} CASCADE",
    "switch off": "SET session_replication_role = replica",
    "a table of its own": "CREATE TABLE {table}_2 ()",
}

GRANTED = """
SELECT table_name, privilege_type FROM information_schema.role_table_grants
WHERE grantee = 'gopherpay_app' AND table_schema = 'public'
"""
GRANTED_COLUMNS = """
SELECT table_name, column_name, privilege_type FROM information_schema.role_column_grants
WHERE grantee = 'gopherpay_app' AND table_schema = 'public' AND privilege_type = 'UPDATE'
"""


@pytest.fixture
async def with_history(bank):
    ada, bob = await bank.wallet(100), await bank.wallet()
    await bank.post(a_movement(ada, bob, 1))


@pytest.fixture
def run(database):
    """Return a way to run one statement as the application or as the owner."""

    def run(dsn_name, statement, table="transfers"):
        text = statement.format(table=table, column=COLUMNS[table], key=KEYS[table])
        with psycopg.connect(getattr(database, dsn_name)) as connection:
            if dsn_name == "app_dsn":  # a login of its own, not a superuser in disguise
                connection.execute("SET SESSION AUTHORIZATION gopherpay_app")
            connection.execute(text.encode())

    return run


@pytest.mark.usefixtures("with_history")
@pytest.mark.parametrize("table", HISTORY)
async def test_the_application_adds_to_history_and_nothing_else(run, table):
    for statement in (*CHANGES.values(), UPSERT, *FORBIDDEN.values()):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            run("app_dsn", statement, table)


@pytest.mark.usefixtures("with_history")
@pytest.mark.parametrize("table", HISTORY)
async def test_the_owner_does_not_change_history_by_an_ordinary_statement(run, table):
    for statement in (*CHANGES.values(), UPSERT):
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
            run("owner_dsn", statement, table)


@pytest.mark.usefixtures("with_history")
async def test_a_replica_session_of_the_owner_is_refused_too(database):
    with psycopg.connect(database.owner_dsn) as owner:
        owner.execute("SET session_replication_role = replica")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
            owner.execute("DELETE FROM postings")


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM accounts",
        "UPDATE accounts SET currency = 'EUR'",
        "UPDATE accounts SET owner_id = id",
        "UPDATE accounts SET kind = 'world'",
        "UPDATE accounts SET created_at = now()",
        "DELETE FROM outbox",
        "UPDATE outbox SET type = ''",
        "DELETE FROM slots",
        "INSERT INTO slots VALUES (1)",
        "UPDATE book_verifications SET discrepancies = 0",
        "DELETE FROM book_verifications",
        "SELECT setval('outbox_seq', 1)",
        "UPDATE alembic_version SET version_num = '9999'",
    ],
)
async def test_the_application_may_not(run, statement):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        run("app_dsn", statement)


async def test_the_application_has_exactly_the_grants_of_the_list(owner):
    tables = {}
    for table, privilege in await (await owner.execute(GRANTED)).fetchall():
        tables.setdefault(table, []).append(privilege)
    columns = {}
    for table, column, _ in await (await owner.execute(GRANTED_COLUMNS)).fetchall():
        if "UPDATE" not in tables[table]:
            columns.setdefault(table, []).append(column)

    assert {table: sorted(granted) for table, granted in tables.items()} == GRANTS["tables"]
    assert {table: sorted(granted) for table, granted in columns.items()} == GRANTS[
        "update_columns"
    ]


async def test_the_application_owns_nothing_and_is_no_superuser(owner):
    owned = await owner.execute(
        "SELECT c.relname FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner"
        " WHERE r.rolname = 'gopherpay_app'"
    )
    role = await owner.execute(
        "SELECT rolsuper, rolcreaterole, rolcreatedb, rolbypassrls, rolreplication, rolcanlogin"
        " FROM pg_roles WHERE rolname = 'gopherpay_app'"
    )

    assert await owned.fetchall() == []
    assert await role.fetchone() == (False,) * 6


async def test_every_constraint_has_a_name_of_ours(owner):
    unnamed = await owner.execute(
        "SELECT conname FROM pg_constraint WHERE connamespace = 'public'::regnamespace"
        " AND contype <> 'n' AND conname !~ '^(pk|fk|ck|uq)_'"
        " AND conrelid::regclass::text !~ '^(alembic_version|outbox_)'"
    )

    assert await unnamed.fetchall() == []


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("balance_minor = -1", "ck_accounts_floor"),
        ("balance_minor = 0, held_minor = 1", "ck_accounts_floor"),
        ("overdraft_minor = -1, balance_minor = 9", "ck_accounts_overdraft_not_negative"),
        ("held_minor = -1", "ck_accounts_held_not_negative"),
        ("status = 'closed', balance_minor = 1", "ck_accounts_closed_is_empty"),
        ("status = 'odd'", "ck_accounts_status"),
        ("version = -1", "ck_accounts_version_not_negative"),
        ("name = ''", "ck_accounts_name_length"),
    ],
)
async def test_the_database_itself_keeps_the_floors(bank, owner, change, constraint):
    ada = await bank.wallet()
    with pytest.raises(psycopg.errors.CheckViolation) as caught:
        await owner.execute(f"UPDATE accounts SET {change} WHERE id = %s".encode(), (ada,))  # noqa: S608

    assert caught.value.diag.constraint_name == constraint


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("amount_minor = 0", "ck_transfers_amount_range"),
        ("amount_minor = 1000000000000001", "ck_transfers_amount_range"),
        ("destination_account_id = source_account_id", "ck_transfers_two_accounts"),
    ],
)
@pytest.mark.usefixtures("with_history")
async def test_the_database_itself_refuses_an_odd_transfer(owner, change, constraint):
    await owner.execute("ALTER TABLE transfers DISABLE TRIGGER ALL")
    with pytest.raises(psycopg.errors.CheckViolation) as caught:
        await owner.execute(f"UPDATE transfers SET {change}".encode())  # noqa: S608

    assert caught.value.diag.constraint_name == constraint
