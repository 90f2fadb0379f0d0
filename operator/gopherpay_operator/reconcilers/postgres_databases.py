"""Databases of Postgres."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gopherpay_operator import wishes
from gopherpay_operator.backends import postgres_databases as backend
from gopherpay_operator.engine.ports import Fact, Key
from gopherpay_operator.engine.things import Access, Description, Finish
from gopherpay_operator.plans import databases
from gopherpay_operator.reconcilers.postgres_access import KIND, PostgresAccess
from gopherpay_operator.resources.connections import PostgresConnectionSpec
from gopherpay_operator.resources.postgres import (
    DatabaseObserved,
    ObjectResult,
    PostgresDatabaseSpec,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from gopherpay_operator.engine.ports import Cluster, Resource
    from gopherpay_operator.plans.actions import Plan
    from gopherpay_operator.plans.desired import PostgresDatabase
    from gopherpay_operator.plans.observed import DatabaseState, Found

SENTENCE_MAX = 1024


class PostgresDatabases:
    """`engine.things.Thing` for `PostgresDatabase`."""

    kind = "PostgresDatabase"
    connection_kind = KIND

    def __init__(self, access: PostgresAccess | None = None) -> None:
        """Share *access* with the other kinds that use the same connections."""
        self._access = access or PostgresAccess()

    def needs(self, resource: Resource) -> frozenset[Key]:
        """Return the role that owns it, should that be a resource of its name."""
        return frozenset({Key("PostgresRole", resource.key.namespace, _spec(resource).owner)})

    def external_name(self, resource: Resource) -> str:
        """Return its name in Postgres."""
        return _spec(resource).external_name or resource.key.name

    async def access(self, connection: Resource, cluster: Cluster) -> Access:
        """Return how the server is reached."""
        return await self._access.access(connection, cluster, backend.PostgresDatabases)

    async def wish(self, resource: Resource, connection: Resource, _: Cluster) -> PostgresDatabase:
        """Return what is wanted."""
        return wishes.database(
            resource.key.name, _spec(resource), name_prefix=prefix_of(connection)
        )

    def describe(
        self,
        resource: Resource,
        wish: PostgresDatabase,
        found: Found[DatabaseState],
        _: Plan,
    ) -> Description:
        """Return what the status says."""
        state = found.state
        if state is None:
            return Description(facts=_facts([], is_there=False))
        results = _results(wish, state)
        observed = DatabaseObserved(
            oid=state.oid,
            owner=state.owner,
            encoding=state.encoding,
            locale=state.locale,
            objects=results or None,
        )
        return Description(
            observed=_sized(observed, state.size_bytes, resource.status.get("observed") or {}),
            external_id=str(state.oid),
            facts=_facts(results, is_there=True),
        )

    async def finish(
        self,
        resource: Resource,
        wish: PostgresDatabase,
        found: Found[DatabaseState],
        cluster: Cluster,
        now: datetime,
    ) -> Finish:
        """Return that nothing depends on it in the cluster."""
        del resource, wish, found, cluster, now
        return Finish()


def prefix_of(connection: Resource) -> str:
    """Return what names must begin with that are made through *connection*."""
    spec = connection.spec
    assert isinstance(spec, PostgresConnectionSpec)  # noqa: S101 - of that kind only
    return spec.role_prefix or ""


def _spec(resource: Resource) -> PostgresDatabaseSpec:
    spec = resource.spec
    assert isinstance(spec, PostgresDatabaseSpec)  # noqa: S101 - of that kind only
    return spec


def _results(wish: PostgresDatabase, state: DatabaseState) -> list[ObjectResult]:
    return [
        ObjectResult(
            kind=kind,
            name=name,
            applied=not left,
            message=left[0].sentence[:SENTENCE_MAX] if left else None,
        )
        for kind, name, left in databases.objects(wish, state)
    ]


def _facts(results: Sequence[ObjectResult], *, is_there: bool) -> tuple[Fact, Fact]:
    return (
        _fact("SchemasReady", [each for each in results if each.kind == "Schema"], is_there),
        _fact("ExtensionsReady", [each for each in results if each.kind == "Extension"], is_there),
    )


def _fact(type_: str, results: Sequence[ObjectResult], is_there: bool) -> Fact:  # noqa: FBT001 - read at its two calls
    if not is_there:
        return Fact(type_, "False", "DatabaseMissing", "The database is not there.")
    left = [each for each in results if not each.applied]
    if not left:
        return Fact(type_, "True", "AsWritten")
    return Fact(type_, "False", "NotAsWritten", " ".join(each.message or "" for each in left))


def _sized(
    observed: DatabaseObserved, size: int | None, before: dict[str, Any]
) -> DatabaseObserved:
    """Return *observed* with its size; the one before if nothing else became another one.

    A size changes all the time, and a status that says so each time would be written each time.
    """
    same = {name: value for name, value in before.items() if name != "sizeBytes"}
    if "sizeBytes" in before and same == observed.model_dump(by_alias=True, exclude_none=True):
        size = before["sizeBytes"]
    return observed.model_copy(update={"size_bytes": size})
