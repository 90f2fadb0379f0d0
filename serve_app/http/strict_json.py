"""JSON without leniency (RFC 8259; what this API adds is in docs/reference).

The standard parser with its hooks: one key twice, NaN and deep nesting are malformed;
a fraction or a huge number becomes a value that fits no field, so it is merely wrong.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeAlias

from serve_app.http.errors import JsonMalformed

if TYPE_CHECKING:
    from collections.abc import Iterable

Container: TypeAlias = dict[str, Any] | list[Any]

DEPTH_MAX: Final = 32
"""The outermost object is 1."""

INTEGER_DIGITS_MAX: Final = 18
"""Longer ones fit no field, and Python refuses to convert 4,300 digits."""

UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")
"""Postgres stores no NUL, and a lone surrogate is no text."""

_ESCAPE: Final = b"\\u"


class OtherNumber:
    """A number that no field takes: a fraction, or one of too many digits."""

    __slots__ = ()


_OTHER: Final = OtherNumber()


def parse(raw: bytes) -> object:
    """Return the value that *raw* says.

    Raises:
        JsonMalformed: If it is not one JSON text in UTF-8, has one key twice, a constant
            that JSON does not know, or more than 32 levels.
    """
    try:
        value = _decoder.decode(raw.decode())
    except (ValueError, RecursionError):
        raise JsonMalformed from None
    if raw.count(b"{") + raw.count(b"[") > DEPTH_MAX:
        _limit_depth(value)
    return value


def may_hold_unstorable(raw: bytes) -> bool:
    """Tell whether a text in *raw* can be unstorable: only an escape can make it so."""
    return _ESCAPE in raw


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Return the members as a dict, none of them twice."""
    members = dict(pairs)
    if len(members) != len(pairs):
        raise JsonMalformed
    return members


def _integer(text: str) -> int | OtherNumber:
    """Return the number of *text* if any field could take it."""
    return int(text) if len(text) <= INTEGER_DIGITS_MAX else _OTHER


def _fraction(_text: str) -> OtherNumber:
    """Return a value that fits no field: this API has no fractions."""
    return _OTHER


def _constant(_text: str) -> NoReturn:
    """Refuse NaN and the infinities."""
    raise JsonMalformed


def _limit_depth(value: object) -> None:
    """Pass if *value* has at most 32 levels; looked at level by level, without recursion.

    Raises:
        JsonMalformed: If not.
    """
    level = _containers([value])
    for _ in range(DEPTH_MAX):
        level = _containers(inner for outer in level for inner in _members(outer))
        if not level:
            return
    raise JsonMalformed


def _containers(values: Iterable[object]) -> list[Container]:
    """Return those of *values* that hold others."""
    return [value for value in values if isinstance(value, dict | list)]


def _members(container: Container) -> Iterable[object]:
    """Return what *container* holds."""
    return container.values() if isinstance(container, dict) else container


_decoder: Final = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_int=_integer,
    parse_float=_fraction,
    parse_constant=_constant,
)
