"""Postgres: how it is reached, how its refusals become ours, and its two backends."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import psycopg
from psycopg import errors, sql
from psycopg.conninfo import make_conninfo

from gopherpay_operator.backends.ports import (
    BackendFailure,
    DependencyMissing,
    Forbidden,
    Overtaken,
    Rejected,
    Unavailable,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Session = psycopg.Connection[tuple[object, ...]]

CONNECT_SECONDS: Final = 10
STATEMENT_MS: Final = 60_000
LOCK_MS: Final = 5_000  # a statement that waits holds up everybody behind it
SELF_GRANT_SINCE: Final = 160_000  # PostgreSQL 16: who makes a role is no member of it by itself

_KINDS: Final[Mapping[str, type[BackendFailure]]] = {
    "0A000": Rejected,  # feature not supported
    "22": Rejected,  # a value that is none
    "23505": Overtaken,  # two wrote the same comment at once
    "28": Forbidden,
    "2BP01": Rejected,  # something depends on it
    "3D000": DependencyMissing,  # no such database
    "3F000": DependencyMissing,  # no such schema
    "42": Rejected,
    "42501": Forbidden,
    "42704": DependencyMissing,  # no such role or extension
    "42P01": DependencyMissing,  # no such table
    "42P04": Overtaken,  # the database is there
    "42P06": Overtaken,  # the schema is there
    "42710": Overtaken,  # the role or extension is there
    "55006": Overtaken,  # somebody has connected to the database
    "58P01": DependencyMissing,  # the extension's files are not on the server
    "XX000": Overtaken,  # two changed one catalogue row at once
}
"""By SQLSTATE or, for the rest of a class, by its first two letters (manual, appendix A)."""


class PostgresServer:
    """One server, and the sessions of its administrator."""

    def __init__(self, conninfo: str, *, connect_seconds: int = CONNECT_SECONDS) -> None:
        """Keep where it is; nothing is connected yet.

        Args:
            conninfo: As libpq has it, with the database to begin in.
            connect_seconds: How long a connection may take.

        Raises:
            Rejected: If *conninfo* cannot be understood.
        """
        try:
            self._conninfo = make_conninfo(
                conninfo,
                connect_timeout=connect_seconds,
                application_name="gopherpay-operator",
            )
        except psycopg.ProgrammingError:
            # Its own message shows the text, and with it a password.
            raise Rejected("The connection to Postgres cannot be understood.") from None

    @contextmanager
    def session(self, doing: str, database: str | None = None) -> Iterator[Session]:
        """Yield a session in *database*, or in that of the connection; each statement commits.

        Raises:
            BackendFailure: As Postgres says, in a sentence that begins with *doing*.
        """
        conninfo = make_conninfo(self._conninfo, **({"dbname": database} if database else {}))
        try:
            with psycopg.connect(conninfo, autocommit=True) as session:
                _bound(session)
                yield session
        except psycopg.Error as error:
            raise failure(error, doing) from None


def failure(error: psycopg.Error, doing: str) -> BackendFailure:
    """Return *error* as ours; without an SQLSTATE the server was not reached."""
    code = error.sqlstate
    if code is None:
        reason = str(error).strip().splitlines()[:1] or ["no answer"]
        return Unavailable(f"{doing}: Postgres does not answer ({reason[0].rstrip('.')}).")
    kind = _KINDS.get(code, _KINDS.get(code[:2], Unavailable))
    # The message of a bad value would show the value, which may be a secret.
    told = "" if isinstance(error, errors.DataError) else f", {error.diag.message_primary}"
    return kind(f"{doing}: Postgres says {code}{told}.")


def execute(session: Session, text: str, **parts: sql.Composable) -> None:
    """Execute *text* with its *parts* composed by the driver."""
    session.execute(sql.SQL(text).format(**parts))


def identifiers(*names: str) -> sql.Composable:
    """Return names in a list, each quoted by the driver."""
    return sql.SQL(", ").join(sql.Identifier(name) for name in names)


def _bound(session: Session) -> None:
    """Bound what waits, and let a role that we make be one that we can act for."""
    session.execute(
        "SELECT set_config('statement_timeout', %s, false), set_config('lock_timeout', %s, false)",
        (str(STATEMENT_MS), str(LOCK_MS)),
    )
    if session.info.server_version >= SELF_GRANT_SINCE:
        session.execute("SELECT set_config('createrole_self_grant', 'set, inherit', false)")
