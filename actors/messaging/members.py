"""A quick look at an event's data: are the members that its schema promises there, and sound?

Only the keywords that the schemas of events use; anything else in a schema is refused when it is
loaded, so nothing is passed over in silence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

Members = Callable[[Mapping[str, object]], str | None]
"""Returns the name of the first member that is missing or wrong, None when there is none."""

_Sound = Callable[[Any], bool]

INT64_MAX: Final = 2**63 - 1

_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TIME: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})"
)

FORMATS: Final[Mapping[str, re.Pattern[str]]] = {"uuid": _UUID, "date-time": _TIME}

_ANNOTATIONS: Final = frozenset({"description"})
_TOP: Final = frozenset(
    {
        "$schema",
        "$id",
        "title",
        "x-subject",
        "type",
        "required",
        "properties",
        "additionalProperties",
        "examples",
    }
)


def members_of(schema: Mapping[str, Any]) -> Members:
    """Return what looks at data of *schema*.

    Raises:
        ValueError: If the schema uses a keyword that is not understood here.
    """
    if unknown := schema.keys() - _TOP:
        raise ValueError(f"{schema['$id']} uses {sorted(unknown)}")
    required = frozenset(schema["required"])
    properties: dict[str, dict[str, Any]] = schema["properties"]
    checks = [(name, _sound(member), name not in required) for name, member in properties.items()]

    def first_wrong(data: Mapping[str, object]) -> str | None:
        for name, is_sound, may_be_missing in checks:
            if not (is_sound(data[name]) if name in data else may_be_missing):
                return name
        return None

    return first_wrong


def _sound(member: Mapping[str, Any]) -> _Sound:
    """Return what tells whether a value is one of *member*'s."""
    rules = {key: value for key, value in member.items() if key not in _ANNOTATIONS}
    if set(rules) == {"const"}:
        wanted = rules["const"]
        return lambda value: type(value) is type(wanted) and value == wanted
    kind = rules.pop("type")
    if isinstance(kind, list):
        (inner,) = (each for each in kind if each != "null")
        is_sound = _KINDS[inner](**rules)
        return lambda value: value is None or is_sound(value)
    return _KINDS[kind](**rules)


def _text(
    *,
    format: str | None = None,  # noqa: A002  the keyword's name
    pattern: str | None = None,
    maxLength: int | None = None,  # noqa: N803  as above
) -> _Sound:
    expression = FORMATS[format] if format else re.compile(pattern.strip("^$")) if pattern else None
    if expression is not None:
        matches = expression.fullmatch
        return lambda value: type(value) is str and matches(value) is not None
    if maxLength is None:
        return lambda value: type(value) is str
    return lambda value: type(value) is str and len(value) <= maxLength


def _integer(*, minimum: int = -INT64_MAX - 1, maximum: int = INT64_MAX) -> _Sound:
    return lambda value: type(value) is int and minimum <= value <= maximum


def _array(*, items: Mapping[str, Any], minItems: int = 0) -> _Sound:  # noqa: N803  the keyword
    is_sound = _sound(items)
    return lambda value: (
        type(value) is list and len(value) >= minItems and all(is_sound(item) for item in value)
    )


_KINDS: Final[Mapping[str, Callable[..., _Sound]]] = {
    "string": _text,
    "integer": _integer,
    "array": _array,
}
