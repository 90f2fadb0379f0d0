"""From a resource of Novu, as people write it, to what the planner takes; nothing is decided."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gopherpay_operator.plans import novu_documents as documents
from gopherpay_operator.plans.novu import (
    Credentials,
    Hashes,
    NovuIntegration,
    NovuLayout,
    NovuTopic,
    NovuWorkflow,
    Surroundings,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gopherpay_operator.resources import novu, workflows

INBOX: Final = "in_app"


def topic(name: str, spec: novu.NovuTopicSpec, around: Surroundings) -> NovuTopic:
    """Return the topic that *spec* wants, called *name* unless it says otherwise."""
    return NovuTopic(spec.external_name or name, {"title": spec.name}, around)


def layout(
    name: str,
    spec: workflows.NovuLayoutSpec,
    around: Surroundings,
    *,
    body: str,
    believed: Hashes | None = None,
) -> NovuLayout:
    """Return the layout that *spec* wants.

    Args:
        name: The name of the resource.
        spec: What it says.
        around: Where it is wanted.
        body: The text, from wherever it comes.
        believed: What its status says of the last time that it was written.
    """
    document = {"title": spec.name, "body": body, "editorType": spec.editor_type}
    return NovuLayout(spec.external_name or name, document, around, believed)


def workflow(
    name: str,
    spec: workflows.NovuWorkflowSpec,
    around: Surroundings,
    *,
    bodies: Mapping[str, str],
    believed: Hashes | None = None,
) -> NovuWorkflow:
    """Return the workflow that *spec* wants.

    Args:
        name: The name of the resource.
        spec: What it says.
        around: Where it is wanted.
        bodies: The texts that come from elsewhere, by the stepId of their step.
        believed: What its status says of the last time that it was written.
    """
    said = spec.preferences.model_dump(by_alias=True)
    schema = spec.payload_schema
    document = {
        "title": spec.name,
        "description": spec.description,
        "tags": sorted(spec.tags or ()),
        "active": spec.active,
        "validatePayload": spec.validate_payload,
        "payloadSchema": schema.model_dump(by_alias=True) if schema is not None else None,
        "severity": spec.severity,
        "preferences": documents.preferences(said),
        "steps": [_step(each, bodies.get(each.step_id)) for each in spec.steps],
    }
    return NovuWorkflow(spec.external_name or name, document, around, believed)


def integration(
    name: str,
    spec: novu.NovuIntegrationSpec,
    around: Surroundings,
    *,
    credentials: Credentials | None = None,
    believed: str | None = None,
    wants_hmac: bool = False,
) -> NovuIntegration:
    """Return the integration that *spec* wants.

    Args:
        name: The name of the resource.
        spec: What it says.
        around: Where it is wanted.
        credentials: What its Secret holds; ``None`` leaves them as they are.
        believed: The fingerprint that its status has of those that were sent.
        wants_hmac: Whether its connection demands the HMAC of inboxes.
    """
    groups = [_group(each) for each in spec.conditions or ()]
    return NovuIntegration(
        name=spec.external_name or name,
        document={
            "title": spec.name,
            "active": spec.active,
            "conditions": documents.conditions(groups),
        },
        provider=spec.provider_id,
        channel=spec.channel,
        around=around,
        credentials=credentials,
        believed=believed,
        is_primary=spec.primary,
        wants_hmac=wants_hmac and spec.channel == INBOX,
    )


def _step(step: workflows.WorkflowStep, body: str | None) -> dict[str, Any]:
    said = step.control_values
    values = said.model_dump(by_alias=True, exclude_none=True) if said is not None else {}
    values = values if body is None else {**values, "body": body}
    return documents.step(step.step_id, step.name, step.type, values)


def _group(condition: novu.IntegrationCondition) -> dict[str, Any]:
    return {
        "isNegated": condition.negated,
        "value": condition.match,
        "children": [
            {"field": each.field, "value": each.value, "operator": each.operator, "on": each.source}
            for each in condition.rules_to_match
        ],
    }
