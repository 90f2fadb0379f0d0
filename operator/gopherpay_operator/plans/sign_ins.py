"""Passwords, and the roles as which programs sign in to act as another.

A role with two sign-in roles has the rights and cannot sign in itself. Each of the two is a member
of it, inherits its rights and has ``ALTER ROLE … SET role``: a session begins as the role that has
the rights, so that what it makes belongs to that one, whichever of the two signed in. Inheritance
is for sessions that a pooler has reset (``DISCARD ALL`` ends the acting).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from gopherpay_operator.plans import scram
from gopherpay_operator.plans.actions import Action, Reason, Refused
from gopherpay_operator.plans.role_actions import (
    ActAs,
    AlterRole,
    ClearPassword,
    CreateSignIn,
    DropRole,
    GrantMembership,
    SetPassword,
    TakeSignIn,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gopherpay_operator.plans.desired import Attributes, Password, PostgresRole
    from gopherpay_operator.plans.observed import RoleState, SignInState

_CREDENTIALS: Final = (ActAs, ClearPassword, CreateSignIn, SetPassword, TakeSignIn)


def credentials(
    desired: PostgresRole, state: RoleState, claim: str | None, *, is_refused: bool
) -> list[Action]:
    """Return what lets programs sign in as *desired* wants it.

    Args:
        desired: The role.
        state: What is there.
        claim: Whose it is by now.
        is_refused: Whether something else of it is refused, so that nobody will be told of a
            password that is another one.
    """
    wanted = {each.name for each in desired.sign_ins}
    steps = _password(desired.name, desired.password, state, is_refused=is_refused)
    for each in desired.sign_ins:
        made = _sign_in(desired, each.name, state)
        steps += made
        if not any(isinstance(step, Refused) for step in made):  # it is not ours
            has = state.sign_ins.get(each.name)
            steps += _password(each.name, each.password, has, is_refused=is_refused)
    return [
        *steps,
        *_shut_out(desired, state),
        *(
            step
            for name, has in sorted(state.sign_ins.items())
            if name not in wanted and has.is_ours and claim
            for step in [dropped(name, has, claim)]
        ),
    ]


def is_credential(name: str, action: Action) -> bool:
    """Tell whether *action* on role *name* is about signing in alone.

    Such a step corrects no drift: whatever driftPolicy says, what programs are told is true.
    """
    if isinstance(action, AlterRole):
        return replace(action.before, login=action.after.login) == action.after
    if isinstance(action, DropRole):
        return action.name != name
    return isinstance(action, _CREDENTIALS)


def dropped(name: str, has: SignInState, claim: str) -> Action:
    """Return how the role *name* goes, or why it does not."""
    if has.owned_objects:
        return Refused(
            Reason.OWNS_OBJECTS,
            f"Role '{name}' is not dropped: {has.owned_objects} objects belong to it. Give them "
            "to another role (REASSIGN OWNED) first.",
        )
    return DropRole(name, has.oid, claim)


def of_sign_ins(attributes: Attributes) -> Attributes:
    """Return what a role is that signs in for one with *attributes*."""
    return replace(attributes, login=True, inherit=True)


def is_in_effect(state: RoleState | SignInState, clear: str) -> bool | None:
    """Tell whether the password *clear* is in effect; ``None`` where the server hides that."""
    return scram.matches(state.verifier, clear) if state.verifier_is_readable else None


def is_shut_out(has: RoleState | SignInState | None) -> bool:
    """Tell whether nobody can sign in by a password any more; *has* is what `found` returns."""
    return has is None or (has.verifier_is_readable and has.verifier is None)


def found(name: str, desired: PostgresRole, state: RoleState) -> RoleState | SignInState | None:
    """Return what is there of *name*, which is *desired* itself or signs in for it."""
    return state if name == desired.name else state.sign_ins.get(name)


def _sign_in(desired: PostgresRole, name: str, state: RoleState) -> list[Action]:
    attributes, has = of_sign_ins(desired.attributes), state.sign_ins.get(name)
    if has is None:
        return [CreateSignIn(name, desired.name, attributes)]
    is_evidently_ours = has.is_unclaimed and has.is_member and has.acts_as == desired.name
    if not has.is_ours and not is_evidently_ours:
        return [
            Refused(
                Reason.CONFLICT,
                f"Role '{name}' is there already and does not sign in for '{desired.name}'. Drop "
                "or rename it, or choose another name or strategy.",
            )
        ]
    taken = [] if has.is_ours else [TakeSignIn(name, desired.name)]
    return [*taken, *_kept(desired.name, name, has, attributes)]


def _kept(of: str, name: str, has: SignInState, attributes: Attributes) -> Iterator[Action]:
    if has.attributes != attributes:
        yield AlterRole(name, has.attributes, attributes)
    if not has.is_member:
        yield GrantMembership(name, of)
    if has.acts_as != of:
        yield ActAs(name, of)


def _password(
    name: str,
    password: Password | None,
    state: RoleState | SignInState | None,
    *,
    is_refused: bool,
) -> list[Action]:
    if password is None or (password.is_next and is_refused):
        return []
    is_set = False if state is None else is_in_effect(state, password.clear)
    if is_set or (is_set is None and password.is_believed_set):
        return []
    verifier = scram.verifier(password.clear, password.salt)
    return [SetPassword(name, verifier, is_drift=is_set is False and not password.is_next)]


def _shut_out(desired: PostgresRole, state: RoleState) -> list[Action]:
    name = desired.shut_out
    has = found(name, desired, state) if name else None
    if name is None or has is None or has.sessions or is_shut_out(has):
        return []
    return [ClearPassword(name)]
