"""The few request headers that this API reads; every other one has no meaning here.

What Ray Serve would obey (``x-request-timeout-seconds``, ``x-request-disconnect-disabled``)
and what proxies add (``x-forwarded-*``) are not among them.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

HEADERS_MAX: Final = 200
HEADERS_MAX_BYTES: Final = 32 * 1024
"""Over what any client sends, and under what costs us anything."""

_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._-]{1,128}")
_TRACE_PARENT: Final = re.compile(rb"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_LENGTH: Final = re.compile(rb"[0-9]{1,18}")
_REQUEST_ID_BYTES: Final = 16

_SLOTS: Final = {
    b"authorization": "authorization",
    b"content-encoding": "content_encoding",
    b"content-length": "content_length",
    b"content-type": "content_type",
    b"idempotency-key": "idempotency_key",
    b"last-event-id": "last_event_id",
    b"traceparent": "traceparent",
    b"transfer-encoding": "transfer_encoding",
    b"x-request-id": "request_id",
}

KNOWN: Final = frozenset(_SLOTS)
"""The names of all headers that are read."""


@dataclass(slots=True, eq=False)
class Headers:
    """The values of each known header, in order; most have none or one."""

    authorization: tuple[bytes, ...] = ()
    content_encoding: tuple[bytes, ...] = ()
    content_length: tuple[bytes, ...] = ()
    content_type: tuple[bytes, ...] = ()
    idempotency_key: tuple[bytes, ...] = ()
    last_event_id: tuple[bytes, ...] = ()
    traceparent: tuple[bytes, ...] = ()
    transfer_encoding: tuple[bytes, ...] = ()
    request_id: tuple[bytes, ...] = ()
    count: int = 0
    size_bytes: int = 0

    @property
    def are_too_many(self) -> bool:
        """Tell whether there are more of them than this API reads."""
        return self.count > HEADERS_MAX or self.size_bytes > HEADERS_MAX_BYTES

    @property
    def body_bytes(self) -> int | None:
        """Return the announced length of the body; None when it comes in chunks."""
        if self.transfer_encoding:
            return None
        if not self.content_length:
            return 0
        length = self.content_length[0]
        return int(length) if _LENGTH.fullmatch(length) else None

    @property
    def trace_parent(self) -> str | None:
        """Return the W3C trace context, if it is a well-formed one."""
        if len(self.traceparent) == 1 and _TRACE_PARENT.fullmatch(self.traceparent[0]):
            return self.traceparent[0].decode("ascii")
        return None

    def id_of_request(self) -> str:
        """Return the client's id of this request if it is well-formed, else a new one."""
        if len(self.request_id) == 1 and _REQUEST_ID.fullmatch(self.request_id[0]):
            return self.request_id[0].decode("ascii")
        return os.urandom(_REQUEST_ID_BYTES).hex()


def read(raw: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Return the known headers among *raw*, whose names ASGI gives in lower case."""
    headers = Headers()
    for name, value in raw:
        headers.count += 1
        headers.size_bytes += len(name) + len(value)
        slot = _SLOTS.get(name)
        if slot is not None:
            setattr(headers, slot, (*getattr(headers, slot), value))
    return headers
