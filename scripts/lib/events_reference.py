"""The generated page of docs/reference about events: from the schemas and from real records."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from actors.domain.events import SUBJECT_KINDS
from actors.messaging import envelope
from actors.messaging.catalogue import SCHEMA_BASE, catalogue
from actors.ports.events import StoredEvent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from actors.messaging.catalogue import EventType

FOLDER: Final = Path(__file__).parents[2] / "docs" / "reference"

TEMPLATE: Final = Path(__file__).with_name("events_page.md")


def events_page() -> str:
    """Return the page of all events."""
    types = catalogue()
    first = next(iter(types.values()))
    lines = ["| type | what has happened | subject |", "|---|---|---|"]
    lines += [
        f"| [`{each.name}`](#{each.name.replace('.', '')}) | {each.title} | {each.subject_kind} |"
        for each in types.values()
    ]
    for each in types.values():
        lines += _described(each)
    page = TEMPLATE.read_text(encoding="utf-8")
    filled = page.replace("{record}", "\n".join(_record(first)))
    return filled.replace("{types}", "\n".join(lines))


def _described(event_type: EventType) -> Iterator[str]:
    """Yield the section of one type."""
    schema = event_type.schema
    yield from ("", f"### {event_type.name}", "", event_type.title, "")
    yield f"`{event_type.type}` · schema `{SCHEMA_BASE}{event_type.name}.v1.json`"
    yield from ("", "| member | is | what it says |", "|---|---|---|")
    for name, member in schema["properties"].items():
        optional = "" if name in schema["required"] else ", optional"
        yield f"| `{name}` | {_kind(member)}{optional} | {member['description']} |"
    yield from ("", "```json", json.dumps(schema["examples"][0], ensure_ascii=False, indent=2))
    yield "```"


def _kind(member: Mapping[str, Any]) -> str:
    """Return in words what values a member has."""
    if "const" in member:
        return f"`{member['const']}`"
    kinds = member["type"] if isinstance(member["type"], list) else [member["type"]]
    return " or ".join(_word(kind, member) for kind in kinds)


def _word(kind: str, member: Mapping[str, Any]) -> str:
    """Return in words what values of one JSON type a member has."""
    if kind == "string":
        words = {"uuid": "a UUID", "date-time": "a time (RFC 3339)"}
        text = words.get(member.get("format", ""), "a text")
        return f"{text} of at most {member['maxLength']}" if "maxLength" in member else text
    if kind == "integer":
        return f"a whole number from {member['minimum']}"
    return {"array": "a list of texts", "null": "`null`"}[kind]


def _record(event_type: EventType) -> Iterator[str]:
    """Yield a record of *event_type*, made by the code that makes all of them."""
    data = event_type.schema["examples"][0]
    stored = StoredEvent(
        xid=1,
        seq=1,
        lane=0,
        id="01890a5d-ac96-474b-bcce-b302099a8006",
        type=event_type.type,
        subject_kind=SUBJECT_KINDS[event_type.name],
        subject_id=data["source_account_id"],
        time=data["posted_at"],
        data=json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode(),
        trace_parent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    )
    record = envelope.record(stored, topic_prefix="gopherpay", source="https://gopherpay.dev")
    yield f"topic: {record.topic}"
    yield f"key: {(record.key or b'').decode()}"
    yield from (f"{name}: {(text or b'').decode()}" for name, text in record.headers)
    yield from ("", (record.value or b"").decode())


PAGES: Final[Mapping[str, Callable[[], str]]] = {"events.md": events_page}


def main() -> None:
    """Write the page."""
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page(), encoding="utf-8")
        print(f"docs/reference/{name}")


if __name__ == "__main__":
    main()
