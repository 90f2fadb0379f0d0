"""What would be done to a role."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gopherpay_operator.plans import privileges, sign_ins
from gopherpay_operator.plans.actions import Action, Reason, Refused, reserved
from gopherpay_operator.plans.databases import RESERVED, without_prefix
from gopherpay_operator.plans.observed import Found, RoleState, Surroundings
from gopherpay_operator.plans.role_actions import (
    AlterRole,
    ClaimRole,
    CreateRole,
    DropRole,
    GrantMembership,
    ReleaseRole,
    RevokeMembership,
)

if TYPE_CHECKING:
    from gopherpay_operator.plans.desired import PostgresRole

EVERYBODY: Final = frozenset({"public", "none"})
"""Words that stand for no single role (PostgreSQL manual, CREATE ROLE)."""

NAME_BYTES_MAX: Final = 63  # PostgreSQL manual, 4.1.1: NAMEDATALEN - 1


def forbidden(desired: PostgresRole, found: Found[RoleState]) -> Refused | None:
    """Return why nothing is done to it."""
    if RESERVED.fullmatch(desired.name) or desired.name in EVERYBODY:
        return reserved(desired.name)
    if found.state is not None and found.state.is_superuser:
        return Refused(
            Reason.SUPERUSER,
            f"Role '{desired.name}' is a superuser, which this operator neither makes nor "
            "changes. Choose another name.",
        )
    longest = max((desired.name, *(each.name for each in desired.sign_ins)), key=_size)
    if _size(longest) > NAME_BYTES_MAX:
        return Refused(
            Reason.NOT_SUPPORTED,
            f"'{longest}' has more than {NAME_BYTES_MAX} bytes, and Postgres would cut it off. "
            "Choose a shorter name.",
        )
    return without_prefix(desired.name, desired.name_prefix)


def create(desired: PostgresRole, found: Found[RoleState], claim: str) -> list[Action]:
    """Return how it comes to be, with all that it may do."""
    made = CreateRole(desired.name, desired.attributes, claim)
    # A new role has no password, whatever was believed of one that is gone.
    state = RoleState(oid=0, attributes=desired.attributes)
    return [made, *differences(desired, Found(state, claim, around=found.around))]


def differences(desired: PostgresRole, found: Found[RoleState]) -> list[Action]:
    """Return what makes the role what it shall be, and what cannot."""
    state = found.state
    assert state is not None  # noqa: S101 - the planner asks only about what is there
    name, around = desired.name, found.around or Surroundings()
    steps: list[Action] = [
        *_itself(desired, state),
        *(RevokeMembership(name, of) for of in sorted(state.member_of - desired.member_of)),
        *(GrantMembership(name, of) for of in sorted(desired.member_of - state.member_of)),
        *privileges.missing(desired.grants, around),
        *privileges.changes(name, state.held, privileges.wanted(name, desired.grants, around)),
    ]
    is_refused = any(isinstance(each, Refused) for each in steps)
    return [
        *steps,
        *sign_ins.credentials(desired, state, found.claim, is_refused=is_refused),
    ]


def own(desired: PostgresRole, claim: str) -> Action:
    """Return how the role becomes ours."""
    return ClaimRole(desired.name, claim)


def release(desired: PostgresRole, claim: str) -> Action:
    """Return how the role stops being ours."""
    return ReleaseRole(desired.name, claim)


def drop(desired: PostgresRole, found: Found[RoleState], claim: str) -> list[Action]:
    """Return how it goes away, or why it does not; what it was granted goes first."""
    state = found.state
    if state is None:
        return []  # its comment went with it
    ours = {name: has for name, has in sorted(state.sign_ins.items()) if has.is_ours}
    refused = _in_use(desired.name, state, sum(has.sessions for has in ours.values()))
    if refused is not None:
        return [refused]
    return [
        *(sign_ins.dropped(name, has, claim) for name, has in ours.items()),
        *privileges.changes(desired.name, state.held, ()),
        DropRole(desired.name, state.oid, claim),
    ]


def is_half_made(_: PostgresRole, __: Found[RoleState]) -> bool:
    """Tell whether it is the rest of a creation that was cut off: a role is made in one piece."""
    return False


def may_lose_data(_: PostgresRole, __: Found[RoleState], *, is_named: bool) -> bool:
    """Tell whether steps that lose data are allowed; a role has none."""
    return is_named


def _in_use(name: str, state: RoleState, signed_in: int) -> Refused | None:
    if state.owned_objects:
        return Refused(
            Reason.OWNS_OBJECTS,
            f"Role '{name}' is not dropped: {state.owned_objects} objects belong to it. Give them "
            "to another role (REASSIGN OWNED) first.",
        )
    sessions = state.sessions + signed_in
    if sessions:
        return Refused(
            Reason.IN_USE,
            f"Role '{name}' is not dropped: {sessions} sessions have signed in as it. End them.",
        )
    return None


def _itself(desired: PostgresRole, state: RoleState) -> list[Action]:
    if desired.attributes == state.attributes:
        return []
    # Whether the role itself signs in depends on the password that programs are told.
    is_drift = desired.step is None or desired.attributes.login == state.attributes.login
    return [AlterRole(desired.name, state.attributes, desired.attributes, is_drift=is_drift)]


def _size(name: str) -> int:
    return len(name.encode())
