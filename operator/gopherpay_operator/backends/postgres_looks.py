"""What a Postgres server is, and what its administrator may do there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from gopherpay_operator.backends.postgres import SELF_GRANT_SINCE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gopherpay_operator.backends.postgres import PostgresServer, Session

EXTENSIONS_MAX: Final = 256

_OURSELVES: Final = """
SELECT rolname, rolsuper, rolcreaterole, rolcreatedb, pg_is_in_recovery(),
    current_setting('server_version')
FROM pg_roles WHERE rolname = current_user
"""
_EXTENSIONS: Final = "SELECT name FROM pg_available_extensions ORDER BY name LIMIT %s"
_ROLES: Final = """
SELECT rolname, pg_has_role(oid, 'MEMBER WITH ADMIN OPTION'), pg_has_role(oid, 'SET')
FROM pg_roles
WHERE rolname = ANY(%s) AND rolname <> current_user AND NOT rolsuper
ORDER BY rolname
"""


@dataclass(frozen=True, slots=True)
class ServerLook:
    """A server and its administrator.

    Attributes:
        not_administered: Roles that are there and that we may neither change nor grant.
        not_assumed: Roles that are there and that we may not act for.
    """

    version: str
    user: str
    is_superuser: bool
    may_create_roles: bool
    may_create_databases: bool
    in_recovery: bool
    extensions: tuple[str, ...] = ()
    not_administered: tuple[str, ...] = ()
    not_assumed: tuple[str, ...] = ()


def look(
    server: PostgresServer, *, administered: Iterable[str] = (), assumed: Iterable[str] = ()
) -> ServerLook:
    """Return what *server* is, and which roles its administrator has too few rights for.

    Args:
        server: The server.
        administered: Roles that we are to change or to grant.
        assumed: Roles that we are to act for, such as owners of databases.

    Raises:
        BackendFailure: If it does not answer or does not let us in.
    """
    with server.session("The server cannot be looked at") as session:
        row: Any = session.execute(_OURSELVES).fetchone()
        user, is_superuser, roles, databases, in_recovery, version = row
        extensions: list[Any] = session.execute(_EXTENSIONS, (EXTENSIONS_MAX,)).fetchall()
        not_administered, not_assumed = _lacking(session, set(administered), set(assumed))
    return ServerLook(
        version=version.split()[0],
        user=user,
        is_superuser=is_superuser,
        may_create_roles=is_superuser or roles,
        may_create_databases=is_superuser or databases,
        in_recovery=in_recovery,
        extensions=tuple(name for (name,) in extensions),
        not_administered=not_administered,
        not_assumed=not_assumed,
    )


def _lacking(
    session: Session, administered: set[str], assumed: set[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the roles that we may not administer, and those that we may not act for.

    Before PostgreSQL 16, CREATEROLE was enough for all (release notes of 16, E.1.3.1).
    """
    if session.info.server_version < SELF_GRANT_SINCE:
        return (), ()
    rows: list[Any] = session.execute(_ROLES, (sorted(administered | assumed),)).fetchall()
    return (
        tuple(name for name, may, _ in rows if name in administered and not may),
        tuple(name for name, _, may in rows if name in assumed and not may),
    )
