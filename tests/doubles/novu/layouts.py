"""Layouts: made by identifier and name, filled by an update."""

from __future__ import annotations

import re

from novu_py import models

from tests.doubles.novu.frame import Call, Refusal, Told, error, invalid
from tests.doubles.novu.world import moment

NAME_MAX = 128


def _writable(world, asked):
    site = world.site(asked)
    if site.type == "prod" and world.sites.production_is_read_only:
        raise Refusal(error(asked, 403, "Production is read-only"))
    return site


def _layout(site, asked):
    found = site.find("layouts", asked.arguments[0])
    if found is None:
        raise Refusal(error(asked, 404, "Layout not found"))
    return found


def _name(asked):
    name = asked.json()["name"]
    if not 1 <= len(name) <= NAME_MAX:
        raise Refusal(invalid(asked, "name", "must be of 1 to 128 characters"))
    return name


def create(world, asked):
    """Make an empty layout."""
    site, wanted = _writable(world, asked), asked.json()
    if wanted["layoutId"] in site.layouts:
        raise Refusal(error(asked, 409, "Layout with this identifier already exists"))
    identifier = world.new_id()
    site.layouts[wanted["layoutId"]] = {
        "_id": identifier,
        "layoutId": wanted["layoutId"],
        "slug": f"{wanted['layoutId']}_lt_{identifier}",
        "name": _name(asked),
        "isDefault": not site.layouts,
        "isTranslationEnabled": False,
        "updatedAt": moment(),
        "createdAt": moment(),
        "origin": "novu-cloud",
        "type": "BRIDGE",
        "controls": {"values": {}},
    }
    return Told(201, dict(site.layouts[wanted["layoutId"]]))


def update(world, asked):
    """Write name and text; a text without {{content}} is refused."""
    found, wanted = _layout(_writable(world, asked), asked), asked.json()
    values = wanted.get("controlValues") or {}
    if "email" in values and not re.search(r"\{\{\s*content\s*\}\}", values["email"]["body"]):
        raise Refusal(error(asked, 400, 'The layout body should contain the "content" variable'))
    found.update(name=_name(asked), updatedAt=moment(), controls={"values": values})
    return Told(200, dict(found))


def retrieve(world, asked):
    """Show a layout."""
    return Told(200, dict(_layout(world.site(asked), asked)))


def delete(world, asked):
    """Delete a layout."""
    site = _writable(world, asked)
    del site.layouts[_layout(site, asked)["layoutId"]]
    return Told(204)


def usage(world, asked):
    """List the workflows that use a layout."""
    site = world.site(asked)
    layout_id = _layout(site, asked)["layoutId"]
    users = [
        {"name": each["name"], "workflowId": each["workflowId"]}
        for each in site.workflows.values()
        if any(step["controls"]["values"].get("layoutId") == layout_id for step in each["steps"])
    ]
    return Told(200, {"workflows": users})


_ONE = "/v2/layouts/{layoutId}"
_SHOWN = {200: models.LayoutResponseDto}

CALLS = [
    Call(
        "POST",
        "/v2/layouts",
        create,
        models.CreateLayoutDto,
        {201: models.LayoutResponseDto},
    ),
    Call("GET", _ONE, retrieve, gives=_SHOWN),
    Call("PUT", _ONE, update, models.UpdateLayoutDto, _SHOWN),
    Call("DELETE", _ONE, delete),
    Call("GET", f"{_ONE}/usage", usage, gives={200: models.GetLayoutUsageResponseDto}),
]
