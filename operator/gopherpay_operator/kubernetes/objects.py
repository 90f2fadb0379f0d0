"""What the API server sends, read into what the engine knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from gopherpay_operator.engine.ports import JobState, Key, Malformed, Resource, Secret
from gopherpay_operator.resources.catalogue import KINDS
from gopherpay_operator.resources.policies import GROUP

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gopherpay_operator.kubernetes.api import Raw
    from gopherpay_operator.resources.block import Block

MISTAKES_MAX: Final = 5


def resource(kind: str, raw: Raw) -> Resource:
    """Return *raw*, an object of our *kind*; its spec is `Malformed` when it cannot be read."""
    metadata = raw["metadata"]
    return Resource(
        key=Key(kind, metadata["namespace"], metadata["name"]),
        uid=metadata["uid"],
        generation=metadata.get("generation", 0),
        spec=_spec(kind, raw.get("spec") or {}),
        version=metadata.get("resourceVersion", ""),
        status=raw.get("status") or {},
        annotations=_ours(metadata.get("annotations") or {}),
        labels=metadata.get("labels") or {},
        finalizers=tuple(metadata.get("finalizers") or ()),
        is_deleting="deletionTimestamp" in metadata,
    )


def _spec(kind: str, raw: Any) -> Block:  # noqa: ANN401 - whatever the server has
    try:
        return KINDS[kind].spec.model_validate(raw)
    except ValidationError as error:
        return Malformed(sentence=f"This version of the operator cannot read {_mistakes(error)}.")


def _ours(annotations: Mapping[str, str]) -> dict[str, str]:
    """Return the annotations that mean something to us; others may be as large as the spec."""
    return {key: value for key, value in annotations.items() if key.startswith(f"{GROUP}/")}


def _mistakes(error: ValidationError) -> str:
    """Return what is wrong and where, without the values, which may be secrets."""
    return "; ".join(
        f"spec.{'.'.join(str(part) for part in each['loc'])}: {each['msg']}"
        for each in error.errors(include_input=False, include_url=False)[:MISTAKES_MAX]
    )


def order(version: str) -> int:
    """Return *version* as a number, by which the server orders changes of a kind."""
    return int(version) if version.isdigit() else 0


def owner(raw: Raw) -> tuple[str, str, str] | None:
    """Return kind, name and uid of the resource of ours that owns *raw*."""
    for each in raw["metadata"].get("ownerReferences") or ():
        if each["apiVersion"].startswith(f"{GROUP}/"):
            return each["kind"], each["name"], each["uid"]
    return None


def owner_reference(resource: Resource, api_version: str) -> Raw:
    """Return what makes *resource* the owner of another object."""
    return {
        "apiVersion": api_version,
        "kind": resource.key.kind,
        "name": resource.key.name,
        "uid": resource.uid,
        "controller": True,
    }


def secret(raw: Raw, data: Mapping[str, bytes]) -> Secret:
    """Return the Secret *raw* with its decoded *data*."""
    owned_by = owner(raw)
    return Secret(data, raw["metadata"]["resourceVersion"], owned_by[2] if owned_by else None)


def job_state(raw: Raw) -> JobState:
    """Return how the Job *raw* stands."""
    status = raw.get("status") or {}
    holding = {each["type"]: each for each in status.get("conditions") or () if _holds(each)}
    ended = holding.get("Failed") or holding.get("Complete") or {}
    return JobState(
        uid=raw["metadata"]["uid"],
        is_complete="Complete" in holding,
        is_failed="Failed" in holding,
        message=ended.get("message", ""),
        started_at=status.get("startTime"),
        finished_at=status.get("completionTime") or ended.get("lastTransitionTime"),
    )


def _holds(condition: Mapping[str, Any]) -> bool:
    return condition.get("status") == "True"
