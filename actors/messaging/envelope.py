"""An event as it travels: CloudEvents 1.0, in the binary mode of its binding for Kafka.

``record`` writes it, ``parse`` reads it, also in the structured mode.  Whatever bytes come,
``parse`` returns an event or raises `Malformed`.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import msgspec

from actors.domain.events import rfc3339
from actors.messaging import reading
from actors.messaging.catalogue import schema_uri
from actors.messaging.reading import Malformed
from actors.ports.events import Position, Record

if TYPE_CHECKING:
    from actors.domain.events import CloudEvent
    from actors.ports.events import StoredEvent

__all__ = ["Malformed", "parse", "record", "structured", "topic"]

Header = tuple[str, bytes | None]

CONTENT_TYPE: Final = "content-type"
JSON: Final = "application/json"
STRUCTURED: Final = "application/cloudevents+json"
SPEC_VERSION: Final = "1.0"

_encode: Final = msgspec.json.Encoder().encode


def topic(prefix: str, subject_kind: str) -> str:
    """Return the topic of the events about accounts, or about users."""
    return f"{prefix}.{subject_kind}.v1"


def record(stored: StoredEvent, *, topic_prefix: str, source: str) -> Record:
    """Return *stored* as it is sent: the data as the body, everything else as headers.

    Args:
        stored: A row of the outbox.
        topic_prefix: Such as ``gopherpay``.
        source: Who tells it, a URI.
    """
    (
        xid,
        seq,
        lane,
        event_id,
        event_type,
        subject_kind,
        subject_id,
        time,
        data,
        trace_parent,
    ) = stored
    its_topic, head = _fixed(topic_prefix, source, event_type, subject_kind)
    key = subject_id.encode()
    headers = [
        *head,
        ("ce_id", event_id.encode()),
        ("ce_subject", key),
        ("ce_time", time.encode()),
    ]
    if trace_parent is not None:
        headers.append(("traceparent", trace_parent.encode()))
    return Record(its_topic, lane, seq, key, data, headers, _milliseconds(time), Position(xid, seq))


def parse(record: Record) -> CloudEvent:
    """Return the event that *record* tells of; unknown types of ours are events as well.

    Raises:
        Malformed: If it tells of none, whatever it is.
    """
    headers = reading.headers(record)
    value = reading.value(record)
    content_type = headers.get(CONTENT_TYPE, "").partition(";")[0].strip().lower()
    if content_type == STRUCTURED:
        attributes, data = reading.structured(value)
    elif content_type == JSON:
        attributes, data = reading.binary(headers, value)
    else:
        raise Malformed("content-type-unknown")
    return reading.event(attributes, data, record.key)


def structured(event: CloudEvent) -> bytes:
    """Return *event* as one JSON text, for those who have no headers to read."""
    members: dict[str, object] = {
        "specversion": SPEC_VERSION,
        "id": str(event.id),
        "source": event.source,
        "type": event.type,
        "subject": str(event.subject),
        "time": rfc3339(event.time),
        "datacontenttype": JSON,
        "dataschema": schema_uri(event.type),
    }
    if event.trace_parent is not None:
        members["traceparent"] = event.trace_parent
    members["data"] = event.data
    return _encode(members)


@lru_cache(maxsize=256)
def _fixed(
    topic_prefix: str, source: str, event_type: str, subject_kind: str
) -> tuple[str, tuple[Header, ...]]:
    """Return the topic, and the headers that are the same in every record of a type."""
    head = {
        CONTENT_TYPE: JSON,
        "ce_specversion": SPEC_VERSION,
        "ce_type": event_type,
        "ce_source": source,
        "ce_dataschema": schema_uri(event_type),
    }
    pairs = tuple((name, text.encode()) for name, text in head.items())
    return topic(topic_prefix, subject_kind), pairs


@lru_cache(maxsize=1024)
def _milliseconds(time: str) -> int:
    """Return RFC 3339 as milliseconds since the epoch; a batch has one time for many."""
    return int(datetime.fromisoformat(time).timestamp() * 1000)
