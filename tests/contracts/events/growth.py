"""The rule of a version: it may grow by optional members, and nothing else changes its meaning."""

from __future__ import annotations

ANNOTATIONS = ("title", "description", "examples")


def broken_promises(released, now):
    """Return what a consumer that was written for *released* can no longer rely on."""
    if now is None:
        return ["the type is gone"]
    members, members_now = released["properties"], now["properties"]
    broken = [f"{name} is gone" for name in members.keys() - members_now.keys()]
    broken += [
        f"{name} changed"
        for name in members.keys() & members_now.keys()
        if _meaning(members[name]) != _meaning(members_now[name])
    ]
    if set(released["required"]) != set(now["required"]):
        broken.append("other members are required")
    if _frame(released) != _frame(now):
        broken.append("the frame changed")
    return broken


def _meaning(schema):
    return {key: value for key, value in schema.items() if key not in ANNOTATIONS}


def _frame(schema):
    return {
        key: value
        for key, value in _meaning(schema).items()
        if key not in {"properties", "required"}
    }
