"""Roles of Postgres, with their memberships and all that they may do in some databases."""

from __future__ import annotations

from functools import singledispatchmethod
from typing import TYPE_CHECKING, Any, Final

from psycopg import sql

from gopherpay_operator.backends import postgres_claims as claims
from gopherpay_operator.backends.ports import Overtaken, Rejected
from gopherpay_operator.backends.postgres import PostgresServer, Session, execute, identifiers
from gopherpay_operator.backends.postgres_places import look_around
from gopherpay_operator.backends.postgres_rows import Look, read_row, role_state
from gopherpay_operator.plans import role_actions as steps
from gopherpay_operator.plans.desired import Attributes
from gopherpay_operator.plans.observed import Found, Kind, RoleState, Surroundings
from gopherpay_operator.plans.rotation import sign_in_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gopherpay_operator.plans.actions import Action
    from gopherpay_operator.plans.desired import PostgresRole
    from gopherpay_operator.plans.observed import Place

ROLES: Final = """
SELECT r.rolname, r.oid::bigint, r.rolcanlogin, r.rolinherit, r.rolcreatedb, r.rolcreaterole,
    r.rolreplication, r.rolbypassrls, r.rolconnlimit, r.rolsuper,
    shobj_description(r.oid, 'pg_authid'),
    ARRAY(
        SELECT DISTINCT pg_get_userbyid(m.roleid)::text FROM pg_auth_members m
        WHERE m.member = r.oid
    ),
    (
        SELECT count(*) FROM pg_shdepend s
        WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = r.oid AND s.deptype = 'o'
    ),
    (
        SELECT substr(each, 6) FROM pg_db_role_setting s, unnest(s.setconfig) each
        WHERE s.setrole = r.oid AND s.setdatabase = 0 AND each LIKE 'role=%%'
    ),
    coalesce(a.sessions, 0)
FROM pg_roles r
LEFT JOIN (
    SELECT usesysid, count(*) AS sessions FROM pg_stat_activity GROUP BY usesysid
) a ON a.usesysid = r.oid
WHERE r.rolname = ANY(%s)
"""
OID: Final = "SELECT oid::bigint FROM pg_roles WHERE rolname = %s"
MAY_READ_VERIFIERS: Final = "SELECT has_table_privilege('pg_catalog.pg_authid', 'SELECT')"
VERIFIERS: Final = "SELECT rolname, rolpassword FROM pg_catalog.pg_authid WHERE rolname = ANY(%s)"

RIGHTS: Final = frozenset(
    {"SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN"}
    | {"USAGE", "CREATE", "CONNECT", "TEMPORARY"}
)
"""The only words that are ever put into a statement as they are."""

_LOOKING: Final = "The roles cannot be looked at"


class PostgresRoles:
    """The roles of one server: `ports.Backend` for `PostgresRole`."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self._set: dict[str, tuple[int, str | None]] = {}
        """By role: its oid and the verifier that we gave it, for servers that hide theirs."""

    def close(self) -> None:
        """Give back what belongs to the server's connection."""
        self._server.close()

    def observe(
        self, wishes: Sequence[PostgresRole], *, is_leaving: bool = False
    ) -> dict[str, Found[RoleState]]:
        """Return the roles of *wishes*: one query for all, and one session in each database."""
        del is_leaving  # what a role owns is always counted
        names = [name for wish in wishes for name in (wish.name, *sign_in_names(wish.name))]
        if not names:
            return {}
        with self._server.session(_LOOKING) as session:
            rows = {each.name: each for each in map(read_row, _asked(session, ROLES, names))}
            verifiers = _verifiers(session, names)
        around, held = look_around(self._server, wishes)
        look = Look(rows, verifiers, self._set)
        return {
            wish.name: Found(
                role_state(look, wish.name, held.get(wish.name, frozenset())),
                rows[wish.name].claim if wish.name in rows else None,
                around=_of(around, {grant.database for grant in wish.grants}),
            )
            for wish in wishes
        }

    def apply(self, actions: Sequence[Action]) -> None:
        """Carry out *actions* in order."""
        for action in actions:
            doing = action.sentence.rstrip(".")
            inside: str | None = getattr(action, "database", None)
            with self._server.session(doing, inside) as session:
                self._do(action, session)

    @singledispatchmethod
    def _do(self, action: Action, _: Session) -> None:
        raise TypeError(f"{type(action).__name__} is no step of a role.")

    @_do.register
    def _(self, action: steps.ClaimRole, session: Session) -> None:
        claims.claim(session, "ROLE", action.name, action.claim)

    @_do.register
    def _(self, action: steps.ReleaseRole, session: Session) -> None:
        for name in (*sign_in_names(action.name), action.name):
            if claims.owner(session, "ROLE", name) == action.claim or name == action.name:
                claims.release(session, "ROLE", name, action.claim)

    @_do.register
    def _(self, action: steps.CreateRole, session: Session) -> None:
        chosen = sql.SQL(" ").join(_words(_NEW, action.attributes))
        with session.transaction():
            name = sql.Identifier(action.name)
            execute(session, "CREATE ROLE {name} {chosen}", name=name, chosen=chosen)
            claims.claim(session, "ROLE", action.name, action.claim)

    @_do.register
    def _(self, action: steps.AlterRole, session: Session) -> None:
        chosen = sql.SQL(" ").join(_words(action.before, action.after))
        name = sql.Identifier(action.name)
        execute(session, "ALTER ROLE {name} {chosen}", name=name, chosen=chosen)

    @_do.register
    def _(self, action: steps.SetPassword, session: Session) -> None:
        verifier = sql.Literal(action.verifier)
        name = sql.Identifier(action.name)
        execute(session, "ALTER ROLE {name} PASSWORD {verifier}", name=name, verifier=verifier)
        self._remember(session, action.name, action.verifier)

    @_do.register
    def _(self, action: steps.ClearPassword, session: Session) -> None:
        execute(session, "ALTER ROLE {name} PASSWORD NULL", name=sql.Identifier(action.name))
        self._remember(session, action.name, None)

    @_do.register
    def _(self, action: steps.CreateSignIn, session: Session) -> None:
        with session.transaction():
            owner = _owner_of_both(session, action.name, action.acts_as)
            name, chosen = sql.Identifier(action.name), _words(_NEW, action.attributes)
            if owner is None:
                words = sql.SQL(" ").join(chosen)
                execute(session, "CREATE ROLE {name} {chosen}", name=name, chosen=words)
                _take(session, action.name, action.acts_as)
            names = {"name": name, "of": sql.Identifier(action.acts_as)}
            execute(session, "GRANT {of} TO {name}", **names)
            _act_as(session, action.name, action.acts_as)

    @_do.register
    def _(self, action: steps.TakeSignIn, session: Session) -> None:
        _take(session, action.name, action.acts_as)

    @_do.register
    def _(self, action: steps.ActAs, session: Session) -> None:
        _act_as(session, action.name, action.acts_as)

    @_do.register
    def _(self, action: steps.GrantMembership, session: Session) -> None:
        names = {"name": sql.Identifier(action.name), "of": sql.Identifier(action.of)}
        execute(session, "GRANT {of} TO {name}", **names)

    @_do.register
    def _(self, action: steps.RevokeMembership, session: Session) -> None:
        names = {"name": sql.Identifier(action.name), "of": sql.Identifier(action.of)}
        execute(session, "REVOKE {of} FROM {name}", **names)

    @_do.register
    def _(self, action: steps.ChangePrivileges, session: Session) -> None:
        session.execute(_change(action))

    @_do.register
    def _(self, action: steps.DropRole, session: Session) -> None:
        claims.check(session, "ROLE", action.name, action.claim, action.oid)
        execute(session, "DROP ROLE {name}", name=sql.Identifier(action.name))
        self._set.pop(action.name, None)

    def _remember(self, session: Session, name: str, verifier: str | None) -> None:
        row: Any = session.execute(OID, (name,)).fetchone()
        if row is not None:
            self._set[name] = (row[0], verifier)


_NEW: Final = Attributes(login=False)
"""What a role is when nothing is said of it."""


def _words(before: Attributes, after: Attributes) -> Iterator[sql.Composable]:
    """Return the words for what changes; to name what does not may need more rights than ours."""
    pairs = {
        "LOGIN": (before.login, after.login),
        "INHERIT": (before.inherit, after.inherit),
        "CREATEDB": (before.create_database, after.create_database),
        "CREATEROLE": (before.create_role, after.create_role),
        "REPLICATION": (before.replication, after.replication),
        "BYPASSRLS": (before.bypass_row_security, after.bypass_row_security),
    }
    for word, (was, shall) in pairs.items():
        if was != shall:
            yield sql.SQL(word if shall else f"NO{word}")
    if before.connection_limit != after.connection_limit:
        yield sql.SQL("CONNECTION LIMIT {}").format(sql.Literal(after.connection_limit))


def _change(action: steps.ChangePrivileges) -> sql.Composed:
    unknown = sorted(set(action.rights) - RIGHTS)
    if unknown:
        raise Rejected(f"{action.sentence.rstrip('.')}: there is no right {', '.join(unknown)}.")
    verb, way = ("GRANT", "TO") if action.is_grant else ("REVOKE", "FROM")
    change = sql.SQL("{verb} {rights} ON {what} {way} {role}")
    beginning = sql.SQL("")
    if action.kind in _FUTURE:
        beginning = sql.SQL("ALTER DEFAULT PRIVILEGES FOR ROLE {} IN SCHEMA {} ").format(  # type: ignore[assignment]
            identifiers(*action.names), sql.Identifier(action.schema)
        )
    return beginning + change.format(
        verb=sql.SQL(verb),
        rights=sql.SQL(", ").join(sql.SQL(right) for right in action.rights),
        what=_what(action),
        way=sql.SQL(way),
        role=sql.Identifier(action.name),
    )


_FUTURE: Final[Mapping[Kind, sql.SQL]] = {
    Kind.FUTURE_TABLES: sql.SQL("TABLES"),
    Kind.FUTURE_SEQUENCES: sql.SQL("SEQUENCES"),
}


def _what(action: steps.ChangePrivileges) -> sql.Composable:
    if action.kind in _FUTURE:
        return _FUTURE[action.kind]
    if action.kind is Kind.DATABASE:
        return sql.SQL("DATABASE {}").format(sql.Identifier(action.database))
    if action.kind is Kind.SCHEMA:
        return sql.SQL("SCHEMA {}").format(sql.Identifier(action.schema))
    word = sql.SQL("TABLE " if action.kind is Kind.TABLE else "SEQUENCE ")
    return word + sql.SQL(", ").join(sql.Identifier(action.schema, each) for each in action.names)


def _owner_of_both(session: Session, name: str, acts_as: str) -> str | None:
    """Return who owns the role *name*, ``None`` when it is not there.

    Raises:
        Overtaken: If it is there and is not of the owner of *acts_as*.
    """
    if session.execute(OID, (name,)).fetchone() is None:
        return None
    owner = claims.owner(session, "ROLE", name)
    if owner is None or owner != claims.owner(session, "ROLE", acts_as):
        raise Overtaken(f"Role '{name}' was made by somebody else in between.")
    return owner


def _take(session: Session, name: str, acts_as: str) -> None:
    owner = claims.owner(session, "ROLE", acts_as)
    if owner is None:
        raise Overtaken(f"Role '{acts_as}' was given up in between.")
    claims.claim(session, "ROLE", name, owner)


def _act_as(session: Session, name: str, acts_as: str) -> None:
    parts = {"name": sql.Identifier(name), "of": sql.Literal(acts_as)}
    execute(session, "ALTER ROLE {name} SET role TO {of}", **parts)


def _asked(session: Session, question: str, names: list[str]) -> list[Any]:
    return session.execute(question.encode(), (names,)).fetchall()


def _verifiers(session: Session, names: list[str]) -> dict[str, str | None] | None:
    """Return what the server keeps of passwords; ``None`` where it hides that from us."""
    allowed: Any = session.execute(MAY_READ_VERIFIERS).fetchone()
    return dict(_asked(session, VERIFIERS, names)) if allowed[0] else None


def _of(around: Mapping[Place, str], databases: set[str]) -> Surroundings:
    return Surroundings(
        {place: owner for place, owner in around.items() if place.database in databases}
    )
