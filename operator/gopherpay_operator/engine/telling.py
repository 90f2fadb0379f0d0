"""What a pass over a thing says of it: conditions, reasons and Events. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from gopherpay_operator.engine.ports import Fact, Happening, Outcome, Resource
from gopherpay_operator.engine.statuses import by_type, condition, owns
from gopherpay_operator.plans.actions import Action, Plan, Reason, corrects_drift
from gopherpay_operator.plans.observed import Found
from gopherpay_operator.plans.policy import Drift, Policy

if TYPE_CHECKING:
    from gopherpay_operator.engine.things import Description, Finish

NAMED_MAX: Final = 10
"""How many differences a message lists."""

READY: Final = "Ready"
DRIFT_REPORTED: Final = "DriftReported"
MISSING: Final = "Missing"
APPLYING: Final = "Applying"
NOT_APPLIED: Final = "NotApplied"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """What happened to a thing.

    Attributes:
        before: What was there when we came.
        after: What is there now.
        first: What had to be done.
        done: What of it was done.
        left: What still has to be done.
    """

    resource: Resource
    policy: Policy
    name: str
    spec_hash: str
    before: Found[Any]
    after: Found[Any]
    first: Plan
    done: Sequence[Action]
    left: Plan

    @property
    def is_owned(self) -> bool:
        """Tell whether the thing is there and ours."""
        return self.after.state is not None and self.after.claim == self.policy.claim

    @property
    def is_new_here(self) -> bool:
        """Tell whether it has just become ours, as far as the status knows."""
        return self.is_owned and not owns(self.resource.status)

    @property
    def is_reported(self) -> bool:
        """Tell whether what differs is only reported: its owner wants it so."""
        return (
            not self.left.is_carried_out
            and not self.policy.suspended
            and self.is_owned
            and self.policy.drift is Drift.REPORT
        )

    @property
    def is_wanted(self) -> bool:
        """Tell whether the thing is as it is wanted, or as near as its policies let it come."""
        return (self.is_owned and self.left.is_empty) or self.is_reported

    @property
    def is_applied(self) -> bool:
        """Tell whether all that the spec says was carried out."""
        return self.is_owned and (self.left.is_empty or self.policy.spec_is_applied)


def told(what: Pass, description: Description, finish: Finish | None) -> Outcome:
    """Return the outcome of *what*."""
    is_ready, reason, message = _ready(what, finish)
    refusals = () if what.is_reported else what.left.refusals
    return Outcome(
        is_ready=is_ready,
        reason=reason,
        message=message,
        is_stalled=bool(refusals) and not what.policy.suspended,
        facts=(*_facts(what), *description.facts, *(finish.facts if finish else ())),
        observed=(finish.observed if finish else None) or description.observed,
        plan=what.left,
        has_applied=bool(what.done),
        applied_hash=what.spec_hash if what.is_applied else None,
        external_name=what.name,
        external_id=description.external_id,
        owned=what.is_owned,
        happenings=(*_happenings(what, reason, message), *(finish.happenings if finish else ())),
        again_in_seconds=finish.again_in_seconds if finish else None,
        is_retried=not is_ready and _is_moving(what, finish),
    )


def _ready(what: Pass, finish: Finish | None) -> tuple[bool, str, str]:
    if finish is not None and not finish.is_ready:
        return False, finish.reason or APPLYING, finish.message
    if what.is_reported:
        return True, DRIFT_REPORTED, listed(what.left)
    if what.is_wanted:
        return True, READY, finish.message if finish else ""
    if what.left.refusals:
        refused = what.left.refusals
        return False, refused[0].reason.value, " ".join(each.sentence for each in refused)
    if what.left.is_empty or not what.left.is_carried_out:  # its policies keep us from it
        return False, _absence(what), f"'{what.name}' is not there or not ours. {listed(what.left)}"
    return False, APPLYING, listed(what.left)


def _absence(what: Pass) -> str:
    return MISSING if what.after.state is None else "NotOwned"


def _is_moving(what: Pass, finish: Finish | None) -> bool:
    """Tell whether another pass, soon, is likely to find more."""
    if finish is not None:
        return finish.again_in_seconds is None
    return bool(what.left.to_do)


def _facts(what: Pass) -> list[Fact]:
    return [
        Fact("DependenciesReady", "True", "Found"),
        _synced(what),
        _drifted(what),
        _adopted(what),
    ]


def _synced(what: Pass) -> Fact:
    if what.is_applied and what.left.is_empty:
        return Fact("Synced", "True", "Applied")
    if what.is_reported or what.policy.suspended:
        return Fact("Synced", "False", NOT_APPLIED, listed(what.left))
    _, reason, message = _ready(what, None)
    return Fact("Synced", "False", reason, message)


def _drifted(what: Pass) -> Fact:
    if not what.policy.spec_is_applied:
        is_known = what.is_wanted
        return Fact(
            "Drifted", "False" if is_known else "Unknown", "InSync" if is_known else NOT_APPLIED
        )
    if what.policy.drift is Drift.IGNORE:
        return Fact("Drifted", "Unknown", "DriftIgnored")
    if what.left.is_empty and what.is_owned:
        return Fact("Drifted", "False", "InSync")
    return Fact("Drifted", "True", "Differs", listed(what.left))


def _adopted(what: Pass) -> Fact:
    if not what.is_new_here:
        was = by_type(what.resource.status).get("Adopted")
        if was is not None:
            return Fact("Adopted", was["status"], was["reason"], was.get("message", ""))
    if _is_adopted(what):
        return Fact("Adopted", "True", "Adopted", f"'{what.name}' was there before this resource.")
    return Fact("Adopted", "False", "Created" if what.is_owned else "NotOwned")


def _is_adopted(what: Pass) -> bool:
    """Tell whether it was there and nobody's, and is ours now."""
    return what.is_new_here and what.before.state is not None and what.before.claim is None


def _happenings(what: Pass, reason: str, message: str) -> list[Happening]:
    happenings = _changes(what)
    status = what.resource.status
    if condition(status, "Drifted")[0] != "True" and _drifted(what).status == "True":
        happenings.append(Happening("DriftDetected", listed(what.left), is_warning=True))
    has_refusals = what.left.refusals and not what.is_reported and not what.policy.suspended
    if has_refusals and condition(status, "Ready")[1] != reason:
        name = "Conflict" if reason == Reason.CONFLICT else "Blocked"
        happenings.append(Happening(name, message, is_warning=True))
    return happenings


def _changes(what: Pass) -> list[Happening]:
    if what.is_new_here:
        if _is_adopted(what):
            return [Happening("Adopted", f"Took over '{what.name}', which was there already.")]
        return [Happening("Created", f"Made '{what.name}'.")]
    if not what.done:
        return []
    is_drift = what.policy.spec_is_applied and any(map(corrects_drift, what.done))
    name = "DriftCorrected" if is_drift else "Updated"
    return [Happening(name, sentences(what.done))]


def listed(plan: Plan) -> str:
    """Return a plan's first sentences, and how many there are more."""
    return sentences(plan.actions)


def sentences(actions: Sequence[Action]) -> str:
    """Return the first sentences of *actions*, and how many there are more."""
    more = len(actions) - NAMED_MAX
    told_of = [each.sentence for each in actions[:NAMED_MAX]]
    return " ".join([*told_of, f"And {more} more." if more > 0 else ""]).strip()
