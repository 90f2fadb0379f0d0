"""Whether a text can be a JSON Schema: its shape, not what it says of events."""

from __future__ import annotations

import json
from typing import Any, Final, NoReturn

BYTES_MAX: Final = 256 * 1024
"""More than any schema that people read, and less than a ConfigMap may hold."""

_TYPES: Final = frozenset({"null", "boolean", "object", "array", "number", "string", "integer"})
"""JSON Schema 2020-12, Validation, 6.1.1."""

_OBJECTS: Final = ("properties", "patternProperties", "$defs", "definitions")


def mistake(text: str) -> str | None:
    """Return why *text* is no JSON Schema, as a sentence; ``None`` if it can be one."""
    if len(text.encode()) > BYTES_MAX:
        return f"It has more than {BYTES_MAX} bytes."
    try:
        schema = json.loads(text, parse_constant=_refused)
    except json.JSONDecodeError as error:
        return f"It is no JSON: {error.msg} at line {error.lineno}, column {error.colno}."
    except (ValueError, RecursionError) as error:
        return f"It is no JSON: {str(error) or 'it is nested too deeply'}."
    return _mistake_of(schema)


def _refused(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is none of its numbers")


def _mistake_of(schema: Any) -> str | None:  # noqa: ANN401 - whatever JSON has
    if not isinstance(schema, dict):
        return "It is not a JSON object."
    if not isinstance(schema.get("$schema", ""), str):
        return "Its $schema is no text."
    types = schema.get("type", [])
    named = [types] if isinstance(types, str) else types
    if not isinstance(named, list) or not all(each in _TYPES for each in map(str, named)):
        return "Its type is none that JSON Schema knows."
    wrong = next((key for key in _OBJECTS if not isinstance(schema.get(key, {}), dict)), None)
    return None if wrong is None else f"Its {wrong} is not a JSON object."
