"""Postgres: how it is reached, how its refusals become ours, and its two backends."""

from __future__ import annotations

import os
import tempfile
import threading
import weakref
from contextlib import contextmanager
from pathlib import Path
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
SESSIONS_MAX: Final = 8
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


_NOT_LET_IN: Final = (
    "password authentication failed",
    "no pg_hba.conf entry",
    "is not permitted to log in",
    "no password supplied",
    "certificate verify failed",
    "does not match host name",
    "root certificate file",
    "server does not support SSL",
)
"""libpq gives no SQLSTATE for a sign-in that failed (`psycopg.errors`), so its words are read."""


def address(*, host: str, port: int, database: str, user: str, password: str, ssl_mode: str) -> str:
    """Return where a server is and who we are to it, as libpq has it."""
    return make_conninfo(
        host=host, port=port, dbname=database, user=user, password=password, sslmode=ssl_mode
    )


class PostgresServer:
    """One server, and the sessions of its administrator."""

    def __init__(
        self,
        conninfo: str,
        *,
        connect_seconds: int = CONNECT_SECONDS,
        sessions: threading.Semaphore | None = None,
        trusted: str | None = None,
        trusted_file: str | None = None,
    ) -> None:
        """Keep where it is; nothing is connected yet.

        Args:
            conninfo: As libpq has it, with the database to begin in.
            connect_seconds: How long a connection may take.
            sessions: How many may be open at once, with all who share this.
            trusted: Certificates in PEM form by which the server is known.
            trusted_file: A file that has them instead.

        Raises:
            Rejected: If *conninfo* cannot be understood.
        """
        self._sessions = sessions or threading.Semaphore(SESSIONS_MAX)
        self._trust = None if trusted is None else _Trust(trusted)
        file = trusted_file if self._trust is None else self._trust.path
        more = {} if file is None else {"sslrootcert": file}
        try:
            self._conninfo = make_conninfo(
                conninfo,
                connect_timeout=connect_seconds,
                application_name="gopherpay-operator",
                **more,
            )
        except psycopg.ProgrammingError:
            # Its own message shows the text, and with it a password.
            raise Rejected("The connection to Postgres cannot be understood.") from None

    def close(self) -> None:
        """Remove the file of certificates, if there is one."""
        if self._trust is not None:
            self._trust.remove()

    @contextmanager
    def session(self, doing: str, database: str | None = None) -> Iterator[Session]:
        """Yield a session in *database*, or in that of the connection; each statement commits.

        Raises:
            BackendFailure: As Postgres says, in a sentence that begins with *doing*.
        """
        conninfo = make_conninfo(self._conninfo, **({"dbname": database} if database else {}))
        if not self._sessions.acquire(timeout=STATEMENT_MS / 1000):
            raise Unavailable(f"{doing}: all sessions of spec.connectionLimit are in use.")
        try:
            with psycopg.connect(conninfo, autocommit=True) as session:
                _bound(session)
                yield session
        except psycopg.Error as error:
            raise failure(error, doing) from None
        finally:
            self._sessions.release()


class _Trust:
    """A private file of certificates, for libpq takes them from files only."""

    def __init__(self, text: str) -> None:
        file, self.path = tempfile.mkstemp(prefix="gopherpay-operator-", suffix=".crt")
        with os.fdopen(file, "w", encoding="utf-8") as written:
            written.write(text)
        self.remove = weakref.finalize(self, _removed, self.path)


def _removed(path: str) -> None:
    Path(path).unlink(missing_ok=True)


def failure(error: psycopg.Error, doing: str) -> BackendFailure:
    """Return *error* as ours; without an SQLSTATE the server was not reached."""
    code = error.sqlstate
    if code is None:
        told = str(error).strip()
        reason = (told.splitlines() or ["no answer"])[0].rstrip(".")
        if any(words in told for words in _NOT_LET_IN):
            return Forbidden(f"{doing}: Postgres does not let us in ({reason}).")
        return Unavailable(f"{doing}: Postgres does not answer ({reason}).")
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
