"""Query parameters, as strict as bodies: each known, once, and of the right form."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl

import msgspec
from msgspec import inspect

from serve_app.http.errors import CursorInvalid, invalid
from serve_app.http.strict_json import UNSTORABLE
from serve_app.http.texts import TIME_PATTERN
from serve_app.http.validation import into

T = TypeVar("T", bound=msgspec.Struct)

PARAMETERS_MAX: Final = 40

CURSOR: Final = "cursor"
"""Whatever is wrong with this parameter, it is a changed cursor."""

_INTEGER: Final = re.compile(r"0|[1-9][0-9]{0,8}", re.ASCII)
_MEMBER: Final = re.compile(r"([a-z_]+)\[(.+)\]", re.DOTALL)
_TRUTH: Final = {"true": True, "false": False}
_RFC3339: Final = re.compile(TIME_PATTERN)


@dataclass(frozen=True, slots=True)
class _Form:
    """How one parameter is read."""

    name: str
    kind: type


def read(kind: type[T], query: bytes) -> T:
    """Return the parameters in *query* as *kind*.

    A parameter of a dict type is written ``name[key]=value``, once for each key.

    Raises:
        ValidationFailed: If one is unknown, there twice, or has a wrong form.
    """
    values: dict[str, Any] = {}
    forms = _forms(kind)
    for name, text in _pairs(query):
        member = _MEMBER.fullmatch(name)
        form = forms.get(member[1] if member else name)
        if form is None or (form.kind is dict) != (member is not None):
            raise invalid("", "there is a query parameter that this call does not know")
        into_dict = values.setdefault(form.name, {}) if member else values
        key = _text(form.name, member[2]) if member else name
        if key in into_dict:
            raise invalid(form.name, "is there twice")
        into_dict[key] = _value(form, text)
    return into(kind, values, check_texts=False)


def _pairs(query: bytes) -> list[tuple[str, str]]:
    """Return the decoded names and texts.

    Raises:
        ValidationFailed: If the query is not one of name=text pairs in UTF-8.
    """
    if not query:
        return []
    try:
        return parse_qsl(
            query.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=PARAMETERS_MAX,
        )
    except ValueError:
        raise invalid("", "the query is malformed") from None


def _value(form: _Form, text: str) -> object:
    """Return *text* as the type of its parameter.

    Raises:
        ValidationFailed: If it has another form.
    """
    if form.kind is int:
        if not _INTEGER.fullmatch(text):
            raise invalid(form.name, "must be a whole number")
        return int(text)
    if form.kind is bool:
        if text not in _TRUTH:
            raise invalid(form.name, "must be true or false")
        return _TRUTH[text]
    if form.kind is datetime:
        return _time(form.name, text)
    return _text(form.name, text)


def _text(name: str, text: str) -> str:
    """Return *text* if it can be stored.

    Raises:
        CursorInvalid: If it cannot, and is a cursor.
        ValidationFailed: If it is anything else.
    """
    if UNSTORABLE.search(text):
        raise CursorInvalid if name == CURSOR else invalid(name, "must not contain U+0000")
    return text


def _time(name: str, text: str) -> datetime:
    """Return the UTC time of an RFC 3339 *text*.

    Raises:
        ValidationFailed: If it is none, or no time that UTC can say.
    """
    wrong = invalid(name, "must be an RFC 3339 time such as 2026-01-31T12:00:00Z")
    if not _RFC3339.fullmatch(text):
        raise wrong
    try:
        return msgspec.convert(text, datetime).astimezone(UTC)
    except (ValueError, OverflowError):
        raise wrong from None


@cache
def _forms(kind: type[msgspec.Struct]) -> dict[str, _Form]:
    """Return the parameters of *kind* by the name on the wire."""
    described = inspect.type_info(kind)
    assert isinstance(described, inspect.StructType)  # noqa: S101  kind is a struct
    return {
        field.encode_name: _Form(field.encode_name, _plain(field.type))
        for field in described.fields
    }


def _plain(kind: inspect.Type) -> type:
    """Return the Python type that the text of a parameter is turned into."""
    if isinstance(kind, inspect.Metadata):
        return _plain(kind.type)
    if isinstance(kind, inspect.UnionType):
        kinds = [_plain(one) for one in kind.types if not isinstance(one, inspect.NoneType)]
        return kinds[0]
    plain: dict[type[inspect.Type], type] = {
        inspect.IntType: int,
        inspect.BoolType: bool,
        inspect.DateTimeType: datetime,
        inspect.DictType: dict,
    }
    return plain.get(type(kind), str)
