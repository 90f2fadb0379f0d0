"""From a model to a structural schema, as Kubernetes demands it of a custom resource.

The rules are those of the Kubernetes documentation, "Extend the Kubernetes API with
CustomResourceDefinitions", section "Specifying a structural schema".
"""

from typing import Any, Final

from gopherpay_operator.resources.block import Block

Schema = dict[str, Any]

_NULL: Final = {"type": "null"}
_DEFINED: Final = "#/$defs/"
_FIRST: Final[tuple[str, ...]] = (
    "description",
    "type",
    "format",
    "enum",
    "default",
    "nullable",
    "required",
)
_DROPPED: Final = {"title", "$defs"}
_PRESERVE: Final = "x-kubernetes-preserve-unknown-fields"


def structural(model: type[Block]) -> Schema:
    """Return the schema of *model* without references, unions and what the cluster refuses."""
    schema = model.model_json_schema(by_alias=True, mode="validation")
    return _converted(schema, schema.get("$defs", {}))


def _converted(schema: Schema, defined: Schema) -> Schema:
    """Return *schema* with everything inlined."""
    flat = _without_union(_without_reference(schema, defined), defined)
    if isinstance(flat.get("additionalProperties"), bool):
        # Unknown fields are dropped by the cluster unless it is told to keep them.
        flat |= {_PRESERVE: True} if flat.pop("additionalProperties") else {}
    if isinstance(flat.get("default"), dict):
        flat["default"] = _without_nulls(flat["default"])
    if "const" in flat:
        flat["enum"] = [flat.pop("const")]
    return _ordered({key: _inner(key, value, defined) for key, value in flat.items()})


def _inner(key: str, value: Any, defined: Schema) -> Any:  # noqa: ANN401 - JSON is any
    """Return the value of one key of a schema, with the schemas in it converted."""
    if key == "properties":
        return {name: _converted(each, defined) for name, each in value.items()}
    return _converted(value, defined) if key in {"items", "additionalProperties"} else value


def _without_reference(schema: Schema, defined: Schema) -> Schema:
    """Return *schema* with what it refers to put in; its own words win."""
    if "$ref" not in schema:
        return dict(schema)
    target = defined[schema["$ref"].removeprefix(_DEFINED)]
    return {**target, **{key: value for key, value in schema.items() if key != "$ref"}}


def _without_union(schema: Schema, defined: Schema) -> Schema:
    """Return *schema* with "or null" said as Kubernetes says it.

    A field that is null when absent may be absent; anything else may be null.
    """
    if "anyOf" not in schema:
        return schema
    [kept] = [each for each in schema["anyOf"] if each != _NULL]
    rest = {key: value for key, value in schema.items() if key != "anyOf"}
    optional = "default" in rest and rest["default"] is None
    if optional:
        del rest["default"]
    merged = {**_without_reference(kept, defined), **rest}
    return merged if optional else {**merged, "nullable": True}


def _without_nulls(value: Schema) -> Schema:
    """Return the default *value* without what is absent in it."""
    return {
        key: _without_nulls(each) if isinstance(each, dict) else each
        for key, each in value.items()
        if each is not None
    }


def _ordered(schema: Schema) -> Schema:
    """Return *schema* in the order in which it is best read."""
    first = {key: schema[key] for key in _FIRST if key in schema}
    others = {key: value for key, value in schema.items() if key not in _DROPPED}
    return {**first, **others}
