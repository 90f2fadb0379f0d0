"""What the definitions of our own kinds forbid to change, read from their rules in CEL.

A rule is known by the form of its clauses; one in another form is told by `unread`, so that no
rule is passed over in silence.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from tests.unit.helm.upgrading import place_of

PATH = r"(?:\.\w+)*"
SAME_PRESENCE = re.compile(rf"has\(self({PATH})\) == has\(oldSelf\1\)")
SAME_IF_THERE = re.compile(rf"\(!has\(self({PATH})\) \|\| self\1 == oldSelf\1\)")
SAME = re.compile(rf"self({PATH}) == oldSelf\1")
NOT_LESS = re.compile(rf"self({PATH}) >= oldSelf\1")
MORE_IF_ALLOWED = (
    "self.partitions <= oldSelf.partitions || (has(self.allowPartitionIncrease) ?"
    " self.allowPartitionIncrease : !self.keyed)"
)


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of a definition that compares with what was there before."""

    kind: str
    path: tuple[str, ...]
    """Where ``self`` is."""
    text: str = ""
    is_below_a_list: bool = False


def rules_of(definitions):
    """Return the rules of the served versions of *definitions* that name ``oldSelf``."""
    return [
        rule
        for each in definitions
        for version in each["spec"]["versions"]
        if version["served"]
        for rule in _below(
            version["schema"]["openAPIV3Schema"], Rule(each["spec"]["names"]["kind"], ())
        )
    ]


def unread(rules):
    """Return the clauses whose form is not known."""
    return [
        f"{rule.kind} {'.'.join(rule.path)}: {clause}"
        for rule in rules
        for clause in _clauses(rule)
        if rule.is_below_a_list or _breaks(clause, {}, {}) is None
    ]


def forbidden(old, new, definitions):
    """Return a sentence for each change between *old* and *new* that a definition refuses."""
    after = {place_of(each): each for each in new}
    schemas = {each["spec"]["names"]["kind"]: _schema(each) for each in definitions}
    wrong = []
    for place, before in ((place_of(each), each) for each in old):
        for rule in rules_of(definitions):
            if before["kind"] == rule.kind and place in after:
                schema = schemas[rule.kind]
                pair = [_at(filled(each, schema), rule.path) for each in (before, after[place])]
                if None not in pair and any(_breaks(each, *pair) for each in _clauses(rule)):
                    wrong.append(f"{place}: {'.'.join(rule.path)}: {rule.text}")
    return wrong


def filled(value, schema):
    """Return *value* with the defaults of *schema*, as the API server keeps it."""
    if isinstance(value, list):
        return [filled(each, schema.get("items", {})) for each in value]
    if not isinstance(value, dict):
        return value
    parts = schema.get("properties", {})
    defaults = {name: part["default"] for name, part in parts.items() if "default" in part}
    return {name: filled(each, parts.get(name, {})) for name, each in {**defaults, **value}.items()}


def _schema(definition):
    """Return the schema of the version that is stored."""
    (stored,) = [each for each in definition["spec"]["versions"] if each["storage"]]
    return stored["schema"]["openAPIV3Schema"]


def _below(schema, here):
    """Yield the rules in *schema*, which is that of *here*."""
    for each in schema.get("x-kubernetes-validations", []):
        if "oldSelf" in each["rule"]:
            yield replace(here, text=" ".join(each["rule"].split()))
    for name, part in schema.get("properties", {}).items():
        yield from _below(part, replace(here, path=(*here.path, name)))
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), dict):
            inner = replace(here, path=(*here.path, name), is_below_a_list=True)
            yield from _below(schema[name], inner)


def _clauses(rule):
    return rule.text.split(" && ")


def _breaks(clause, before, after):
    """Return whether *clause* does not hold; None when its form is not known."""
    if clause == MORE_IF_ALLOWED:
        return after.get("partitions", 0) > before.get("partitions", 0) and not after.get(
            "allowPartitionIncrease", not after.get("keyed")
        )
    if found := NOT_LESS.fullmatch(clause):
        path = found[1].split(".")[1:]
        return (_at(after, path) or 0) < (_at(before, path) or 0)
    for form in (SAME_PRESENCE, SAME_IF_THERE, SAME):
        if found := form.fullmatch(clause):
            path = found[1].split(".")[1:]
            return _is_broken(form, _at(before, path), _at(after, path))
    return None


def _is_broken(form, before, after):
    if form is SAME_PRESENCE:
        return (before is None) != (after is None)
    return before != after and not (form is SAME_IF_THERE and after is None)


def _at(value, path):
    """Return what is at *path* in *value*, and None where nothing is."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value
