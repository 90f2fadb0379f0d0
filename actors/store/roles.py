"""The two roles of every database: who owns the tables, and who may use them.

Both have no login of their own; a login steps into one of them.
Roles belong to the whole server, so another database may have made them already.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from psycopg import sql

if TYPE_CHECKING:
    import psycopg

OWNER_ROLE: Final = "gopherpay_owner"
APPLICATION_ROLE: Final = "gopherpay_app"

_MAKE: Final = """
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {literal}) THEN
        CREATE ROLE {role} NOLOGIN;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;  -- another database of this server is being migrated at the same moment
END
$$
"""

_STEP_IN: Final = """
DO $$
BEGIN
    IF NOT pg_has_role(current_user, {literal}, 'MEMBER') THEN
        GRANT {role} TO CURRENT_USER;
    END IF;
EXCEPTION WHEN unique_violation OR internal_error THEN
    NULL;  -- as above: the same grant at the same moment
END
$$
"""


def make_roles(connection: psycopg.Connection) -> None:
    """Make both roles where they are missing, and become the owner for this session."""
    for name in (OWNER_ROLE, APPLICATION_ROLE):
        for statement in (_MAKE, _STEP_IN):
            connection.execute(
                sql.SQL(statement).format(literal=sql.Literal(name), role=sql.Identifier(name))
            )
    owner = sql.Identifier(OWNER_ROLE)
    connection.execute(sql.SQL("GRANT USAGE, CREATE ON SCHEMA public TO {}").format(owner))
    connection.execute(sql.SQL("SET ROLE {}").format(owner))


def make_login(connection: psycopg.Connection, name: str, password: str) -> None:
    """Make a login that can be nothing but the application, or give it another password."""
    login = sql.Identifier(name)
    # Only the verifier travels, so that no log of statements can hold the password.
    verifier = connection.pgconn.encrypt_password(
        password.encode(), name.encode(), b"scram-sha-256"
    )
    row = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (name,)).fetchone()
    verb = "CREATE" if row is None else "ALTER"
    connection.execute(
        sql.SQL("{} ROLE {} LOGIN NOINHERIT PASSWORD {}").format(
            sql.SQL(verb), login, sql.Literal(verifier.decode())
        )
    )
    application = sql.Identifier(APPLICATION_ROLE)
    connection.execute(sql.SQL("GRANT {} TO {}").format(application, login))
    connection.execute(sql.SQL("ALTER ROLE {} SET role = {}").format(login, application))
