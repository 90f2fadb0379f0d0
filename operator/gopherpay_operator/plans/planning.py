"""The decision: what is wanted, what is there and the policies in; a plan out.

The order of the questions is the safety of the operator: whose is it, is it going away, may it be
taken, what differs, could that lose data, and only then whether anything is done at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from gopherpay_operator.plans import databases, novu, novu_things, roles, topics
from gopherpay_operator.plans.actions import Action, Plan, Reason, Refused, only_allowed
from gopherpay_operator.plans.desired import Desired, EventTopic, PostgresDatabase, PostgresRole
from gopherpay_operator.plans.policy import Adoption, Deletion, Drift, Policy
from gopherpay_operator.plans.sign_ins import is_credential

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gopherpay_operator.plans.observed import Found

NAMED_MAX: Final = 10
"""How many differences a refused adoption lists."""


class Rules(Protocol):
    """What is known of one kind; each module of a kind is one."""

    def forbidden(self, desired: Any, found: Found[Any], /) -> Refused | None:  # noqa: ANN401
        """Return why nothing at all is done to it."""

    def create(self, desired: Any, found: Found[Any], claim: str, /) -> list[Action]:  # noqa: ANN401
        """Return how it comes to be."""

    def differences(self, desired: Any, found: Found[Any], /) -> list[Action]:  # noqa: ANN401
        """Return what makes it what it shall be."""

    def own(self, desired: Any, claim: str, /) -> Action:  # noqa: ANN401
        """Return how it becomes ours."""

    def release(self, desired: Any, claim: str, /) -> Action:  # noqa: ANN401
        """Return how it stops being ours."""

    def drop(self, desired: Any, found: Found[Any], claim: str, /) -> list[Action]:  # noqa: ANN401
        """Return how it goes away."""

    def is_half_made(self, desired: Any, found: Found[Any], /) -> bool:  # noqa: ANN401
        """Tell whether it is the rest of a creation that was cut off."""

    def may_lose_data(self, desired: Any, found: Found[Any], /, *, is_named: bool) -> bool:  # noqa: ANN401
        """Tell whether a living one may be changed in a way that loses data."""


RULES: Final[Mapping[type, Rules]] = {
    EventTopic: topics,
    PostgresDatabase: databases,
    PostgresRole: roles,
    novu.NovuTopic: novu_things,
    novu.NovuIntegration: novu_things,
    novu.NovuLayout: novu_things,
    novu.NovuWorkflow: novu_things,
}


def plan(desired: Desired, found: Found[Any], policy: Policy) -> Plan:
    """Return what would be done to bring *found* to *desired* under *policy*."""
    rules = RULES[type(desired)]
    refused = rules.forbidden(desired, found)
    if refused is not None:
        return Plan((refused,))
    if policy.is_deleting:
        return Plan(_leaving(rules, desired, found, policy), not policy.suspended)
    if policy.drift is Drift.IGNORE and policy.spec_is_applied:
        return Plan(_credentials(rules, desired, found, policy), not policy.suspended)
    actions = only_allowed(
        _living(rules, desired, found, policy),
        desired.name,
        may_lose_data=rules.may_lose_data(
            desired, found, is_named=policy.allows_destroying(desired.name)
        ),
    )
    is_reported = policy.drift is Drift.REPORT and policy.spec_is_applied
    due = _credentials(rules, desired, found, policy) if is_reported else ()
    if due:
        return Plan(due, not policy.suspended)
    return Plan(actions, not (policy.suspended or is_reported))


def _credentials(
    rules: Rules, desired: Desired, found: Found[Any], policy: Policy
) -> tuple[Action, ...]:
    """Return the steps on a role of ours that are about signing in, which are no drift."""
    is_ours = found.state is not None and found.claim == policy.claim
    if not isinstance(desired, PostgresRole) or not is_ours:
        return ()
    changes = rules.differences(desired, found)
    return tuple(each for each in changes if is_credential(desired.name, each))


def _living(
    rules: Rules, desired: Desired, found: Found[Any], policy: Policy
) -> list[Action] | tuple[Action, ...]:
    if found.claim not in {None, policy.claim}:
        return (_conflict(desired.name, found.claim),)
    if found.state is None:
        return rules.create(desired, found, policy.claim)
    changes = rules.differences(desired, found)
    if found.claim == policy.claim:
        return changes
    refused = _not_adopted(rules, desired, found, policy.adoption, changes)
    return (refused,) if refused else (rules.own(desired, policy.claim), *changes)


def _not_adopted(
    rules: Rules,
    desired: Desired,
    found: Found[Any],
    adoption: Adoption,
    changes: list[Action],
) -> Refused | None:
    """Return why something that is there and nobody's is not taken."""
    if adoption is Adoption.NEVER:
        return Refused(
            Reason.ADOPTION_FORBIDDEN,
            f"'{desired.name}' is there already and adoptionPolicy is Never. Remove it, choose "
            "another name, or let it be adopted.",
        )
    is_taken = adoption is Adoption.ALWAYS or not changes or rules.is_half_made(desired, found)
    if is_taken:
        return None
    listed = " ".join(each.sentence for each in changes[:NAMED_MAX])
    return Refused(
        Reason.NOT_IDENTICAL,
        f"'{desired.name}' is there already and is not what is wanted. Change what is wanted, or "
        f"set adoptionPolicy to Always, which would do this: {listed}",
    )


def _leaving(
    rules: Rules, desired: Desired, found: Found[Any], policy: Policy
) -> tuple[Action, ...]:
    if found.claim != policy.claim:
        return ()  # not ours: whoever loses a conflict changes nothing by going
    if policy.deletion is Deletion.RETAIN:
        return (rules.release(desired, policy.claim),)
    actions = only_allowed(
        rules.drop(desired, found, policy.claim),
        desired.name,
        may_lose_data=policy.allows_destroying(desired.name),
    )
    # What stays is still ours, with all that belongs to it.
    refused = tuple(each for each in actions if isinstance(each, Refused))
    return refused or actions


def _conflict(name: str, owner: str | None) -> Refused:
    return Refused(
        Reason.CONFLICT,
        f"'{name}' belongs to '{owner}'. Delete one of the two resources; deleting this one "
        "changes nothing.",
    )
