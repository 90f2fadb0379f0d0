"""The places of databases that grants name, whose they are, and who holds what there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gopherpay_operator.plans.observed import Kind, Place, Privilege

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gopherpay_operator.backends.postgres import PostgresServer, Session
    from gopherpay_operator.plans.desired import PostgresRole

Held = dict[str, frozenset[Privilege]]
"""By the name of a role."""

OPEN: Final = """
SELECT datname FROM pg_database
WHERE datname = ANY(%s) AND datallowconn AND datconnlimit <> -2
"""

# Parts of a partitioned table are reached through it, and those of an extension are its business.
_RELATIONS: Final = """
relations AS (
    SELECT CASE c.relkind WHEN 'S' THEN 'sequence' ELSE 'table' END AS kind,
        n.nspname::text AS schema, c.relname::text AS name, c.relowner AS owner, c.relacl AS acl
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND NOT c.relispartition
        AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
        AND NOT EXISTS (
            SELECT FROM pg_depend d
            WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
        )
), places AS (
    SELECT 'database' AS kind, '' AS schema, '' AS name, datdba AS owner, datacl AS acl
    FROM pg_database WHERE datname = current_database()
    UNION ALL
    SELECT 'schema', nspname::text, '', nspowner, nspacl FROM pg_namespace
    WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
    UNION ALL
    SELECT kind, schema, name, owner, acl FROM relations
)"""

PLACES: Final = f"""
WITH {_RELATIONS}
SELECT kind, schema, name, pg_get_userbyid(owner) FROM places
"""  # noqa: S608 - its part is a constant

HELD: Final = f"""
WITH {_RELATIONS}
SELECT g.rolname, p.kind, p.schema, p.name, a.privilege_type
FROM places p CROSS JOIN LATERAL aclexplode(p.acl) a JOIN pg_roles g ON g.oid = a.grantee
WHERE g.rolname = ANY(%s) AND a.grantee <> p.owner AND a.grantor = p.owner
UNION ALL
SELECT g.rolname, CASE d.defaclobjtype WHEN 'r' THEN 'future tables' ELSE 'future sequences' END,
    n.nspname, pg_get_userbyid(d.defaclrole), a.privilege_type
FROM pg_default_acl d JOIN pg_namespace n ON n.oid = d.defaclnamespace
    CROSS JOIN LATERAL aclexplode(d.defaclacl) a JOIN pg_roles g ON g.oid = a.grantee
WHERE g.rolname = ANY(%s) AND d.defaclobjtype IN ('r', 'S')
"""  # noqa: S608 - see above
"""What an owner granted, for only that can we take back; an owner's own rights are none of it."""


def look_around(
    server: PostgresServer, wishes: Sequence[PostgresRole]
) -> tuple[dict[Place, str], Held]:
    """Return the places of all databases that *wishes* name, and what their roles hold there.

    Raises:
        BackendFailure: If a database cannot be looked at; one that is not there has no places.
    """
    named = sorted({grant.database for wish in wishes for grant in wish.grants})
    if not named:
        return {}, {}
    with server.session("The databases cannot be looked at") as session:
        there = [str(row[0]) for row in session.execute(OPEN, (named,)).fetchall()]
    places: dict[Place, str] = {}
    held: dict[str, set[Privilege]] = {}
    roles = [wish.name for wish in wishes]
    for database in there:
        with server.session(f"Database '{database}' cannot be looked at", database) as session:
            places |= _places(session, database)
            for role, privilege in _held(session, database, roles):
                held.setdefault(role, set()).add(privilege)
    return places, {role: frozenset(some) for role, some in held.items()}


def _places(session: Session, database: str) -> dict[Place, str]:
    rows: list[Any] = session.execute(PLACES.encode()).fetchall()
    return {Place(database, Kind(kind), schema, name): owner for kind, schema, name, owner in rows}


def _held(session: Session, database: str, roles: list[str]) -> Iterable[tuple[str, Privilege]]:
    rows: list[Any] = session.execute(HELD.encode(), (roles, roles)).fetchall()
    return [
        (role, Privilege(Place(database, Kind(kind), schema, name), right))
        for role, kind, schema, name, right in rows
    ]
