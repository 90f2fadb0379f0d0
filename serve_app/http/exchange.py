"""What an endpoint is given, and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, Protocol, TypeVar
from uuid import UUID

import msgspec

from actors.domain.principals import Principal
from actors.domain.values import value
from serve_app.http.asgi import RawHeaders
from serve_app.http.headers import Headers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

BodyT = TypeVar("BodyT")
QueryT = TypeVar("QueryT")

ANONYMOUS: Final = Principal(UUID(int=0), frozenset())
"""Who calls a public route."""

NO_HEADERS: Final = Headers()

JSON: Final = b"application/json"

_encode: Final = msgspec.json.Encoder().encode


@dataclass(slots=True)
class Call(Generic[BodyT, QueryT]):
    """A request that passed every check of the frame.

    Attributes:
        ids: The ids in the path, from left to right.
        body: The route's body type; None where it has none.
        query: The route's query type.
        idempotency_key: None where the route has none, or an optional one was not sent.
        source_address: The peer as the server sees it; no client-set header is believed.
        deadline_seconds: How long the endpoint may take from now.
        headers: The few that are read; an endpoint needs them only where one is its own business.
    """

    principal: Principal
    ids: tuple[UUID, ...]
    body: BodyT
    query: QueryT
    idempotency_key: str | None
    request_id: str
    trace_parent: str | None
    source_address: str
    deadline_seconds: float
    headers: Headers = NO_HEADERS


@value
class Answer:
    """A whole response; the frame adds the headers that every answer has."""

    status: int
    body: bytes = b""
    content_type: bytes = JSON
    headers: RawHeaders = ()


class Parts(Protocol):
    """A body that comes bit by bit for as long as it lasts."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the parts as they come."""
        ...

    def close(self) -> None:
        """End it; nobody listens any more."""
        ...


@value
class StreamedAnswer:
    """The head of a response whose body lasts; it holds no place among the requests inside."""

    parts: Parts
    content_type: bytes
    headers: RawHeaders = ()
    status: int = 200


def ok(content: object) -> Answer:
    """Answer 200 with *content* as JSON."""
    return Answer(200, _encode(content))


def created(content: object) -> Answer:
    """Answer 201 with *content* as JSON."""
    return Answer(201, _encode(content))


def accepted(content: object) -> Answer:
    """Answer 202 with *content* as JSON."""
    return Answer(202, _encode(content))


def nothing() -> Answer:
    """Answer 204."""
    return Answer(204)
