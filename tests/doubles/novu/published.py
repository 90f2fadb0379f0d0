"""The published OpenAPI document of Novu, to which both sides of an exchange are held."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import lru_cache

import jsonschema

SLUG = "^[a-zA-Z0-9]+(?:[-_.][a-zA-Z0-9]+)*$"


@lru_cache(maxsize=1)
def published(path):
    """Return the document at *path*."""
    return Published(json.loads(path.read_text(encoding="utf-8")))


@dataclass(slots=True)
class Published:
    """The operations of the document; OpenAPI 3.0 is read as JSON Schema."""

    document: dict
    _components: dict = field(init=False)
    _validators: dict = field(default_factory=dict)

    def __post_init__(self):
        """Read the shapes once."""
        self._components = {"schemas": _as_json_schema(self.document["components"]["schemas"])}

    def breaches(self, exchange):
        """Return in what *exchange* is not as published; a cut connection has no answer."""
        asked, told = exchange.asked, exchange.told
        operation = self._operation(asked)
        if operation is None:
            return [f"{asked.method} {asked.path} is not published"]
        name = f"{asked.method} {asked.path}"
        found = [f"{name}: query {key}" for key in asked.query if key not in _queries(operation)]
        body = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if body is not None:
            found += self._misfits(name, body["schema"], asked.json())
        if told is not None:
            found += self._answer_breaches(f"{name} {told.status}", operation, told)
        return found

    def _answer_breaches(self, name, operation, told):
        answer = operation["responses"].get(str(told.status))
        if answer is None:
            return [f"{name} is not published"]
        content = answer.get("content", {}).get("application/json")
        if content is None:
            return [] if told.content is None else [f"{name} has a body"]
        shown = told.content
        if isinstance(shown, dict) and list(shown) == ["data"] and told.status < 300:
            shown = shown["data"]  # how the server wraps, which the document leaves out
        return self._misfits(name, content["schema"], shown)

    def _operation(self, asked):
        for path, operations in self.document["paths"].items():
            pattern = re.sub(r"\{[^}]+\}", "[^/]+", path)
            if re.fullmatch(pattern, asked.path) and asked.method.lower() in operations:
                return operations[asked.method.lower()]
        return None

    def _misfits(self, name, schema, content):
        key = json.dumps(schema, sort_keys=True)
        if key not in self._validators:
            whole = {**_as_json_schema(schema), "components": self._components}
            self._validators[key] = jsonschema.Draft202012Validator(whole)
        errors = self._validators[key].iter_errors(content)
        return [f"{name}: {'/'.join(map(str, each.path))}: {each.message[:200]}" for each in errors]


def _queries(operation):
    return {each["name"] for each in operation["parameters"] if each["in"] == "query"}


def _without_slips(read):
    """Return *read* as it is meant where the document does not say what JSON Schema would."""
    kinds = read.pop("discriminator", None)
    if kinds is not None:
        name, mapping = kinds["propertyName"], kinds["mapping"]
        read["allOf"] = [_of_kind(name, *each) for each in mapping.items()]
    if "oneOf" in read:
        read["anyOf"] = read.pop("oneOf")  # its alternatives overlap, whatever the document says
    if read.get("pattern") == "SLUG_IDENTIFIER_REGEX":
        read["pattern"] = SLUG  # the document has the name of a constant instead
    return read


def _of_kind(name, value, reference):
    """Return that what has *value* as its *name* is as *reference* says."""
    meant = {"properties": {name: {"const": value}}, "required": [name]}
    return {"if": meant, "then": {"$ref": reference}}


def _as_json_schema(schema):
    """Return *schema* with ``nullable`` said in the way of JSON Schema."""
    if isinstance(schema, list):
        return [_as_json_schema(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    read = _without_slips({key: _as_json_schema(each) for key, each in schema.items()})
    if read.pop("nullable", None) is not True:
        return read
    return {"anyOf": [read, {"type": "null"}]}
