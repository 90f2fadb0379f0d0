"""What the status says of layouts and workflows alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gopherpay_operator.engine.ports import Fact
from gopherpay_operator.engine.things import Finish
from gopherpay_operator.plans.novu import hashed
from gopherpay_operator.plans.novu_actions import ChangeInNovu

if TYPE_CHECKING:
    from gopherpay_operator.plans.actions import Plan
    from gopherpay_operator.plans.novu import NovuLayout, NovuState, NovuWorkflow

ERROR: Final = "ERROR"
INVALID: Final = "Invalid"
_SHOWN_MAX: Final = 10


def observed(wish: NovuLayout | NovuWorkflow, state: NovuState, plan: Plan) -> dict[str, Any]:
    """Return the hashes of what was written and of what is there, and what Novu complains of."""
    return {
        "live_hash": state.live_hash,
        "sent_hash": None if _left(plan) else hashed(wish.document),
        "issues": list(state.issues) or None,
    }


def facts(state: NovuState, plan: Plan) -> tuple[Fact, ...]:
    """Return whether it is as written, and whether Novu has something against it."""
    left = _left(plan)
    matches = (
        Fact("ContentMatch", "False", "Differs", " ".join(each.sentence for each in left))
        if left
        else Fact("ContentMatch", "True", "AsWritten")
    )
    return (matches, _valid(state))


def finish(state: NovuState | None) -> Finish:
    """Return that it is not Ready while Novu says that it cannot be used."""
    if state is None or state.status != ERROR:
        return Finish()
    return Finish(is_ready=False, reason=INVALID, message=_complaints(state))


def _left(plan: Plan) -> list[ChangeInNovu]:
    return [each for each in plan.actions if isinstance(each, ChangeInNovu)]


def _valid(state: NovuState) -> Fact:
    if not state.issues and state.status != ERROR:
        return Fact("Valid", "True", "NoIssues")
    return Fact("Valid", "False", "HasIssues", _complaints(state))


def _complaints(state: NovuState) -> str:
    listed = "; ".join(state.issues[:_SHOWN_MAX])
    return f"Novu complains: {listed}." if listed else "Novu says that it is in error, and not why."
