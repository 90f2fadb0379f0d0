"""From grants, as people write them, to privileges, as Postgres keeps them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Final

from gopherpay_operator.plans.actions import Reason, Refused
from gopherpay_operator.plans.desired import Grant, ObjectGrant, Profile, ProfileGrant
from gopherpay_operator.plans.observed import Kind, Place, Privilege, Surroundings
from gopherpay_operator.plans.role_actions import ChangePrivileges

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@dataclass(frozen=True, slots=True)
class Rights:
    """What a profile may do, by the kind of place.

    Attributes:
        only: The tables that it is about, with the rights on each, instead of *tables*.
    """

    database: frozenset[str] = frozenset({"CONNECT"})
    schema: frozenset[str] = frozenset({"USAGE"})
    tables: frozenset[str] = frozenset()
    sequences: frozenset[str] = frozenset()
    only: tuple[tuple[str, frozenset[str]], ...] = ()


_READ: Final = frozenset({"SELECT"})
_WRITE: Final = _READ | {"INSERT", "UPDATE", "DELETE"}
_ALL: Final = _WRITE | {"TRUNCATE", "REFERENCES", "TRIGGER"}
_COUNT: Final = frozenset({"SELECT", "USAGE"})
_BUILD: Final = frozenset({"USAGE", "CREATE"})

PROFILES: Final = {
    Profile.READER: Rights(tables=_READ, sequences=_READ),
    Profile.WRITER: Rights(tables=_WRITE, sequences=_COUNT),
    Profile.OWNER: Rights(
        frozenset({"CONNECT", "CREATE", "TEMPORARY"}), _BUILD, _ALL, _COUNT | {"UPDATE"}
    ),
    # To alter what others made, a migrator is a member of the owner as well.
    Profile.MIGRATOR: Rights(
        frozenset({"CONNECT", "TEMPORARY"}), _BUILD, _ALL, _COUNT | {"UPDATE"}
    ),
    Profile.RELAY: Rights(
        only=(("outbox", _READ), ("event_cursors", frozenset({"SELECT", "INSERT", "UPDATE"})))
    ),
}


def wanted(role: str, grants: Iterable[Grant], around: Surroundings) -> set[Privilege]:
    """Return what *grants* mean for *role*, at the places that are there.

    What belongs to the role needs no grant and gets none.
    """
    return {
        privilege
        for grant in grants
        for privilege in _meant(grant, around)
        if _owner(privilege.place, around) not in {None, role}
    }


def missing(grants: Iterable[Grant], around: Surroundings) -> list[Refused]:
    """Return a refusal for every place that *grants* name and that is not there."""
    named = sorted({place for grant in grants for place in _named(grant)})
    return [
        Refused(
            Reason.PLACE_MISSING,
            f"There is no {_call(place)} to grant anything on; it is granted when it is there.",
        )
        for place in named
        if place not in around.owners
    ]


def changes(
    role: str, held: Iterable[Privilege], shall: Iterable[Privilege]
) -> list[ChangePrivileges]:
    """Return the steps from *held* to *shall*: first what is taken, then what is given."""
    before, after = set(held), set(shall)
    return [
        *_grouped(role, before - after, is_grant=False),
        *_grouped(role, after - before, is_grant=True),
    ]


def _meant(grant: Grant, around: Surroundings) -> Iterator[Privilege]:
    if isinstance(grant, ObjectGrant):
        return _by_name(grant, around)
    return _by_profile(grant, around)


def _by_name(grant: ObjectGrant, around: Surroundings) -> Iterator[Privilege]:
    kind = Kind(grant.on)
    if kind in {Kind.DATABASE, Kind.SCHEMA}:
        schema = "" if kind is Kind.DATABASE else grant.schema
        places = [Place(grant.database, kind, schema)]
    else:
        there = _inside(grant.database, kind, grant.schema, around)
        places = [each for each in there if not grant.names or each.name in grant.names]
    return (Privilege(place, right) for place in places for right in grant.privileges)


def _by_profile(grant: ProfileGrant, around: Surroundings) -> Iterator[Privilege]:
    rights, database, schema = PROFILES[grant.profile], grant.database, grant.schema
    tables = _inside(database, Kind.TABLE, schema, around)
    sequences = _inside(database, Kind.SEQUENCE, schema, around)
    creators = grant.creators or {around.owners.get(Place(database, Kind.DATABASE), "")}
    given = [
        (Place(database, Kind.DATABASE), rights.database),
        (Place(database, Kind.SCHEMA, schema), rights.schema),
        *((place, rights.tables) for place in tables),
        *((place, rights.sequences) for place in sequences),
        *((Place(database, Kind.TABLE, schema, name), some) for name, some in rights.only),
        *((Place(database, Kind.FUTURE_TABLES, schema, name), rights.tables) for name in creators),
        *(
            (Place(database, Kind.FUTURE_SEQUENCES, schema, name), rights.sequences)
            for name in creators
        ),
    ]
    return (Privilege(place, right) for place, some in given for right in some)


def _inside(database: str, kind: Kind, schema: str, around: Surroundings) -> list[Place]:
    return [
        place
        for place in around.owners
        if (place.database, place.kind, place.schema) == (database, kind, schema)
    ]


def _owner(place: Place, around: Surroundings) -> str | None:
    """Return whose *place* is, ``None`` when it is not there; what will be made is its maker's."""
    if place.kind in {Kind.FUTURE_TABLES, Kind.FUTURE_SEQUENCES}:
        is_there = Place(place.database, Kind.SCHEMA, place.schema) in around.owners
        return place.name if is_there else None
    return around.owners.get(place)


def _named(grant: Grant) -> Iterator[Place]:
    """Return the places without which *grant* cannot be given."""
    yield Place(grant.database, Kind.DATABASE)
    if isinstance(grant, ProfileGrant) or grant.on != "database":
        yield Place(grant.database, Kind.SCHEMA, grant.schema)
    if isinstance(grant, ObjectGrant) and grant.on in {"table", "sequence"}:
        for name in grant.names:
            yield Place(grant.database, Kind(grant.on), grant.schema, name)


def _call(place: Place) -> str:
    if place.kind is Kind.DATABASE:
        return f"database '{place.database}'"
    if place.kind is Kind.SCHEMA:
        return f"schema '{place.schema}' in database '{place.database}'"
    return f"{place.kind} '{place.schema}.{place.name}' in database '{place.database}'"


def _grouped(
    role: str, privileges: Iterable[Privilege], *, is_grant: bool
) -> Iterator[ChangePrivileges]:
    """Return one step for all places of a kind and schema that change by the same rights."""
    by_place = groupby(sorted(privileges), key=lambda each: each.place)
    rights = [(place, tuple(each.right for each in some)) for place, some in by_place]
    rights.sort(key=lambda pair: (pair[0].database, pair[0].kind, pair[0].schema, pair[1]))
    for (database, kind, schema, some), pairs in groupby(
        rights, key=lambda pair: (pair[0].database, pair[0].kind, pair[0].schema, pair[1])
    ):
        names = tuple(place.name for place, _ in pairs if place.name)
        yield ChangePrivileges(role, is_grant, database, kind, schema, names, some)
