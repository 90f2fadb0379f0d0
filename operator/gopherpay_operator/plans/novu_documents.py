"""The form in which wishes and Novu's answers are compared: what Novu adds by itself is left out.

Defaults are those that Novu's OpenAPI document names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

CHANNELS: Final = ("in_app", "email", "sms", "chat", "push")
DEFAULTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "email": {"editorType": "block", "disableOutputSanitization": False},
    "in_app": {"disableOutputSanitization": False},
    "delay": {"type": "regular"},
    "digest": {"type": "regular"},
    "throttle": {"type": "fixed", "threshold": 1},
}
_NOTHING: Final[tuple[object, ...]] = (None, "", {}, [])


def step(step_id: str, name: str, type_: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a step, with only those of its control *values* that say something."""
    return {"stepId": step_id, "name": name, "type": type_, "controlValues": told(type_, values)}


def told(type_: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return *values* of a step of that type without what holds without them as well."""
    defaults = DEFAULTS.get(type_, {})
    return {
        key: value
        for key, value in values.items()
        if value not in _NOTHING and (key not in defaults or value != defaults[key])
    }


def whole(type_: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return *values* with the defaults that they leave out, as they are sent."""
    return {**DEFAULTS.get(type_, {}), **values}


def preferences(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return what *said* of all channels and of each that we know; unsaid means enabled."""
    all_, channels = said.get("all") or {}, said.get("channels") or {}
    return {
        "all": {
            "enabled": bool(all_.get("enabled", True)),
            "readOnly": bool(all_.get("readOnly", False)),
        },
        "channels": {
            name: {"enabled": bool((channels.get(name) or {}).get("enabled", True))}
            for name in CHANNELS
        },
    }


def conditions(groups: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the groups of rules of an integration, with only what the rules are about."""
    return [
        {
            "isNegated": bool(group.get("isNegated", False)),
            "type": "GROUP",
            "value": group.get("value", "AND"),
            "children": [
                {key: each.get(key, "") for key in ("field", "value", "operator", "on")}
                for each in group.get("children") or ()
            ],
        }
        for group in groups
    ]
