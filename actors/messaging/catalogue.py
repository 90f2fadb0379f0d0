"""Every type of event, with the JSON Schema of its data.

Within a version a type only grows: members may be added, and are optional.  What a consumer does
not know means nothing to it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final

from actors.domain.events import SUBJECT_KINDS, TYPE_PREFIX, TYPE_VERSION
from actors.messaging.members import Members, members_of

SCHEMA_BASE: Final = "https://gopherpay.dev/events/"


@dataclass(frozen=True, slots=True)
class EventType:
    """A type of event.

    Attributes:
        name: Such as ``transfer.posted``.
        subject_kind: ``account`` or ``user``: what it is a fact about.
        schema: Of its data, JSON Schema 2020-12.
        members: The same schema as something that looks at data quickly.
    """

    name: str
    subject_kind: str
    schema: Mapping[str, Any] = field(repr=False)
    members: Members = field(repr=False)

    @property
    def type(self) -> str:
        """Return the CloudEvents type."""
        return f"{TYPE_PREFIX}{self.name}{TYPE_VERSION}"

    @property
    def title(self) -> str:
        """Return in one sentence what has happened."""
        return str(self.schema["title"])


@cache
def catalogue() -> Mapping[str, EventType]:
    """Return every type of event by its CloudEvents type."""
    types = (_event_type(name, kind) for name, kind in SUBJECT_KINDS.items())
    return MappingProxyType({each.type: each for each in types})


def schema_uri(event_type: str) -> str:
    """Return the ``dataschema`` of a CloudEvents type of ours."""
    return f"{SCHEMA_BASE}{event_type.removeprefix(TYPE_PREFIX)}.json"


def _event_type(name: str, subject_kind: str) -> EventType:
    file = files("actors.messaging") / "schemas" / f"{name}{TYPE_VERSION}.json"
    schema = json.loads(file.read_text(encoding="utf-8"))
    return EventType(name, subject_kind, MappingProxyType(schema), members_of(schema))
