"""From rows of the catalogue to the state of roles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from gopherpay_operator.plans.claims import claim_of
from gopherpay_operator.plans.desired import Attributes
from gopherpay_operator.plans.observed import Privilege, RoleState, SignInState
from gopherpay_operator.plans.rotation import sign_in_names


class Row(NamedTuple):
    """One role of ``pg_roles``, with what other catalogues say of it."""

    name: str
    oid: int
    attributes: Attributes
    is_superuser: bool
    claim: str | None
    member_of: frozenset[str]
    owned_objects: int
    acts_as: str | None
    sessions: int


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at the roles of a server brought.

    Attributes:
        rows: By name.
        verifiers: By name; ``None`` where the server hides them.
        set_by_us: By name: the oid of the role and the verifier that we gave it last.
    """

    rows: Mapping[str, Row]
    verifiers: Mapping[str, str | None] | None = field(repr=False)
    set_by_us: Mapping[str, tuple[int, str | None]] = field(repr=False)

    def verifier(self, row: Row) -> tuple[str | None, bool]:
        """Return the verifier of a role, and whether it is known."""
        if self.verifiers is not None:
            return self.verifiers.get(row.name), True
        oid, verifier = self.set_by_us.get(row.name, (0, None))
        return (verifier, True) if oid == row.oid else (None, False)


def read_row(row: Any) -> Row:  # noqa: ANN401 - as the driver gives it
    """Return a row of the driver by names."""
    name, oid, login, inherit, databases, roles, replication, bypass, limit, *rest = row
    is_superuser, comment, member_of, owned_objects, acts_as, sessions = rest
    return Row(
        name=name,
        oid=oid,
        attributes=Attributes(login, inherit, databases, roles, replication, bypass, limit),
        is_superuser=is_superuser,
        claim=claim_of(comment),
        member_of=frozenset(member_of),
        owned_objects=owned_objects,
        acts_as=acts_as,
        sessions=sessions,
    )


def role_state(look: Look, name: str, held: frozenset[Privilege]) -> RoleState | None:
    """Return what is there of the role *name*, with those that sign in for it."""
    row = look.rows.get(name)
    if row is None:
        return None
    verifier, is_known = look.verifier(row)
    some = [look.rows[each] for each in sign_in_names(name) if each in look.rows]
    return RoleState(
        oid=row.oid,
        attributes=row.attributes,
        is_superuser=row.is_superuser,
        member_of=row.member_of,
        held=held,
        verifier=verifier,
        verifier_is_readable=is_known,
        owned_objects=row.owned_objects,
        sessions=row.sessions,
        sign_ins={each.name: _sign_in(look, each, row) for each in some},
    )


def _sign_in(look: Look, row: Row, of: Row) -> SignInState:
    verifier, is_known = look.verifier(row)
    return SignInState(
        oid=row.oid,
        attributes=row.attributes,
        is_ours=row.claim is not None and row.claim == of.claim,
        is_unclaimed=row.claim is None and not row.is_superuser,
        is_member=of.name in row.member_of,
        acts_as=row.acts_as,
        verifier=verifier,
        verifier_is_readable=is_known,
        sessions=row.sessions,
        owned_objects=row.owned_objects,
    )
