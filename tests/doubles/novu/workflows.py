"""Workflows of the second kind, with steps that keep their ids and what Novu complains of."""

from __future__ import annotations

import re

from novu_py import models

from tests.doubles.novu.frame import Call, Refusal, Told, error, invalid
from tests.doubles.novu.world import moment

TAGS_MAX = 16
TAG_LENGTH_MAX = 32
DESCRIPTION_MAX = 256
SLUG = re.compile(r"^[a-zA-Z0-9]+(?:[-_.][a-zA-Z0-9]+)*$")
DEFAULTS = {
    "email": {"editorType": "block", "disableOutputSanitization": False},
    "in_app": {"disableOutputSanitization": False},
    "delay": {"type": "regular"},
}


def _writable(world, asked):
    site = world.site(asked)
    if site.type == "prod" and world.sites.production_is_read_only:
        raise Refusal(error(asked, 403, "Production is read-only"))
    return site


def _workflow(site, asked):
    found = site.find("workflows", asked.arguments[0])
    if found is None:
        raise Refusal(error(asked, 404, "Workflow not found"))
    return found


def create(world, asked):
    """Make a workflow; an identifier that is taken gets another ending."""
    site, wanted = _writable(world, asked), asked.json()
    identifier, taken = world.new_id(), wanted["workflowId"] in site.workflows
    name = f"{wanted['workflowId']}-{identifier[-4:]}" if taken else wanted["workflowId"]
    if not SLUG.match(name):
        raise Refusal(invalid(asked, "workflowId", "must be a valid slug format"))
    made = {"_id": identifier, "workflowId": name, "createdAt": moment(), "steps": []}
    site.workflows[name] = _written(world, asked, made)
    return Told(201, site.workflows[name])


def update(world, asked):
    """Write a workflow as a whole."""
    site = _writable(world, asked)
    found = _workflow(site, asked)
    site.workflows[found["workflowId"]] = _written(world, asked, found)
    return Told(200, site.workflows[found["workflowId"]])


def patch(world, asked):
    """Write some of its fields."""
    found, wanted = _workflow(_writable(world, asked), asked), asked.json()
    _check(asked, wanted)
    found.update(wanted, updatedAt=moment())
    return Told(200, dict(found))


def retrieve(world, asked):
    """Show a workflow."""
    return Told(200, dict(_workflow(world.site(asked), asked)))


def delete(world, asked):
    """Delete a workflow."""
    site = _writable(world, asked)
    del site.workflows[_workflow(site, asked)["workflowId"]]
    return Told(204)


def _check(asked, wanted):
    tags = wanted.get("tags") or []
    if len(tags) > TAGS_MAX or any(len(tag) > TAG_LENGTH_MAX for tag in tags):
        raise Refusal(invalid(asked, "tags", "at most 16 tags of 32 characters"))
    if len(wanted.get("description") or "") > DESCRIPTION_MAX:
        raise Refusal(invalid(asked, "description", "must be shorter than 256 characters"))


def _written(world, asked, before):
    """Return the workflow that *asked* makes of *before*."""
    wanted = asked.json()
    _check(asked, wanted)
    steps = [_step(world, asked, before, each, wanted) for each in wanted["steps"]]
    active = wanted.get("active", False)
    is_wrong = any("issues" in each for each in steps)
    said = (wanted.get("preferences") or {}).get("user")
    return {
        "_id": before["_id"],
        "workflowId": before["workflowId"],
        "slug": f"{before['workflowId']}_wf_{before['_id']}",
        "name": wanted["name"],
        "description": wanted.get("description", ""),
        "tags": wanted.get("tags") or [],
        "active": active,
        "validatePayload": wanted.get("validatePayload", False),
        "payloadSchema": wanted.get("payloadSchema"),
        "isTranslationEnabled": False,
        "severity": wanted.get("severity", "none"),
        "origin": "novu-cloud",
        "preferences": {"user": said, "default": _preferences()},
        "status": "ERROR" if is_wrong else "ACTIVE" if active else "INACTIVE",
        "issues": {},
        "steps": steps,
        "createdAt": before["createdAt"],
        "updatedAt": moment(),
        "lastTriggeredAt": None,
    }


def _preferences():
    channels = ("in_app", "email", "sms", "chat", "push")
    return {
        "all": {"enabled": True, "readOnly": False},
        "channels": {name: {"enabled": True} for name in channels},
    }


def _step(world, asked, before, wanted, workflow):
    known = {each["_id"] for each in before["steps"]}
    if wanted.get("_id") not in known | {None}:
        raise Refusal(error(asked, 400, f"No step with id {wanted['_id']}"))
    identifier, step_id = wanted.get("_id") or world.new_id(), wanted["stepId"]
    values = {**DEFAULTS.get(wanted["type"], {}), **world.sites.adds, **wanted["controlValues"]}
    unknown = _unknown(values, workflow.get("payloadSchema") or {})
    step = {
        "_id": identifier,
        "stepId": step_id,
        "name": wanted["name"],
        "type": wanted["type"],
        "slug": f"{step_id}_st_{identifier}",
        "origin": "novu-cloud",
        "workflowId": before["workflowId"],
        "workflowDatabaseId": before["_id"],
        "variables": {},
        "controls": {"values": values},
        "controlValues": values,
    }
    complaint = {"issueType": "ILLEGAL_VARIABLE_IN_CONTROL_VALUE", "message": f"{unknown} unknown"}
    return {**step, "issues": {"controls": {"body": [complaint]}}} if unknown else step


def _unknown(values, schema):
    """Return the first variable of the body that *schema* does not know."""
    names = re.findall(r"\{\{\s*payload\.(\w+)\s*\}\}", str(values.get("body", "")))
    known = schema.get("properties", {})
    return next((f"payload.{name}" for name in names if schema and name not in known), None)


_ONE = "/v2/workflows/{workflowId}"
_SHOWN = {200: models.WorkflowResponseDto}

CALLS = [
    Call(
        "POST",
        "/v2/workflows",
        create,
        models.CreateWorkflowDto,
        {201: models.WorkflowResponseDto},
    ),
    Call("GET", _ONE, retrieve, gives=_SHOWN),
    Call("PUT", _ONE, update, models.UpdateWorkflowDto, _SHOWN),
    Call("PATCH", _ONE, patch, models.PatchWorkflowDto, _SHOWN),
    Call("DELETE", _ONE, delete),
]
