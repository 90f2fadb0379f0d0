"""What would be done to a database."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal

from gopherpay_operator.plans.actions import Action, Reason, Refused, reserved
from gopherpay_operator.plans.database_actions import (
    ClaimDatabase,
    CreateDatabase,
    CreateExtension,
    CreateSchema,
    DropDatabase,
    DropExtension,
    DropSchema,
    MoveExtension,
    OpenDatabase,
    ReleaseDatabase,
    RevokePublic,
    RevokePublicCreate,
    SetDatabaseConnectionLimit,
    SetDatabaseOwner,
    SetDatabaseSetting,
    SetSchemaOwner,
    UpdateExtension,
)
from gopherpay_operator.plans.desired import UNLIMITED
from gopherpay_operator.plans.observed import DatabaseState, ExtensionState, Found, SchemaState

if TYPE_CHECKING:
    from gopherpay_operator.plans.desired import Extension, PostgresDatabase, Schema

RESERVED: Final = re.compile(r"postgres|template.*|pg_.*|rdsadmin|cloudsqladmin|azure_.*")
PUBLIC_RIGHTS: Final = frozenset({"CONNECT", "TEMPORARY"})  # PostgreSQL manual, 5.8 Privileges


def forbidden(desired: PostgresDatabase, _: Found[DatabaseState]) -> Refused | None:
    """Return why nothing is done to it."""
    if RESERVED.fullmatch(desired.name):
        return reserved(desired.name)
    return without_prefix(desired.name, desired.name_prefix)


def without_prefix(name: str, prefix: str) -> Refused | None:
    """Return the refusal of a *name* that does not begin with its connection's *prefix*."""
    if name.startswith(prefix):
        return None
    return Refused(
        Reason.NAME_WITHOUT_PREFIX,
        f"'{name}' does not begin with '{prefix}', as everything made through its connection "
        "must. Choose another name, or another connection.",
    )


def create(desired: PostgresDatabase, _: Found[DatabaseState], claim: str) -> list[Action]:
    """Return how it comes to be, with what is in it."""
    made = CreateDatabase(desired.name, desired.owner, desired.encoding, desired.locale, claim)
    return [made, *differences(desired, Found(fresh(desired), claim))]


def fresh(desired: PostgresDatabase) -> DatabaseState:
    """Return the database as `CreateDatabase` makes it from ``template0``."""
    return DatabaseState(
        oid=0,
        owner=desired.owner,
        encoding=desired.encoding or "",
        locale=desired.locale or "",
        connection_limit=UNLIMITED,
        public_privileges=PUBLIC_RIGHTS,
        schemas={"public": SchemaState("pg_database_owner")},
        extensions={"plpgsql": ExtensionState("1.0", "pg_catalog")},
    )


def differences(desired: PostgresDatabase, found: Found[DatabaseState]) -> list[Action]:
    """Return what makes the database what it shall be, and what cannot."""
    state = found.state
    assert state is not None  # noqa: S101 - the planner asks only about what is there
    return [
        *_immutable(desired, state),
        *_itself(desired, state),
        *_settings(desired, state),
        *(each for schema in desired.schemas for each in _schema(desired, schema, state)),
        *(each for ext in desired.extensions for each in _extension(desired.name, ext, state)),
    ]


def objects(
    desired: PostgresDatabase, state: DatabaseState
) -> list[tuple[Literal["Schema", "Extension"], str, list[Action]]]:
    """Return of every schema and extension its kind, its name and what is left to do to it."""
    return [
        *(("Schema", each.name, _schema(desired, each, state)) for each in desired.schemas),
        *(
            ("Extension", each.name, _extension(desired.name, each, state))
            for each in desired.extensions
        ),
    ]


def own(desired: PostgresDatabase, claim: str) -> Action:
    """Return how the database becomes ours."""
    return ClaimDatabase(desired.name, claim)


def release(desired: PostgresDatabase, claim: str) -> Action:
    """Return how the database stops being ours."""
    return ReleaseDatabase(desired.name, claim)


def drop(desired: PostgresDatabase, found: Found[DatabaseState], claim: str) -> list[Action]:
    """Return how it goes away, or why it does not."""
    state = found.state
    if state is None:
        return []  # its comment went with it
    if state.sessions and not desired.drop_with_force:
        return [
            Refused(
                Reason.IN_USE,
                f"Database '{desired.name}' is not dropped: {state.sessions} sessions are "
                "connected to it. End them, or set dropWithForce to true.",
            )
        ]
    return [DropDatabase(desired.name, state.oid, claim, desired.drop_with_force)]


def is_half_made(desired: PostgresDatabase, found: Found[DatabaseState]) -> bool:
    """Tell whether it is the rest of a creation that was cut off before its claim.

    Such a one has never let anybody in, and is what we would have made.
    """
    state = found.state
    return (
        state is not None
        and not state.is_open
        and state.owner == desired.owner
        and not _immutable(desired, state)
    )


def may_lose_data(_: PostgresDatabase, __: Found[DatabaseState], *, is_named: bool) -> bool:
    """Tell whether steps that lose data are allowed: only where a person named the database."""
    return is_named


def _immutable(desired: PostgresDatabase, state: DatabaseState) -> list[Action]:
    pairs = [
        ("encoding", desired.encoding, state.encoding),
        ("locale", desired.locale, state.locale),
    ]
    return [
        Refused(
            Reason.IMMUTABLE,
            f"The {what} of database '{desired.name}' cannot be changed to the one wanted; it was "
            "chosen when the database was made. Dump it and restore it into a new one.",
        )
        for what, wanted, has in pairs
        if wanted is not None and _plain(wanted) != _plain(has)
    ]


def _plain(name: str) -> str:
    """Return the name of an encoding or a locale without its spelling: ``UTF-8`` is ``UTF8``."""
    return name.replace("-", "").replace("_", "").lower()


def _itself(desired: PostgresDatabase, state: DatabaseState) -> list[Action]:
    name, steps = desired.name, list[Action]()
    if not state.is_open:
        steps.append(OpenDatabase(name))
    if desired.owner != state.owner:
        steps.append(SetDatabaseOwner(name, state.owner, desired.owner))
    if desired.connection_limit != state.connection_limit:
        limits = (state.connection_limit, desired.connection_limit)
        steps.append(SetDatabaseConnectionLimit(name, *limits))
    if desired.revoke_public and state.public_privileges:
        steps.append(RevokePublic(name, tuple(sorted(state.public_privileges))))
    if desired.revoke_public and state.public_may_create:
        steps.append(RevokePublicCreate(name))
    return steps


def _settings(desired: PostgresDatabase, state: DatabaseState) -> list[Action]:
    return [
        SetDatabaseSetting(desired.name, key, before, after)
        for key, after in sorted(desired.settings.items())
        if (before := state.settings.get(key.lower())) != after
    ]


def _schema(desired: PostgresDatabase, schema: Schema, state: DatabaseState) -> list[Action]:
    has, owner = state.schemas.get(schema.name), schema.owner or desired.owner
    if not schema.is_present:
        return [] if has is None else [_drop_schema(desired.name, schema.name, has)]
    if has is None:
        return [CreateSchema(desired.name, schema.name, owner)]
    # The schema "public" belongs to whoever owns the database, under a name of its own.
    is_owned = has.owner == owner or (schema.owner is None and has.owner == "pg_database_owner")
    return [] if is_owned else [SetSchemaOwner(desired.name, schema.name, has.owner, owner)]


def _drop_schema(database: str, schema: str, has: SchemaState) -> Action:
    if not has.objects:
        return DropSchema(database, schema)
    return Refused(
        Reason.NOT_EMPTY,
        f"Schema '{schema}' of database '{database}' is not dropped: {has.objects} objects stand "
        "in it. Move or drop them first.",
    )


def _extension(database: str, wanted: Extension, state: DatabaseState) -> list[Action]:
    has = state.extensions.get(wanted.name)
    if not wanted.is_present:
        return [] if has is None else [DropExtension(database, wanted.name)]
    if has is None:
        return [CreateExtension(database, wanted)]
    steps = list[Action]()
    if wanted.version not in {None, has.version}:
        steps.append(UpdateExtension(database, wanted.name, has.version, wanted.version or ""))
    if wanted.schema not in {None, has.schema}:
        steps.append(MoveExtension(database, wanted.name, has.schema, wanted.schema or ""))
    return steps
