"""Databases on a real server: what is planned becomes so, and is planned once."""

import psycopg
import pytest
from psycopg import sql

from gopherpay_operator.backends.ports import (
    DependencyMissing,
    Overtaken,
    Rejected,
    Unavailable,
)
from gopherpay_operator.backends.postgres import PostgresServer
from gopherpay_operator.backends.postgres_databases import PostgresDatabases
from gopherpay_operator.plans.actions import Reason
from gopherpay_operator.plans.database_actions import ClaimDatabase, CreateDatabase, OpenDatabase
from gopherpay_operator.plans.desired import Extension, PostgresDatabase, Schema
from gopherpay_operator.plans.policy import Adoption, Deletion
from tests.contracts.operator.conftest import OURS, THEIRS, Operator

SUPERUSER = "SELECT current_user::text"


@pytest.fixture
def operator(server):
    return Operator(PostgresDatabases(server))


@pytest.fixture
def owner(ask):
    [(name,)] = ask(SUPERUSER)
    return name


def wishes(name, owner, **what):
    full = {
        "encoding": "UTF-8",
        "locale": "C",
        "schemas": (Schema("audit"), Schema("old", is_present=False)),
        "extensions": (Extension("pg_trgm", schema="audit"),),
        "connection_limit": 20,
        "settings": {"statement_timeout": "30s", "search_path": "audit, public", "app.mode": "x"},
    }
    return PostgresDatabase(name, owner, **{**full, **what})


def reasons(made):
    return [each.reason for each in made.refusals]


def test_a_database_is_made_as_it_is_wanted_and_then_nothing_is_left_to_do(
    operator, free_name, owner, ask
):
    wanted = wishes(free_name, owner)

    operator.reconcile(wanted)

    assert operator.look(wanted).is_empty
    assert ask("SHOW statement_timeout", database=free_name) == [("30s",)]
    assert ask("SHOW search_path", database=free_name) == [("audit, public",)]
    assert ask("SELECT current_schemas(false)::text", database=free_name) == [("{audit,public}",)]


def test_a_new_database_lets_nobody_in_who_was_not_granted(operator, free_name, owner, ask):
    operator.reconcile(wishes(free_name, owner))

    allowed = ask("SELECT has_database_privilege('public', %s, 'CONNECT')", free_name)
    assert allowed == [(False,)]


def test_every_kind_of_drift_is_corrected(operator, free_name, owner, ask):
    wanted = wishes(free_name, owner, settings={"statement_timeout": "30s", "lock_timeout": None})
    operator.reconcile(wanted)
    for statement in (
        f"ALTER DATABASE {free_name} CONNECTION LIMIT 3",
        f"ALTER DATABASE {free_name} SET statement_timeout TO '1s'",
        f"ALTER DATABASE {free_name} SET lock_timeout TO '1s'",
        f"GRANT CONNECT ON DATABASE {free_name} TO PUBLIC",
        "GRANT CREATE ON SCHEMA public TO PUBLIC",
        "CREATE SCHEMA old",
        "DROP EXTENSION pg_trgm",
        "DROP SCHEMA audit",
    ):
        ask(statement, database=free_name)
    ask(f"ALTER DATABASE {free_name} ALLOW_CONNECTIONS false")

    opened = operator.reconcile(wanted)  # nobody can look inside before
    operator.reconcile(wanted)

    assert OpenDatabase(free_name) in opened.to_do
    assert operator.look(wanted).is_empty


def test_a_schema_with_something_in_it_is_never_dropped(operator, free_name, owner, ask):
    operator.reconcile(wishes(free_name, owner))
    ask("CREATE SCHEMA old", database=free_name)
    ask("CREATE TABLE old.letters ()", database=free_name)
    wanted = wishes(free_name, owner)

    found = operator.reconcile(wanted, allow_destroy=free_name)

    assert reasons(found) == [Reason.NOT_EMPTY]
    assert ask("SELECT count(*) FROM old.letters", database=free_name) == [(0,)]


def test_an_extension_goes_only_when_the_database_is_named(operator, free_name, owner):
    operator.reconcile(wishes(free_name, owner))
    wanted = wishes(free_name, owner, extensions=(Extension("pg_trgm", is_present=False),))

    refused = operator.reconcile(wanted)
    operator.reconcile(wanted, allow_destroy=free_name)

    assert reasons(refused) == [Reason.DESTROY_NOT_ALLOWED]
    assert operator.look(wanted).is_empty


def test_encoding_and_locale_stay(operator, free_name, owner):
    operator.reconcile(wishes(free_name, owner))

    found = operator.look(wishes(free_name, owner, encoding="LATIN1", locale="C.UTF-8"))

    assert reasons(found) == [Reason.IMMUTABLE, Reason.IMMUTABLE]


def test_two_who_want_one_database_have_one_owner(operator, server, free_name, owner):
    theirs = Operator(PostgresDatabases(server), THEIRS)
    wanted = wishes(free_name, owner)
    late = theirs.look(wanted)
    operator.reconcile(wanted)

    with pytest.raises(Overtaken, match="42P04"):
        theirs.backend.apply(late.to_do)
    theirs.delete(wanted)

    assert reasons(theirs.look(wanted)) == [Reason.CONFLICT]
    assert operator.look(wanted).is_empty


def test_a_claim_stands_beside_what_people_wrote(operator, free_name, owner, ask):
    ask(f"CREATE DATABASE {free_name}")
    ask(f"COMMENT ON DATABASE {free_name} IS 'Ask Ann.'")
    wanted = wishes(free_name, owner, encoding=None, locale=None)

    operator.reconcile(wanted, adoption=Adoption.ALWAYS)
    comment = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s"
    claimed = ask(comment, free_name)
    operator.delete(wanted, deletion=Deletion.RETAIN)

    assert claimed == [(f"Ask Ann.\ngopherpay.dev/owner={OURS}",)]
    assert ask(comment, free_name) == [("Ask Ann.",)]


def test_a_creation_that_was_cut_off_is_finished(operator, free_name, owner, ask):
    wanted = wishes(free_name, owner)
    assert isinstance(operator.look(wanted).to_do[0], CreateDatabase)
    # As far as it comes when it is killed before the claim.
    ask(
        f"CREATE DATABASE {free_name} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'"
        " ALLOW_CONNECTIONS false"
    )

    taken = operator.reconcile(wanted)
    operator.reconcile(wanted)

    assert taken.to_do[:2] == (ClaimDatabase(free_name, OURS), OpenDatabase(free_name))
    assert operator.look(wanted).is_empty


def test_a_database_in_use_is_not_dropped_unless_by_force(operator, free_name, owner, postgres):
    wanted = wishes(free_name, owner)
    operator.reconcile(wanted)

    with psycopg.connect(postgres.dsn(free_name)):
        held = operator.delete(wanted)
    with psycopg.connect(postgres.dsn(free_name)) as session:
        operator.delete(wishes(free_name, owner, drop_with_force=True))
        with pytest.raises(psycopg.OperationalError):
            session.execute("SELECT 1")

    assert reasons(held) == [Reason.IN_USE]
    assert operator.state(wanted) is None
    assert operator.delete(wanted).is_empty


def test_a_database_that_was_made_anew_is_not_dropped(operator, free_name, owner, ask):
    wanted = wishes(free_name, owner)
    operator.reconcile(wanted)
    leaving = {"is_deleting": True, "deletion": Deletion.DELETE, "allow_destroy": free_name}
    late = operator.look(wanted, **leaving)
    ask(f"DROP DATABASE {free_name}")
    ask(f"CREATE DATABASE {free_name}")

    with pytest.raises(Overtaken, match="not the one"):
        operator.backend.apply(late.to_do)

    assert operator.state(wanted) is not None


def test_names_are_quoted_whatever_is_in_them(operator, free_name, ask):
    odd = f'{free_name}"; DROP DATABASE "postgres'
    ask(sql.SQL("CREATE ROLE {}").format(sql.Identifier(odd)))
    wanted = wishes(odd, odd, schemas=(Schema('a"b', owner=odd),), extensions=(), settings={})

    operator.reconcile(wanted)

    assert operator.look(wanted).is_empty


def test_an_owner_that_is_not_there_yet_is_waited_for(operator, free_name):
    with pytest.raises(DependencyMissing, match="42704"):
        operator.reconcile(wishes(free_name, f"{free_name}_nobody"))


def test_a_value_that_is_none_is_rejected_without_showing_it(operator, free_name, owner):
    with pytest.raises(Rejected) as failure:
        operator.reconcile(wishes(free_name, owner, settings={"work_mem": "tell-nobody"}))

    assert "22023" in str(failure.value)
    assert "tell-nobody" not in str(failure.value).split("Postgres says")[1]


def test_a_server_that_does_not_answer_is_unavailable_and_no_password_is_told():
    backend = PostgresDatabases(PostgresServer("postgresql://ann:tell-nobody@127.0.0.1:1/x"))

    with pytest.raises(Unavailable) as failure:
        backend.observe([PostgresDatabase("ledger", "ann")])

    assert "tell-nobody" not in str(failure.value)


def test_a_connection_that_cannot_be_understood_is_rejected_without_showing_it():
    with pytest.raises(Rejected) as failure:
        PostgresServer("passwort=tell-nobody")

    assert "tell-nobody" not in str(failure.value)
