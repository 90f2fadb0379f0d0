"""Databases of Postgres, with their schemas and extensions."""

from __future__ import annotations

from functools import singledispatchmethod
from typing import TYPE_CHECKING, Any, Final

from psycopg import sql

from gopherpay_operator.backends import postgres_claims as claims
from gopherpay_operator.backends.postgres import PostgresServer, Session, execute
from gopherpay_operator.plans import database_actions as steps
from gopherpay_operator.plans.claims import claim_of
from gopherpay_operator.plans.observed import DatabaseState, ExtensionState, Found, SchemaState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gopherpay_operator.plans.actions import Action
    from gopherpay_operator.plans.desired import PostgresDatabase

INVALID: Final = -2
"""The connection limit of a database whose dropping was cut off (``pg_database.datconnlimit``)."""

DATABASES: Final = """
SELECT d.datname, d.oid::bigint, pg_get_userbyid(d.datdba), pg_encoding_to_char(d.encoding),
    d.datcollate, d.datconnlimit, d.datallowconn, shobj_description(d.oid, 'pg_database'),
    ARRAY(
        SELECT a.privilege_type FROM aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
        WHERE a.grantee = 0
    ),
    coalesce((
        SELECT s.setconfig FROM pg_db_role_setting s WHERE s.setdatabase = d.oid AND s.setrole = 0
    ), '{}'),
    (
        SELECT count(*) FROM pg_stat_activity a
        WHERE a.datid = d.oid AND a.pid <> pg_backend_pid() AND a.usesysid IS NOT NULL
            AND coalesce(a.backend_type, 'client backend') = 'client backend'
    ),
    CASE WHEN has_database_privilege(d.oid, 'CONNECT') OR pg_has_role('pg_read_all_stats', 'USAGE')
        THEN pg_database_size(d.oid) END
FROM pg_database d WHERE d.datname = ANY(%s)
"""
"""Of a session that is not ours, who may not look at statistics sees the user but not the type."""

SCHEMAS: Final = """
SELECT n.nspname, pg_get_userbyid(n.nspowner),
    (
        SELECT count(*) FROM pg_depend
        WHERE refclassid = 'pg_namespace'::regclass AND refobjid = n.oid AND deptype = 'n'
    )
FROM pg_namespace n WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
"""
"""All that stands in a schema depends on it normally; such a dependency forbids dropping it."""

EXTENSIONS: Final = """
SELECT e.extname, e.extversion, n.nspname
FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
"""

PUBLIC_CREATE: Final = """
SELECT EXISTS (
    SELECT FROM pg_namespace n, aclexplode(n.nspacl) a
    WHERE n.nspname = 'public' AND a.grantee = 0 AND a.privilege_type = 'CREATE'
)
"""

LISTS: Final = frozenset(
    {"search_path", "temp_tablespaces", "session_preload_libraries", "local_preload_libraries"}
)
"""Settings that are lists of names: ``SET … TO 'a, b'`` would make one name of them."""

_RIGHTS: Final = frozenset({"CONNECT", "CREATE", "TEMPORARY"})


class PostgresDatabases:
    """The databases of one server: `ports.Backend` for `PostgresDatabase`."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server

    def close(self) -> None:
        """Give back what belongs to the server's connection."""
        self._server.close()

    def observe(
        self, wishes: Sequence[PostgresDatabase], *, is_leaving: bool = False
    ) -> dict[str, Found[DatabaseState]]:
        """Return the databases of *wishes*: one query for all, and a session inside of each."""
        found: dict[str, Found[DatabaseState]] = {wish.name: Found() for wish in wishes}
        if not found:
            return found
        with self._server.session("The databases cannot be looked at") as session:
            rows = session.execute(DATABASES, (list(found),)).fetchall()
        for name, *row in rows:
            found[str(name)] = self._found(str(name), row, is_leaving=is_leaving)
        return found

    def apply(self, actions: Sequence[Action]) -> None:
        """Carry out *actions* in order."""
        for action in actions:
            doing = action.sentence.rstrip(".")
            inside: str | None = getattr(action, "database", None)
            with self._server.session(doing, inside) as session:
                self._do(action, session)

    def _found(self, name: str, row: list[Any], *, is_leaving: bool) -> Found[DatabaseState]:
        oid, owner, encoding, locale, limit, is_open, comment, public, settings, *counts = row
        schemas: dict[str, SchemaState] = {}
        extensions: dict[str, ExtensionState] = {}
        public_may_create = False
        if is_open and limit != INVALID and not is_leaving:
            with self._server.session(f"Database '{name}' cannot be looked at", name) as inside:
                schemas, extensions, public_may_create = _inside(inside)
        state = DatabaseState(
            oid=oid,
            owner=owner,
            encoding=encoding,
            locale=locale,
            connection_limit=limit,
            is_open=is_open,
            public_privileges=frozenset(public),
            public_may_create=public_may_create,
            settings=dict(each.split("=", 1) for each in settings),
            schemas=schemas,
            extensions=extensions,
            sessions=counts[0],
            size_bytes=counts[1],
        )
        return Found(state, claim_of(comment))

    @singledispatchmethod
    def _do(self, action: Action, _: Session) -> None:
        raise TypeError(f"{type(action).__name__} is no step of a database.")

    @_do.register
    def _(self, action: steps.ClaimDatabase, session: Session) -> None:
        claims.claim(session, "DATABASE", action.name, action.claim)

    @_do.register
    def _(self, action: steps.ReleaseDatabase, session: Session) -> None:
        claims.release(session, "DATABASE", action.name, action.claim)

    @_do.register
    def _(self, action: steps.CreateDatabase, session: Session) -> None:
        name = sql.Identifier(action.name)
        chosen = [
            sql.SQL(word).format(sql.Literal(value))
            for word, value in ((" ENCODING {}", action.encoding), (" LOCALE {}", action.locale))
            if value is not None
        ]
        execute(
            session,
            "CREATE DATABASE {name} OWNER {owner} TEMPLATE template0 ALLOW_CONNECTIONS false{more}",
            name=name,
            owner=sql.Identifier(action.owner),
            more=sql.Composed(chosen),
        )
        # It lets nobody in before it is claimed: so a rest of a cut-off creation is known.
        claims.claim(session, "DATABASE", action.name, action.claim)
        execute(session, "ALTER DATABASE {name} ALLOW_CONNECTIONS true", name=name)

    @_do.register
    def _(self, action: steps.OpenDatabase, session: Session) -> None:
        name = sql.Identifier(action.name)
        execute(session, "ALTER DATABASE {name} ALLOW_CONNECTIONS true", name=name)

    @_do.register
    def _(self, action: steps.SetDatabaseOwner, session: Session) -> None:
        owner = sql.Identifier(action.after)
        name = sql.Identifier(action.name)
        execute(session, "ALTER DATABASE {name} OWNER TO {owner}", name=name, owner=owner)

    @_do.register
    def _(self, action: steps.SetDatabaseConnectionLimit, session: Session) -> None:
        limit = sql.Literal(action.after)
        name = sql.Identifier(action.name)
        execute(session, "ALTER DATABASE {name} CONNECTION LIMIT {limit}", name=name, limit=limit)

    @_do.register
    def _(self, action: steps.SetDatabaseSetting, session: Session) -> None:
        # A setting of an extension has two names, with a dot between.
        names = {
            "name": sql.Identifier(action.name),
            "key": sql.Identifier(*action.key.split(".")),
        }
        if action.after is None:
            execute(session, "ALTER DATABASE {name} RESET {key}", **names)
        elif action.key.lower() in LISTS:
            with session.transaction():
                session.execute("SELECT set_config(%s, %s, true)", (action.key, action.after))
                execute(session, "ALTER DATABASE {name} SET {key} FROM CURRENT", **names)
        else:
            value = sql.Literal(action.after)
            execute(session, "ALTER DATABASE {name} SET {key} TO {value}", **names, value=value)

    @_do.register
    def _(self, action: steps.RevokePublic, session: Session) -> None:
        rights = sql.SQL(", ").join(
            sql.SQL(right) for right in action.privileges if right in _RIGHTS
        )
        name = sql.Identifier(action.name)
        execute(session, "REVOKE {rights} ON DATABASE {name} FROM PUBLIC", rights=rights, name=name)

    @_do.register
    def _(self, _: steps.RevokePublicCreate, session: Session) -> None:
        session.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")

    @_do.register
    def _(self, action: steps.CreateSchema, session: Session) -> None:
        names = {"name": sql.Identifier(action.schema), "owner": sql.Identifier(action.owner)}
        execute(session, "CREATE SCHEMA {name} AUTHORIZATION {owner}", **names)

    @_do.register
    def _(self, action: steps.SetSchemaOwner, session: Session) -> None:
        names = {"name": sql.Identifier(action.schema), "owner": sql.Identifier(action.after)}
        execute(session, "ALTER SCHEMA {name} OWNER TO {owner}", **names)

    @_do.register
    def _(self, action: steps.DropSchema, session: Session) -> None:
        execute(session, "DROP SCHEMA {name} RESTRICT", name=sql.Identifier(action.schema))

    @_do.register
    def _(self, action: steps.CreateExtension, session: Session) -> None:
        wanted = action.extension
        chosen = [
            sql.SQL(word).format(sql.Identifier(value))
            for word, value in ((" SCHEMA {}", wanted.schema), (" VERSION {}", wanted.version))
            if value is not None
        ]
        execute(
            session,
            "CREATE EXTENSION {name}{more}",
            name=sql.Identifier(wanted.name),
            more=sql.Composed(chosen),
        )

    @_do.register
    def _(self, action: steps.UpdateExtension, session: Session) -> None:
        names = {"name": sql.Identifier(action.name), "version": sql.Identifier(action.after)}
        execute(session, "ALTER EXTENSION {name} UPDATE TO {version}", **names)

    @_do.register
    def _(self, action: steps.MoveExtension, session: Session) -> None:
        names = {"name": sql.Identifier(action.name), "schema": sql.Identifier(action.after)}
        execute(session, "ALTER EXTENSION {name} SET SCHEMA {schema}", **names)

    @_do.register
    def _(self, action: steps.DropExtension, session: Session) -> None:
        execute(session, "DROP EXTENSION {name} RESTRICT", name=sql.Identifier(action.name))

    @_do.register
    def _(self, action: steps.DropDatabase, session: Session) -> None:
        claims.check(session, "DATABASE", action.name, action.claim, action.oid)
        force = sql.SQL(" WITH (FORCE)" if action.with_force else "")
        name = sql.Identifier(action.name)
        execute(session, "DROP DATABASE {name}{force}", name=name, force=force)


def _inside(
    session: Session,
) -> tuple[dict[str, SchemaState], dict[str, ExtensionState], bool]:
    schemas: list[Any] = session.execute(SCHEMAS).fetchall()
    extensions: list[Any] = session.execute(EXTENSIONS).fetchall()
    public: Any = session.execute(PUBLIC_CREATE).fetchone()
    return (
        {name: SchemaState(owner, objects) for name, owner, objects in schemas},
        {name: ExtensionState(version, schema) for name, version, schema in extensions},
        bool(public[0]),
    )
