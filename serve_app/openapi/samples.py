"""An example of any schema, from the examples, forms and limits in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

REFERENCE: Final = "#/components/schemas/"

_BY_FORMAT: Final = {
    "uuid": "01890a5d-ac96-774b-bcce-b302099a8057",
    "date-time": "2026-01-31T12:00:00.000000Z",
}
_BY_TYPE: Final = {"string": "text", "integer": 1, "boolean": True, "null": None, "object": {}}


def sample(schema: Mapping[str, Any], components: Mapping[str, Any]) -> Any:  # noqa: ANN401
    """Return a value that *schema* allows."""
    if "$ref" in schema:
        return sample(components[schema["$ref"].removeprefix(REFERENCE)], components)
    if "anyOf" in schema:
        return sample(schema["anyOf"][0], components)
    if "properties" in schema:
        return {name: sample(member, components) for name, member in schema["properties"].items()}
    if "items" in schema:
        return [sample(schema["items"], components)]
    return _plain(schema)


def _plain(schema: Mapping[str, Any]) -> Any:  # noqa: ANN401  as above
    """Return a value of a schema that has no parts."""
    for source in ("examples", "enum"):
        if source in schema:
            return schema[source][0]
    if "const" in schema:
        return schema["const"]
    if schema.get("format") in _BY_FORMAT:
        return _BY_FORMAT[schema["format"]]
    return _BY_TYPE.get(schema.get("type", "object"), "text")
