"""From a parsed value to a known type, or to what is wrong with which known field."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec
from msgspec import inspect

from actors.domain.errors import AmountInvalid, GopherPayError
from serve_app.http.errors import invalid
from serve_app.http.strict_json import UNSTORABLE

if TYPE_CHECKING:
    from collections.abc import Iterator

T = TypeVar("T", bound=msgspec.Struct)

_MISSING: Final = re.compile(r"Object missing required field `(\w+)`")
_PLACE: Final = re.compile(r" - at (?:`key` in )?`\$([\w.\[\]]*)`\Z")
_WHAT: Final = re.compile(r"Expected `[^`]*`(?: of length [<>=]+ \d+| [<>=]+ -?\d+)?")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_NULL: Final = ", got `null`"

_OF_MONEY: Final = "amount"
"""A wrong type in this field is a wrong amount, so that numbers get the amount's own code."""


def into(kind: type[T], value: object, *, check_texts: bool) -> T:
    """Return *value* as *kind*, with no conversion of types.

    Args:
        kind: The struct to make.
        value: A parsed JSON value.
        check_texts: Whether some text may hold a NUL or a lone surrogate.

    Raises:
        ValidationFailed: If a member is unknown, missing or wrong.
        AmountInvalid: If the wrong one is an amount.
    """
    if check_texts:
        _refuse_unstorable(value, kind)
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise translated(str(error)) from None


def translated(complaint: str) -> GopherPayError:
    """Return our error for msgspec's *complaint*, without a word of the input."""
    place = _PLACE.search(complaint)
    parent = place[1].removeprefix(".").removesuffix("[...]") if place else ""
    missing = _MISSING.match(complaint)
    if missing:
        return invalid(f"{parent}.{missing[1]}".removeprefix("."), "is required")
    if complaint.startswith("Object contains unknown field"):
        return invalid(parent, "has a field that this call does not know")
    if _NULL in complaint and parent:
        return invalid(parent, "is required")  # null is the same as absent
    if parent.rpartition(".")[2] == _OF_MONEY:
        return AmountInvalid()
    return invalid(parent, _rule(complaint))


def _rule(complaint: str) -> str:
    """Return which rule was broken: a type, a length, a form."""
    expected = _WHAT.match(complaint)
    if expected is None:
        return "is not one of the values listed or has a wrong form"
    return expected[0].replace("`", "").replace("Expected ", "must be ")


def _refuse_unstorable(value: object, kind: type[msgspec.Struct]) -> None:
    """Pass if every text in *value* can be stored.

    Raises:
        ValidationFailed: If not.
    """
    members = value.items() if isinstance(value, dict) else [("", value)]
    refused = _refused_characters(kind)
    for name, member in members:
        bad = refused.get(name, UNSTORABLE)
        if bad and (bad.search(name) or any(bad.search(text) for text in _texts(member))):
            field = name if name in refused else ""
            raise invalid(field, "must not contain U+0000 or a lone surrogate")


def _texts(value: object) -> Iterator[str]:
    """Yield every text in *value*, which is at most 32 levels deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, member in value.items():
            yield name
            yield from _texts(member)
    elif isinstance(value, list):
        for member in value:
            yield from _texts(member)


@cache
def _refused_characters(kind: type[msgspec.Struct]) -> dict[str, re.Pattern[str] | None]:
    """Return what the texts of each field of *kind* must not contain.

    A field marked ``verbatim`` may contain a NUL; one marked ``deferred`` is checked elsewhere.
    """
    described = inspect.type_info(kind)
    assert isinstance(described, inspect.StructType)  # noqa: S101  kind is a struct
    by_mark = {"verbatim": _SURROGATE, "deferred": None, None: UNSTORABLE}
    return {field.encode_name: by_mark[_mark(field.type)] for field in described.fields}


def _mark(kind: inspect.Type) -> str | None:
    """Return how a field's texts are marked."""
    if isinstance(kind, inspect.UnionType):
        return next(filter(None, map(_mark, kind.types)), None)
    extra = (kind.extra or {}) if isinstance(kind, inspect.Metadata) else {}
    return extra.get("texts")
