"""What a definition of a custom resource must not lose: what was accepted is accepted still.

Each rule takes the definitions of the old chart and those of the new one, and returns a sentence
for each place that breaks it.
"""

from __future__ import annotations

from itertools import chain

NOT_MORE = ("maxItems", "maxLength", "maxProperties", "maximum")
NOT_LESS = ("minItems", "minLength", "minProperties", "minimum")
FOR_GOOD = ("scope", "group", "names")


def definitions_changed(old, new):
    """A definition stays, and is of the same group, scope and names."""
    after = {each["metadata"]["name"]: each["spec"] for each in new}
    return [
        f"{name}: {field}"
        for name, spec in ((each["metadata"]["name"], each["spec"]) for each in old)
        for field in FOR_GOOD
        if spec[field] != after.get(name, {}).get(field)
    ]


def versions_gone(old, new):
    """A version that is served stays served; one in which resources are kept stays known."""
    after = dict(_versions(new))
    return [
        name
        for name, version in _versions(old)
        if name not in after or (version["served"] and not after[name]["served"])
    ]


def fields_gone(old, new):
    """A field stays, or what is written in it is dropped without a word."""
    return [
        f"{place}.{name}"
        for place, before, after in _parts(old, new)
        for name in before.get("properties", {})
        if name not in after.get("properties", {}) and not _takes_all(after)
    ]


def values_gone(old, new):
    """A value that may be chosen stays; what was free is not bound to a choice."""
    return [
        f"{place}: {value}"
        for place, before, after in _parts(old, new)
        for value in before.get("enum", ["anything"])
        if "enum" in after and value not in after["enum"]
    ]


def types_changed(old, new):
    """A field keeps its type."""
    return [
        f"{place}: {keyword}"
        for place, before, after in _parts(old, new)
        for keyword in ("type", "format", "x-kubernetes-int-or-string", "nullable")
        if before.get(keyword) != after.get(keyword)
    ]


def newly_required(old, new):
    """What could be left out can be, unless the API server fills it in."""
    return [
        f"{place}.{name}"
        for place, before, after in _parts(old, new)
        for name in after.get("required", [])
        if name not in before.get("required", [])
        and "default" not in after.get("properties", {}).get(name, {})
    ]


def bounds_tightened(old, new):
    """What was long, short, much or little enough is so still; a pattern stays as it is."""
    return [
        f"{place}: {keyword}"
        for place, before, after in _parts(old, new)
        for keyword in (*NOT_MORE, *NOT_LESS, "pattern")
        if keyword in after and _is_tighter(keyword, before.get(keyword), after[keyword])
    ]


RULES = (
    definitions_changed,
    versions_gone,
    fields_gone,
    values_gone,
    types_changed,
    newly_required,
    bounds_tightened,
)


def _is_tighter(keyword, before, after):
    if before is None or keyword == "pattern":
        return before != after
    return after < before if keyword in NOT_MORE else after > before


def _takes_all(schema):
    return "additionalProperties" in schema or "x-kubernetes-preserve-unknown-fields" in schema


def _versions(definitions):
    """Yield name and content of every version."""
    for each in definitions:
        for version in each["spec"]["versions"]:
            yield f"{each['metadata']['name']} {version['name']}", version


def _parts(old, new):
    """Yield place, before and after of every part of a schema that is in both."""
    after = dict(_versions(new))
    for name, version in _versions(old):
        if version["served"] and name in after:
            schemas = [each["schema"]["openAPIV3Schema"] for each in (version, after[name])]
            yield from _below(name, *schemas)


def _below(place, before, after):
    yield place, before, after
    parts = chain(
        _both(f"{place}.", before.get("properties"), after.get("properties")),
        _both(f"{place}.", _only_schemas(before), _only_schemas(after)),
    )
    for name, part_before, part_after in parts:
        yield from _below(name, part_before, part_after)


def _only_schemas(schema):
    """Return what is said of the items of a list and of the values of a mapping."""
    inner = {"[]": schema.get("items"), "*": schema.get("additionalProperties")}
    return {name: part for name, part in inner.items() if isinstance(part, dict)}


def _both(begin, before, after):
    before, after = before or {}, after or {}
    for name in before.keys() & after.keys():
        yield f"{begin}{name}", before[name], after[name]
