"""The page that says what every kind takes and says."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from gopherpay_operator.crds.definitions import definition
from gopherpay_operator.crds.schema import structural
from gopherpay_operator.resources.block import VALIDATIONS
from gopherpay_operator.resources.catalogue import KINDS
from gopherpay_operator.resources.kinds import CONDITIONS, MANAGED_CONDITIONS, Kind
from gopherpay_operator.resources.policies import ManagedSpec, WatchedSpec
from gopherpay_operator.resources.status import ManagedStatus, WatchedStatus

TABLE: Final = ("| field | is | default | what it says |", "|---|---|---|---|")
SAMPLES: Final = "../../k8s/samples"

OWNERLESS: Final = (
    "Connections, migrations and promotions own nothing outside: of the fields of `spec` below "
    "they have only `suspend` and `resyncInterval`, and of the conditions only Ready, Reconciling, "
    "Stalled and those that their own table names."
)

Field = tuple[str, Mapping[str, Any], bool]


def page(head: str) -> str:
    """Return the page, which begins with *head*."""
    lines = [head.rstrip(), "", "| kind | short name | what it is |", "|---|---|---|"]
    for kind in KINDS.values():
        link, short = f"[{kind.name}](#{kind.name.lower()})", "`, `".join(kind.short_names)
        lines.append(f"| {link} | `{short}` | {_first_sentence(kind.summary)} |")
    lines += [*_shared(), *(line for kind in KINDS.values() for line in _kind(kind))]
    return "\n".join(lines) + "\n"


def _first_sentence(text: str) -> str:
    """Return the first sentence of *text*."""
    return text.split(". ", maxsplit=1)[0].rstrip(".") + "."


def _shared() -> Iterator[str]:
    """Yield what holds for every kind that owns something outside."""
    yield from ("", "## What all have", "")
    yield OWNERLESS
    for title, model in (("spec", ManagedSpec), ("status", ManagedStatus)):
        yield from ("", f"### All: {title}", "", *TABLE)
        yield from (_row(each) for each in _fields(structural(model), title))
    yield from ("", "### All: rules", "", *_rules(structural(ManagedSpec), "spec"))
    yield from ("", "### All: conditions", "", *_conditions(MANAGED_CONDITIONS))


def _kind(kind: Kind) -> Iterator[str]:
    """Yield the section of one kind."""
    schema = definition(kind)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    parts, sample = schema["properties"], f"{kind.name.lower()}.yaml"
    yield from ("", f"## {kind.name}", "", *kind.summary.replace(". ", ".\n").splitlines(), "")
    yield f"A sample: [k8s/samples/{sample}]({SAMPLES}/{sample})."
    for title, shared in (("spec", _shared_spec(kind)), ("status", _shared_status(kind))):
        rows = [each for each in _fields(parts[title], title) if not _is_shared(each, shared)]
        if rows:
            yield from ("", f"### {kind.name}: {title}", "", *TABLE, *map(_row, rows))
    rules = [*_rules(schema, ""), *_rules(parts["spec"], "spec")]
    known = set(_rules(structural(ManagedSpec), "spec"))
    yield from ("", f"### {kind.name}: rules", "", *(each for each in rules if each not in known))
    own = {name: text for name, text in kind.conditions.items() if _is_own(kind, name)}
    if own:
        yield from ("", f"### {kind.name}: conditions", "", *_conditions(own))


def _shared_spec(kind: Kind) -> dict[str, Mapping[str, Any]]:
    """Return the fields of the spec that stand in the section of all kinds."""
    model = ManagedSpec if issubclass(kind.spec, ManagedSpec) else WatchedSpec
    return {path: schema for path, schema, _ in _fields(structural(model), "spec")}


def _shared_status(kind: Kind) -> dict[str, Mapping[str, Any]]:
    """Return the fields of the status that stand in the section of all kinds."""
    model = ManagedStatus if issubclass(kind.status, ManagedStatus) else WatchedStatus
    return {path: schema for path, schema, _ in _fields(structural(model), "status")}


def _is_shared(field: Field, shared: Mapping[str, Mapping[str, Any]]) -> bool:
    """Return whether *field* says the same as in all kinds."""
    path, schema, _ = field
    return path in shared and shared[path]["description"] == schema["description"]


def _is_own(kind: Kind, name: str) -> bool:
    """Return whether the condition *name* is to be named at *kind*."""
    known = MANAGED_CONDITIONS if issubclass(kind.spec, ManagedSpec) else CONDITIONS
    return known.get(name) != kind.conditions[name]


def _fields(schema: Mapping[str, Any], path: str) -> Iterator[Field]:
    """Yield path, schema and whether it is required, of every field below *schema*."""
    for name, each in schema.get("properties", {}).items():
        inner, mark = each, ""
        if "items" in each:
            inner, mark = each["items"], "[]"
        yield f"{path}.{name}{mark}", each, name in schema.get("required", [])
        yield from _fields(inner, f"{path}.{name}{mark}")


def _row(field: Field) -> str:
    """Return the line of one field."""
    path, schema, required = field
    default = "" if "default" not in schema else f"`{_json(schema['default'])}`"
    text = _escaped(schema["description"])
    return f"| `{path}` | {_type(schema)} | {'required' if required else default} | {text} |"


def _escaped(text: str) -> str:
    """Return *text* so that Markdown shows it as it is."""
    return re.sub(r"([|*<>]|__+)", lambda found: "\\" + "\\".join(found[0]), text)


def _json(value: Any) -> str:  # noqa: ANN401 - JSON is any
    """Return a default as one writes it in YAML."""
    return value if isinstance(value, str) and value else json.dumps(value)


def _type(schema: Mapping[str, Any]) -> str:
    """Return in words what values a field has."""
    if "enum" in schema:
        return " or ".join(f"`{each}`" for each in schema["enum"])
    if "items" in schema:
        each = _type(schema["items"])
        return f"list of {each}s" if each in {"text", "object"} else f"list of {each}"
    if "additionalProperties" in schema:
        return f"map to {_type(schema['additionalProperties'])}"
    words = {"integer": "whole number", "boolean": "true or false", "string": "text"}
    word = "time" if schema.get("format") == "date-time" else words.get(schema["type"], "object")
    ends = [schema[key] for key in ("minimum", "maximum") if key in schema]
    span = f" from {ends[0]:,} to {ends[1]:,}" if len(ends) == len(("from", "to")) else ""
    return word + span + (" or null" if schema.get("nullable") else "")


def _rules(schema: Mapping[str, Any], path: str) -> Iterator[str]:
    """Yield the rules at *schema* and below, each once, as the cluster words them."""
    for rule in schema.get(VALIDATIONS, ()):
        place = f"`{path}{rule.get('fieldPath', '')}`: " if path else ""
        yield f"* {place}{_escaped(rule['message'])}."
    for name, each in schema.get("properties", {}).items():
        yield from _rules(each, f"{path}.{name}".lstrip(".")) if path else ()
    if "items" in schema:
        yield from _rules(schema["items"], f"{path}[]")


def _conditions(conditions: Mapping[str, str]) -> Iterator[str]:
    """Yield the table of *conditions*."""
    yield from ("| condition | when it is True |", "|---|---|")
    yield from (f"| `{name}` | {text} |" for name, text in conditions.items())
