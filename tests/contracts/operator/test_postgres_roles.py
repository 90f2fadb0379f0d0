"""Roles on a real server: what is planned becomes so, is planned once, and lets people in."""

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from gopherpay_operator.backends.ports import Overtaken, Rejected
from gopherpay_operator.backends.postgres import PostgresServer
from gopherpay_operator.backends.postgres_databases import PostgresDatabases
from gopherpay_operator.backends.postgres_roles import PostgresRoles
from gopherpay_operator.plans.actions import Reason
from gopherpay_operator.plans.desired import (
    Attributes,
    ObjectGrant,
    Password,
    PostgresDatabase,
    PostgresRole,
    Profile,
    ProfileGrant,
)
from gopherpay_operator.plans.policy import Adoption
from tests.contracts.operator.conftest import THEIRS, Operator

SALT = b"0123456789abcdef"
MAKE = (
    "CREATE TABLE accounts (id int PRIMARY KEY, note text)",
    "CREATE SEQUENCE numbers",
    "CREATE TABLE outbox (id int) PARTITION BY RANGE (id)",
    "CREATE TABLE outbox_1 PARTITION OF outbox FOR VALUES FROM (0) TO (9)",
    "CREATE TABLE event_cursors (reader text)",
)


@pytest.fixture
def operator(server):
    return Operator(PostgresRoles(server))


@pytest.fixture
def ledger(free_name, ask):
    """Return the name of a database with the platform's kind of tables."""
    name = f"{free_name}_ledger"
    ask(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    ask(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(name)))
    for statement in MAKE:
        ask(statement, database=name)
    return name


def login(postgres, role, password, database):
    address = make_conninfo(postgres.dsn(database), user=role, password=password)
    return psycopg.connect(address, autocommit=True)


def reasons(made):
    return [each.reason for each in made.refusals]


@pytest.mark.parametrize("password", ["correct-horse", "pässwörd\u00a0\u2168", "'; DROP ROLE x"])
def test_a_role_logs_in_with_its_password_and_then_nothing_is_left_to_do(
    operator, postgres, free_name, ledger, password
):
    wanted = PostgresRole(
        free_name,
        Attributes(connection_limit=4),
        grants=(ProfileGrant(ledger, Profile.READER),),
        password=Password(password, SALT),
    )

    operator.reconcile(wanted)

    assert operator.look(wanted).is_empty
    with login(postgres, free_name, password, ledger) as session:
        assert session.execute("SELECT count(*) FROM accounts").fetchone() == (0,)


def test_another_password_replaces_the_one_before(operator, postgres, free_name, ledger):
    grants = (ProfileGrant(ledger, Profile.READER),)
    operator.reconcile(PostgresRole(free_name, grants=grants, password=Password("old-one", SALT)))
    wanted = PostgresRole(free_name, grants=grants, password=Password("new-one", SALT))

    done = operator.reconcile(wanted)

    assert done.sentences == (f"Set the password of role '{free_name}'.",)
    with login(postgres, free_name, "new-one", ledger):
        pass
    with pytest.raises(psycopg.OperationalError):
        login(postgres, free_name, "old-one", ledger)


def test_the_server_never_sees_a_password(operator, free_name, ask):
    operator.reconcile(PostgresRole(free_name, password=Password("tell-nobody", SALT)))

    [(kept,)] = ask("SELECT rolpassword FROM pg_authid WHERE rolname = %s", free_name)
    assert kept.startswith("SCRAM-SHA-256$4096:")


@pytest.mark.parametrize("profile", Profile)
def test_every_profile_is_reached_in_one_pass(operator, free_name, ledger, profile):
    wanted = PostgresRole(free_name, grants=(ProfileGrant(ledger, profile),))

    operator.reconcile(wanted)

    assert operator.look(wanted).is_empty


@pytest.mark.parametrize(
    ("profile", "statement", "is_allowed"),
    [
        (Profile.READER, "SELECT FROM accounts", True),
        (Profile.READER, "DELETE FROM accounts", False),
        (Profile.WRITER, "UPDATE accounts SET note = '' WHERE id = 1", True),
        (Profile.WRITER, "SELECT nextval('numbers')", True),
        (Profile.WRITER, "TRUNCATE accounts", False),
        (Profile.WRITER, "CREATE TABLE mine ()", False),
        (Profile.MIGRATOR, "CREATE TABLE mine ()", True),
        (Profile.OWNER, "TRUNCATE accounts", True),
        (Profile.RELAY, "SELECT FROM outbox", True),
        (Profile.RELAY, "SELECT FROM accounts", False),
        (Profile.RELAY, "UPDATE event_cursors SET reader = ''", True),
        (Profile.RELAY, "INSERT INTO outbox VALUES (1)", False),
    ],
)
def test_a_profile_allows_its_work_and_no_more(
    operator, postgres, free_name, ledger, profile, statement, is_allowed
):
    operator.reconcile(
        PostgresRole(
            free_name,
            grants=(ProfileGrant(ledger, profile),),
            password=Password("secret", SALT),
        )
    )

    with login(postgres, free_name, "secret", ledger) as session:
        if is_allowed:
            session.execute(statement)
        else:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                session.execute(statement)


def test_a_reader_reads_what_was_there_and_what_is_made_later(operator, free_name, ledger, ask):
    wanted = PostgresRole(free_name, grants=(ProfileGrant(ledger, Profile.READER),))
    operator.reconcile(wanted)

    ask("CREATE TABLE later ()", database=ledger)

    may = "SELECT has_table_privilege(%s, %s, 'SELECT')"
    assert ask(may, free_name, "accounts", database=ledger) == [(True,)]
    assert ask(may, free_name, "later", database=ledger) == [(True,)]
    assert operator.look(wanted).is_empty


def test_rights_by_name_are_given_and_what_others_gave_is_taken(operator, free_name, ledger, ask):
    grant = ObjectGrant(ledger, "table", frozenset({"SELECT"}), names=frozenset({"accounts"}))
    wanted = PostgresRole(free_name, grants=(grant,))
    operator.reconcile(wanted)
    for right in (
        f"DELETE ON accounts TO {free_name}",
        f"USAGE ON SEQUENCE numbers TO {free_name}",
    ):
        ask(f"GRANT {right}", database=ledger)

    operator.reconcile(wanted)

    assert ask("SELECT has_table_privilege(%s, 'accounts', 'DELETE')", free_name, database=ledger)[
        0
    ] == (False,)
    assert operator.look(wanted).is_empty


def test_a_table_that_is_not_there_yet_is_said(operator, free_name, ledger):
    grant = ObjectGrant(ledger, "table", frozenset({"SELECT"}), names=frozenset({"gone"}))

    found = operator.reconcile(PostgresRole(free_name, grants=(grant,)))

    assert reasons(found) == [Reason.PLACE_MISSING]
    assert "public.gone" in found.sentences[-1]


def test_a_database_that_is_not_there_yet_is_said(operator, free_name):
    grant = ProfileGrant(f"{free_name}_none", Profile.READER)

    found = operator.reconcile(PostgresRole(free_name, grants=(grant,)))

    assert set(reasons(found)) == {Reason.PLACE_MISSING}


def test_attributes_and_memberships_are_brought_back(operator, free_name, ask):
    ask(f"CREATE ROLE {free_name}_a")
    ask(f"CREATE ROLE {free_name}_b")
    wanted = PostgresRole(
        free_name, Attributes(create_database=True), member_of=frozenset({f"{free_name}_a"})
    )
    operator.reconcile(wanted)
    ask(f"ALTER ROLE {free_name} NOLOGIN NOCREATEDB BYPASSRLS CONNECTION LIMIT 1")
    ask(f"REVOKE {free_name}_a FROM {free_name}")
    ask(f"GRANT {free_name}_b TO {free_name}")

    operator.reconcile(wanted)

    assert operator.look(wanted).is_empty


def test_a_word_that_is_no_right_never_reaches_a_statement(operator, free_name, ledger):
    odd = ObjectGrant(ledger, "schema", frozenset({"USAGE ON SCHEMA public TO x; --"}))

    with pytest.raises(Rejected, match="there is no right"):
        operator.reconcile(PostgresRole(free_name, grants=(odd,)))


def test_a_superuser_is_never_touched(operator, free_name, ask):
    ask(f"CREATE ROLE {free_name} SUPERUSER")

    found = operator.reconcile(PostgresRole(free_name), adoption=Adoption.ALWAYS)

    assert reasons(found) == [Reason.SUPERUSER]
    assert found.to_do == ()
    assert operator.state(PostgresRole(free_name)).is_superuser


def test_two_who_want_one_role_have_one_owner(operator, server, free_name):
    theirs = Operator(PostgresRoles(server), THEIRS)
    wanted = PostgresRole(free_name)
    late = theirs.look(wanted)
    operator.reconcile(wanted)

    with pytest.raises(Overtaken, match="42710"):
        theirs.backend.apply(late.to_do)
    theirs.delete(wanted)

    assert reasons(theirs.look(wanted)) == [Reason.CONFLICT]
    assert operator.look(wanted).is_empty


def test_a_role_goes_with_what_it_was_granted(operator, free_name, ledger):
    wanted = PostgresRole(free_name, grants=(ProfileGrant(ledger, Profile.OWNER),))
    operator.reconcile(wanted)

    operator.delete(wanted)

    assert operator.state(wanted) is None
    assert operator.delete(wanted).is_empty


def test_a_role_that_owns_something_stays(operator, free_name, ledger, ask):
    wanted = PostgresRole(free_name, grants=(ProfileGrant(ledger, Profile.WRITER),))
    operator.reconcile(wanted)
    ask(f"CREATE TABLE its (); ALTER TABLE its OWNER TO {free_name}", database=ledger)

    found = operator.delete(wanted)

    assert reasons(found) == [Reason.OWNS_OBJECTS]
    assert operator.look(wanted).is_empty


@pytest.mark.usefixtures("server")
def test_an_administrator_who_is_no_superuser_can_do_it_all(postgres, free_name, ask):
    admin, owner, name = f"{free_name}_admin", f"{free_name}_owner", f"{free_name}_db"
    ask(f"CREATE ROLE {admin} LOGIN CREATEDB CREATEROLE PASSWORD 'secret'")
    limited = PostgresServer(make_conninfo(postgres.dsn("postgres"), user=admin, password="secret"))
    roles = Operator(PostgresRoles(limited))
    databases = Operator(PostgresDatabases(limited))
    owning = PostgresRole(owner, Attributes(login=False))
    database = PostgresDatabase(name, owner, settings={"work_mem": "8MB"}, connection_limit=9)
    app = PostgresRole(
        f"{free_name}_app",
        grants=(ProfileGrant(name, Profile.WRITER),),
        password=Password("secret", SALT, is_believed_set=False),
    )

    roles.reconcile(owning)
    databases.reconcile(database)
    roles.reconcile(app)

    believed = PostgresRole(
        app.name, grants=app.grants, password=Password("x", SALT, is_believed_set=True)
    )
    assert roles.look(owning).is_empty
    assert databases.look(database).is_empty
    assert roles.look(app).is_empty  # its verifier is hidden, and we know what we have set
    again = Operator(PostgresRoles(limited))
    assert again.look(believed).is_empty  # who has just started believes the status
    with login(postgres, app.name, "secret", name):
        pass
    roles.delete(app)
    databases.delete(database)
    assert databases.state(database) is None
