"""From the bytes of a record to an event, believing nothing of them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from uuid import UUID

import msgspec

from actors.domain.events import TYPE_PREFIX, TYPE_VERSION, CloudEvent
from actors.messaging.catalogue import catalogue
from actors.messaging.members import FORMATS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from actors.ports.events import Record

VALUE_MAX_BYTES: Final = 256 * 1024
"""A hundred times the largest event there is."""
HEADERS_MAX: Final = 64
"""Ours are nine; tools on the way add some."""
HEADER_MAX_BYTES: Final = 2_048
DEPTH_MAX: Final = 32

_OURS: Final = frozenset({"content-type", "traceparent"})
_CE: Final = "ce_"
_TEXT: Final = re.compile(r"[^\x00-\x1f\x7f-\x9f]+")
_NAME: Final = re.compile(r"[a-z0-9]+(?:[._][a-z0-9]+)*")
_VERSION: Final = re.compile(r"v[0-9]{1,4}")
_TRACE_PARENT: Final = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_NUL: Final = "\x00"

_ATTRIBUTES: Final = ("specversion", "id", "source", "type", "subject", "time")

_decode: Final = msgspec.json.Decoder().decode


class Malformed(Exception):
    """A record is no event.

    Attributes:
        reason: A stable code such as ``unknown-version``.
        where: The header or member at fault, if one is; never what it holds.
    """

    def __init__(self, reason: str, where: str = "") -> None:
        super().__init__(f"{reason}: {where}" if where else reason)
        self.reason = reason
        self.where = where


def value(record: Record) -> bytes:
    """Return the body of *record*.

    Raises:
        Malformed: If there is none, or too much of it.
    """
    if not record.value:
        raise Malformed("value-missing")
    if len(record.value) > VALUE_MAX_BYTES:
        raise Malformed("value-too-large")
    return record.value


def headers(record: Record) -> dict[str, str]:
    """Return the headers that mean something here, as text.

    Raises:
        Malformed: If one is there twice, too long or no text, or there are too many.
    """
    if len(record.headers) > HEADERS_MAX:
        raise Malformed("headers-too-many")
    found: dict[str, str] = {}
    for name, raw in record.headers:
        if not (name.startswith(_CE) or name in _OURS):
            continue
        if name in found:
            raise Malformed("header-repeated", _shown(name))
        found[name] = _header(name, raw)
    return found


def _header(name: str, raw: bytes | None) -> str:
    if raw is None or len(raw) > HEADER_MAX_BYTES:
        raise Malformed("header-too-large" if raw else "header-not-text", _shown(name))
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise Malformed("header-not-text", _shown(name)) from None
    if _TEXT.fullmatch(text) is None:
        raise Malformed("header-not-text", _shown(name))
    return text


def _shown(name: str) -> str:
    """Return a header's name if it is one of those that may be repeated to a person."""
    return name if _NAME.fullmatch(name[:40]) or name in _OURS else "ce_"


def binary(headers: Mapping[str, str], raw: bytes) -> tuple[dict[str, object], object]:
    """Return the attributes and the data of a record in binary mode."""
    attributes: dict[str, object] = {}
    for name in _ATTRIBUTES:
        text = headers.get(_CE + name)
        if text is None:
            raise Malformed("header-missing", _CE + name)
        attributes[name] = text
    attributes["traceparent"] = headers.get("traceparent")
    return attributes, _json(raw)


def structured(raw: bytes) -> tuple[dict[str, object], object]:
    """Return the attributes and the data of a record in structured mode."""
    members = _json(raw)
    if type(members) is not dict:
        raise Malformed("json-no-object")
    for name in _ATTRIBUTES:
        text = members.get(name)
        if type(text) is not str or len(text) > HEADER_MAX_BYTES or not _TEXT.fullmatch(text):
            raise Malformed("member-invalid" if name in members else "member-missing", name)
    if members.get("datacontenttype", "application/json") != "application/json":
        raise Malformed("content-type-unknown")
    return members, members.get("data")


def event(attributes: Mapping[str, object], data: object, key: bytes | None) -> CloudEvent:
    """Return the event of checked texts.

    Raises:
        Malformed: If they contradict each other, or are not of the version spoken here.
    """
    if attributes["specversion"] != "1.0":
        raise Malformed("unknown-version", "specversion")
    event_type = _type(str(attributes["type"]))
    subject = str(attributes["subject"])
    subject_id = _uuid(subject, "subject")
    if key != subject.encode():
        raise Malformed("key-mismatch")
    return CloudEvent(
        id=_uuid(str(attributes["id"]), "id"),
        type=event_type,
        source=str(attributes["source"]),
        subject=subject_id,
        time=_time(str(attributes["time"])),
        data=_data(event_type, data),
        trace_parent=_trace_parent(attributes.get("traceparent")),
    )


def _type(text: str) -> str:
    """Return *text* if it is a type of ours in the version spoken here."""
    if not text.startswith(TYPE_PREFIX):
        raise Malformed("unknown-type")
    name, _, version = text.removeprefix(TYPE_PREFIX).rpartition(".")
    if _NAME.fullmatch(name) is None or _VERSION.fullmatch(version) is None:
        raise Malformed("unknown-type")
    if f".{version}" != TYPE_VERSION:
        raise Malformed("unknown-version", "type")
    return text


def _data(event_type: str, data: object) -> dict[str, object]:
    """Return *data* if its type, where that is known, can have it."""
    if type(data) is not dict:
        raise Malformed("data-no-object")
    known = catalogue().get(event_type)
    if known is not None and (wrong := known.members(data)):
        raise Malformed("data-invalid", wrong)
    return data


def _uuid(text: str, where: str) -> UUID:
    if FORMATS["uuid"].fullmatch(text) is None:
        raise Malformed("id-invalid", where)
    return UUID(text)


def _time(text: str) -> datetime:
    if FORMATS["date-time"].fullmatch(text) is None:
        raise Malformed("time-invalid")
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Malformed("time-invalid") from None


def _trace_parent(text: object) -> str | None:
    """Return a trace context; a bad one is none at all, as W3C has it."""
    if type(text) is str and _TRACE_PARENT.fullmatch(text):
        return text
    return None


def _json(raw: bytes) -> object:
    """Return the JSON value of *raw*, of bounded depth and with texts that can be stored.

    Raises:
        Malformed: If it is not such a one.
    """
    try:
        found: object = _decode(raw)
    except RecursionError:
        raise Malformed("json-too-deep") from None
    except ValueError:
        raise Malformed("json-malformed") from None
    if b"\\u" in raw or raw.count(b"{") + raw.count(b"[") > DEPTH_MAX:
        _look_through(found)
    return found


def _look_through(found: object) -> None:
    """Pass if *found* has at most 32 levels and no NUL, which Postgres stores nowhere."""
    level = [found]
    for _ in range(DEPTH_MAX + 1):
        texts = [each for each in level if isinstance(each, str)]
        if any(_NUL in text for text in texts):
            raise Malformed("text-with-nul")
        containers = [each for each in level if isinstance(each, dict | list)]
        if not containers:
            return
        level = [inner for outer in containers for inner in _inside(outer)]
    raise Malformed("json-too-deep")


def _inside(outer: dict[str, object] | list[object]) -> Iterable[object]:
    return [*outer.keys(), *outer.values()] if isinstance(outer, dict) else outer
