"""Identity lives in a deployment of its own: its requests are carried there whole.

So a flood of log-ins queues there, and the ingress goes on moving money.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

import msgspec
import structlog

from actors.domain.errors import GopherPayError, Overloaded
from serve_app.http import bodies
from serve_app.http import headers as headers_of
from serve_app.http.gate import Gate
from serve_app.http.problems import problem
from serve_app.http.routing import BODY_LIMIT_BYTES

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from serve_app.http.asgi import Message, Receive, Scope, Send

    Carry = Callable[[bytes], Awaitable[bytes]]
    Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

log: Final = structlog.get_logger()

RESPITE_SECONDS: Final = 0.1
"""How long nobody is sent where "overloaded" was answered: carrying a log-in there, only to carry
a refusal back, costs this process what ten transfers do."""

RESPITES_MAX: Final = 64

_OVERLOADED: Final = problem(Overloaded(retry_after_seconds=1), "").status

IDENTITY_PATHS: Final = (
    b"/v1/auth/",
    b"/v1/users/",
    b"/v1/api-keys",
    b"/v1/dev/",
    b"/.well-known/",
)
"""Whose beginnings name identity; everything else is answered here."""


class Carried(msgspec.Struct, array_like=True):
    """A request on its way to another process."""

    method: str
    path: bytes
    query: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes
    source_address: str


class CarriedAnswer(msgspec.Struct, array_like=True):
    """The answer on its way back."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class Gateway:
    """An ASGI application that answers for two.

    Args:
        here: Serves everything but identity.
        carry: Takes a request to the identity deployment and its answer back.
        places: How many requests may be under way there at once.
        deadline_seconds: How long one may take.
        clock: Seconds that never go back.
    """

    def __init__(
        self,
        here: Asgi,
        carry: Carry,
        *,
        places: int,
        deadline_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._here = here
        self._carry = carry
        self._gate = Gate(places)
        self._deadline_seconds = deadline_seconds
        self._clock = clock
        self._full_until: dict[bytes, float] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] == "http" and _path(scope).startswith(IDENTITY_PATHS):
            await self._elsewhere(scope, receive, send)
        else:
            await self._here(scope, receive, send)

    async def _elsewhere(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Carry the request away and send what comes back."""
        try:
            answer = await self._answer(scope, receive)
        except bodies.Gone:
            return
        await send(
            {"type": "http.response.start", "status": answer.status, "headers": answer.headers}
        )
        await send({"type": "http.response.body", "body": answer.body})

    async def _answer(self, scope: Scope, receive: Receive) -> CarriedAnswer:
        """Return the other process's answer, or a problem that says it has none."""
        try:
            self._require_room(_path(scope))
            with self._gate:
                async with asyncio.timeout(self._deadline_seconds):
                    carried = await _carried(scope, receive)
                    answer = _decode_answer(await self._carry(_encode(carried)))
        except GopherPayError as error:
            return _refusal(scope, error)
        except (bodies.Gone, asyncio.CancelledError):
            raise
        except Exception:  # the far side raises whatever its transport does
            log.exception("identity.unreachable")
            return _refusal(scope, Overloaded(retry_after_seconds=1))
        if answer.status == _OVERLOADED:
            self._give_respite(carried.path)
        return answer

    def _require_room(self, path: bytes) -> None:
        """Pass unless identity was too busy for *path* a moment ago.

        Raises:
            Overloaded: If it was.
        """
        until = self._full_until.get(path)
        if until is not None and until > self._clock():
            raise Overloaded(retry_after_seconds=1)

    def _give_respite(self, path: bytes) -> None:
        """Send nobody to *path* for a moment."""
        if len(self._full_until) >= RESPITES_MAX:
            self._full_until.clear()
        self._full_until[path] = self._clock() + RESPITE_SECONDS


async def serve_carried(application: Asgi, request: bytes) -> bytes:
    """Let *application* answer a carried request; return the carried answer."""
    carried = _decode(request)
    scope: Scope = {
        "type": "http",
        "method": carried.method,
        "path": carried.path.decode("latin-1"),
        "raw_path": carried.path,
        "query_string": carried.query,
        "headers": carried.headers,
        "client": (carried.source_address, 0),
    }
    answer = CarriedAnswer(500, [], b"")

    async def receive() -> Message:
        return {"type": "http.request", "body": carried.body, "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = list(message["headers"])
        else:
            answer.body += message.get("body", b"")

    await application(scope, receive, send)
    return _encode(answer)


async def _carried(scope: Scope, receive: Receive) -> Carried:
    """Return the whole request, reading no more of the body than the far side would."""
    client = scope.get("client")
    return Carried(
        method=scope["method"],
        path=_path(scope),
        query=scope["query_string"],
        headers=list(scope["headers"]),
        body=await _body(scope, receive),
        source_address=client[0] if client else "",
    )


async def _body(scope: Scope, receive: Receive) -> bytes:
    """Return the body, cut one byte after the limit: the far side refuses it by its length."""
    length = dict(scope["headers"]).get(b"content-length", b"")
    if length.isdigit() and int(length) > BODY_LIMIT_BYTES:
        return b""
    parts, read_bytes, more = [], 0, True
    while more and read_bytes <= BODY_LIMIT_BYTES:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise bodies.Gone
        parts.append(message.get("body", b""))
        read_bytes += len(parts[-1])
        more = message.get("more_body", False)
    return b"".join(parts)[: BODY_LIMIT_BYTES + 1]


def _path(scope: Scope) -> bytes:
    """Return the path as it came on the wire."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    return raw


def _refusal(scope: Scope, error: GopherPayError) -> CarriedAnswer:
    """Return *error* as an answer."""
    request_id = headers_of.read(scope["headers"]).id_of_request()
    answer = problem(error, request_id)
    headers = [
        *answer.headers,
        (b"cache-control", b"no-store"),
        (b"x-request-id", request_id.encode()),
        (b"content-type", answer.content_type),
        (b"content-length", b"%d" % len(answer.body)),
    ]
    return CarriedAnswer(answer.status, headers, answer.body)


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(Carried).decode
_decode_answer: Final = msgspec.msgpack.Decoder(CarriedAnswer).decode
