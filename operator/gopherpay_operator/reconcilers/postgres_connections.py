"""Postgres servers: who they are, and whether we may do there what we are asked to."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from gopherpay_operator.backends.postgres_looks import ServerLook, look
from gopherpay_operator.engine.connections import users_of
from gopherpay_operator.engine.ports import Fact
from gopherpay_operator.engine.things import Reached
from gopherpay_operator.plans.rotation import sign_in_names
from gopherpay_operator.reconcilers.postgres_access import KIND, PostgresAccess, needs_of
from gopherpay_operator.resources.connections import PostgresObserved
from gopherpay_operator.resources.postgres import PostgresDatabaseSpec
from gopherpay_operator.resources.roles import PostgresRoleSpec

if TYPE_CHECKING:
    from gopherpay_operator.backends.postgres import PostgresServer
    from gopherpay_operator.engine.ports import Cluster, Key, Resource

NAMED_MAX: Final = 32
STATEMENT_MAX: Final = 256
_DATABASE, _ROLE = "PostgresDatabase", "PostgresRole"


class PostgresConnections:
    """`engine.things.Probe` for `PostgresConnection`."""

    kind = KIND
    user_kinds = (_DATABASE, _ROLE)

    def __init__(self, access: PostgresAccess | None = None) -> None:
        """Share *access* with the things that use the connections."""
        self._access = access or PostgresAccess()

    def needs(self, resource: Resource) -> frozenset[Key]:
        """Return the Secrets and ConfigMaps that it names."""
        return needs_of(resource)

    async def look(self, resource: Resource, cluster: Cluster) -> Reached:
        """Ask the server who it is and what we may do."""
        server = await self._access.server(resource, cluster)
        administered, assumed = _used(resource, cluster)
        found = await asyncio.to_thread(_look, server, administered, assumed)
        return _reached(found)


def _look(server: PostgresServer, administered: set[str], assumed: set[str]) -> ServerLook:
    try:
        return look(server, administered=administered, assumed=assumed)
    finally:
        server.close()


def _used(connection: Resource, cluster: Cluster) -> tuple[set[str], set[str]]:
    """Return the roles that resources want us to administer, and to act for."""
    administered, assumed = set[str](), set[str]()
    for user in users_of(connection.key, (_ROLE, _DATABASE), cluster):
        spec = user.spec
        if isinstance(spec, PostgresDatabaseSpec):
            owners = {each.owner for each in spec.schemas or () if each.owner is not None}
            assumed |= {spec.owner, *owners}
        elif isinstance(spec, PostgresRoleSpec):
            name = spec.external_name or user.key.name
            administered |= {name, *sign_in_names(name), *spec.member_of}
            assumed |= {each for grant in spec.grants or () for each in grant.creators or ()}
    return administered, assumed


def _reached(found: ServerLook) -> Reached:
    missing = _missing(found)
    observed = PostgresObserved(
        server_version=found.version,
        is_superuser=found.is_superuser,
        in_recovery=found.in_recovery,
        extensions_available=list(found.extensions),
        missing_privileges=[each[:STATEMENT_MAX] for each in missing[:NAMED_MAX]] or None,
    )
    facts = (_sufficient(found, missing),)
    if found.in_recovery:
        return Reached(
            observed=observed,
            facts=facts,
            is_ready=False,
            reason="InRecovery",
            message="The server is a replica, where nothing can be changed. Name the primary.",
        )
    if not (found.may_create_roles and found.may_create_databases):
        return Reached(
            observed=observed,
            facts=facts,
            is_ready=False,
            reason="PrivilegesMissing",
            message=facts[0].message,
        )
    return Reached(observed=observed, facts=facts)


def _sufficient(found: ServerLook, missing: list[str]) -> Fact:
    if not missing:
        return Fact("PrivilegesSufficient", "True", "Sufficient")
    return Fact(
        "PrivilegesSufficient",
        "False",
        "PrivilegesMissing",
        f"Role '{found.user}' lacks {len(missing)} rights. Let an administrator execute what "
        "stands in status.observed.missingPrivileges.",
    )


def _missing(found: ServerLook) -> list[str]:
    """Return the statements that would grant what our role lacks."""
    user = _quoted(found.user)
    return [
        *([] if found.may_create_roles else [f"ALTER ROLE {user} CREATEROLE"]),
        *([] if found.may_create_databases else [f"ALTER ROLE {user} CREATEDB"]),
        *(f"GRANT {_quoted(role)} TO {user} WITH ADMIN OPTION" for role in found.not_administered),
        *(
            f"GRANT {_quoted(role)} TO {user} WITH INHERIT TRUE, SET TRUE"
            for role in found.not_assumed
        ),
    ]


def _quoted(name: str) -> str:
    """Return *name* for a person to copy; it is never executed from here."""
    return '"' + name.replace('"', '""') + '"'
