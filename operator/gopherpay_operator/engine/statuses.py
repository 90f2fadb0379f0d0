"""From what a pass found to the status that stands on the resource. Pure.

The same outcome makes the same status, so that nothing is written when nothing happened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gopherpay_operator.engine.ports import Fact
from gopherpay_operator.plans.actions import Refused, Risk

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from gopherpay_operator.engine.ports import Outcome, Resource, Status
    from gopherpay_operator.plans.actions import Action, Plan

MESSAGE_MAX: Final = 4096
SENTENCE_MAX: Final = 1024
PLANNED_MAX: Final = 32
SUSPENDED: Final = "Suspended"
_RISKS: Final = {Risk.SAFE: "Safe", Risk.DATA_LOSS: "DataLoss", Risk.REFUSED: "Refused"}
_ORDER: Final = {"Ready": 0, "Reconciling": 1, "Stalled": 2}
_TRANSIENT: Final = frozenset({"Reconciling", "Stalled"})


def status_of(outcome: Outcome, resource: Resource, now: datetime) -> dict[str, Any]:
    """Return the status of *resource*, whose status so far is ``resource.status``.

    The names are those of `gopherpay_operator.resources.status`.
    """
    before, time = resource.status, written(now)
    fields = {
        "observedGeneration": resource.generation,
        "conditions": _conditions(outcome, resource, time),
        "appliedHash": outcome.applied_hash or before.get("appliedHash"),
        "lastAppliedTime": time if outcome.has_applied else before.get("lastAppliedTime"),
        "plannedActions": _planned(outcome.plan),
        "externalName": outcome.external_name or before.get("externalName"),
        "externalId": outcome.external_id or before.get("externalId"),
        "ownership": _ownership(outcome.owned, before.get("ownership"), time),
        "observed": before.get("observed")
        if outcome.observed is None
        else outcome.observed.model_dump(by_alias=True, exclude_none=True, mode="json"),
        **outcome.more_status,
    }
    return {name: value for name, value in fields.items() if value is not None}


def is_same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Tell whether two statuses say the same, in whatever order their conditions stand."""
    return {**one, "conditions": by_type(one)} == {**other, "conditions": by_type(other)}


def by_type(status: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the conditions of *status* by their type."""
    return {each["type"]: each for each in status.get("conditions") or ()}


def condition(status: Mapping[str, Any], type_: str) -> tuple[str, str]:
    """Return status and reason of a condition, both empty when it is not there."""
    found = by_type(status).get(type_, {})
    return found.get("status", ""), found.get("reason", "")


def is_ready(status: Mapping[str, Any]) -> bool:
    """Tell whether *status* says that the resource is as it is wanted."""
    return condition(status, "Ready")[0] == "True"


def owns(status: Mapping[str, Any]) -> bool:
    """Tell whether *status* says that the thing outside belongs to the resource."""
    return bool((status.get("ownership") or {}).get("owned"))


def written(now: datetime) -> str:
    """Return a time as Kubernetes writes it."""
    return now.strftime("%Y-%m-%dT%H:%M:%SZ")


def _conditions(outcome: Outcome, resource: Resource, time: str) -> list[dict[str, Any]]:
    before = by_type(resource.status)
    stated = {fact.type: _bare(fact, resource.generation) for fact in _facts(outcome, resource)}
    if outcome.is_partial:
        kept = {type_: dict(each) for type_, each in before.items() if type_ not in _TRANSIENT}
        stated = {**kept, **stated}
    for type_, each in stated.items():
        was = before.get(type_, {})
        is_as_before = was.get("status") == each["status"] and "lastTransitionTime" in was
        each["lastTransitionTime"] = was["lastTransitionTime"] if is_as_before else time
    return [
        stated[type_] for type_ in sorted(stated, key=lambda type_: (_ORDER.get(type_, 9), type_))
    ]


def _bare(fact: Fact, generation: int) -> dict[str, Any]:
    return {
        "type": fact.type,
        "status": fact.status,
        "reason": fact.reason,
        "message": cut(fact.message, MESSAGE_MAX),
        "observedGeneration": generation,
    }


def _facts(outcome: Outcome, resource: Resource) -> Iterable[Fact]:
    """Return all that holds; a later one of a type replaces an earlier."""
    ready = next((fact for fact in outcome.facts if fact.type == "Ready"), None) or Fact(
        "Ready", "True" if outcome.is_ready else "False", outcome.reason, outcome.message
    )
    yield from outcome.facts
    is_suspended = getattr(resource.spec, "suspend", False)
    if is_suspended:
        ready = _kept(ready, resource.status)
    yield ready
    if outcome.is_stalled:
        yield Fact("Stalled", "True", outcome.reason, outcome.message)
    elif ready.status != "True" and not is_suspended:
        yield Fact("Reconciling", "True", outcome.reason, outcome.message)


def _kept(ready: Fact, before: Mapping[str, Any]) -> Fact:
    """Return the Ready of a resource that is suspended: as it was."""
    was = condition(before, "Ready")[0]
    status: Status = "True" if was == "True" else "Unknown" if was == "Unknown" else "False"
    message = "Nothing is changed outside while spec.suspend is true."
    return ready._replace(status=status, reason=SUSPENDED, message=message)


def _planned(plan: Plan | None) -> list[dict[str, str]] | None:
    if plan is None or plan.is_carried_out or plan.is_empty:
        return None
    return [_action(each) for each in plan.actions[:PLANNED_MAX]]


def _action(action: Action) -> dict[str, str]:
    name = action.reason.value if isinstance(action, Refused) else type(action).__name__
    return {
        "action": name,
        "message": cut(action.sentence, SENTENCE_MAX),
        "risk": _RISKS[action.risk],
    }


def _ownership(
    owned: bool | None,  # noqa: FBT001 - a value, as it stands in the status
    before: Mapping[str, Any] | None,
    time: str,
) -> Mapping[str, Any] | None:
    if owned is None:
        return before
    if not owned:
        return {"owned": False}
    return before if before and before.get("owned") else {"owned": True, "since": time}


def cut(text: str, longest: int) -> str:
    """Return *text* with at most *longest* characters."""
    return text if len(text) <= longest else text[: longest - 1] + "…"
