"""Environments, and what is brought from one to the other.

The answers of the comparison and of the publishing are those of the server: its words for kinds of
resources are not those of the published document, and the client cannot read them.
"""

from __future__ import annotations

import copy

from novu_py import models

from tests.doubles.novu.frame import Call, Refusal, Told, error

VOLATILE = ("_id", "slug", "updatedAt", "createdAt", "workflowDatabaseId")
KINDS = {"workflow": "workflows", "layout": "layouts"}


def listed(world, _asked):
    """List both environments."""
    sites = world.sites
    keys = {sites.development.id: world.secret_key, sites.production.id: world.production_key}
    return Told(
        200,
        [
            site.shown(keys[site.id] if sites.shows_keys else None)
            for site in (sites.development, sites.production)
        ],
    )


def mine(world, asked):
    """Show the environment of the key; not every Novu has this."""
    if not world.sites.knows_me:
        raise Refusal(error(asked, 404, "Cannot GET /v1/environments/me"))
    return Told(200, world.site(asked).shown(None))


def _both(world, asked):
    source = world.sites.by_id(asked.json().get("sourceEnvironmentId"))
    target = world.sites.by_id(asked.arguments[0])
    if source is None or target is None:
        raise Refusal(error(asked, 400, "Invalid environment ID format"))
    if world.sites.keys_are_scoped:
        raise Refusal(error(asked, 403, "An API key is scoped to a single environment"))
    if source is target:
        raise Refusal(error(asked, 400, "Source and target environments cannot be the same"))
    return source, target


def diff(world, asked):
    """Compare two environments."""
    source, target = _both(world, asked)
    resources = [
        _difference(kind, name, source, target)
        for kind, things in KINDS.items()
        for name in sorted(getattr(source, things) | getattr(target, things))
    ]
    changes = sum(each["changes"][0]["action"] != "unchanged" for each in resources)
    return Told(
        200,
        {
            "sourceEnvironmentId": source.id,
            "targetEnvironmentId": target.id,
            "resources": resources,
            "summary": {
                "totalEntities": len(resources),
                "totalChanges": changes,
                "hasChanges": changes > 0,
            },
        },
    )


def publish(world, asked):
    """Bring what is named, or everything, to the target."""
    source, target = _both(world, asked)
    wanted = asked.json()
    named = wanted.get("resources") or [
        {"resourceType": kind, "resourceId": name}
        for kind, things in KINDS.items()
        for name in getattr(source, things)
    ]
    done = [_published(each, source, target, is_dry=wanted.get("dryRun", False)) for each in named]
    world.sites.published += not wanted.get("dryRun", False)
    results = [
        {
            "resourceType": kind,
            "successful": [each for each in done if each["resourceType"] == kind],
            "failed": [],
            "skipped": [],
            "totalProcessed": sum(each["resourceType"] == kind for each in done),
        }
        for kind in KINDS
    ]
    counts = {"resources": len(done), "successful": len(done), "failed": 0, "skipped": 0}
    return Told(200, {"results": results, "summary": counts})


def _published(named, source, target, *, is_dry):
    things, name = KINDS[named["resourceType"]], named["resourceId"]
    has, gets = getattr(source, things).get(name), getattr(target, things).get(name)
    action = "deleted" if has is None else "created" if gets is None else "updated"
    if not is_dry and has is None:
        getattr(target, things).pop(name, None)
    elif not is_dry:
        getattr(target, things)[name] = copy.deepcopy(has)
    return {**named, "resourceName": (has or gets or {}).get("name", name), "action": action}


def _difference(kind, name, source, target):
    has, gets = (getattr(site, KINDS[kind]).get(name) for site in (source, target))
    action = (
        "deleted"
        if has is None
        else "added"
        if gets is None
        else "unchanged"
        if _plain(has) == _plain(gets)
        else "modified"
    )
    change = {"resourceType": kind, "action": action}
    if action == "modified":
        change["diffs"] = {"previous": _plain(gets), "new": _plain(has)}
    return {
        "resourceType": kind,
        "sourceResource": _info(name, has),
        "targetResource": _info(name, gets),
        "changes": [change],
        "summary": {
            each: int(each == action) for each in ("added", "modified", "deleted", "unchanged")
        },
        "dependencies": _dependencies(has, target) if kind == "workflow" and has else [],
    }


def _info(name, thing):
    if thing is None:
        return None
    return {"id": name, "name": thing["name"], "updatedAt": thing["updatedAt"], "updatedBy": None}


def _dependencies(workflow, target):
    names = {step["controls"]["values"].get("layoutId") for step in workflow["steps"]} - {None}
    return [
        {
            "resourceType": "layout",
            "resourceId": name,
            "resourceName": name,
            "isBlocking": name not in target.layouts,
            "reason": "LAYOUT_REQUIRED_FOR_WORKFLOW",
        }
        for name in sorted(names)
    ]


def _plain(thing):
    """Return *thing* without what differs by itself."""
    if isinstance(thing, list):
        return [_plain(each) for each in thing]
    if not isinstance(thing, dict):
        return thing
    return {name: _plain(value) for name, value in thing.items() if name not in VOLATILE}


_TARGET = "/v2/environments/{targetEnvironmentId}"

CALLS = [
    Call("GET", "/v1/environments", listed, gives={200: list[models.EnvironmentResponseDto]}),
    Call("GET", "/v1/environments/me", mine, gives={200: models.EnvironmentResponseDto}),
    Call("POST", f"{_TARGET}/diff", diff),
    Call("POST", f"{_TARGET}/publish", publish),
]
