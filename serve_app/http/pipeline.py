"""One request from its head to its answer: the checks, in the order the API promises.

Route and method, credential, body size, content type, JSON, idempotency key, body;
then the endpoint looks its objects up and asks the rules.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final, Protocol

import structlog

from actors.domain.errors import GopherPayError, OutcomeUnknown, Overloaded, Unauthenticated
from actors.ports import tracing
from serve_app.http import bodies, idempotency, queries, strict_json
from serve_app.http import headers as headers_of
from serve_app.http.errors import HeadersTooLarge
from serve_app.http.exchange import ANONYMOUS, Answer, Call, StreamedAnswer
from serve_app.http.gate import Gate
from serve_app.http.headers import Headers
from serve_app.http.lifespan import serve_lifespan
from serve_app.http.metrics import Meter
from serve_app.http.patience import Patience
from serve_app.http.problems import problem
from serve_app.http.routing import Route, Router
from serve_app.http.streaming import stream
from serve_app.http.validation import into

if TYPE_CHECKING:
    from collections.abc import Iterable

    import msgspec

    from actors.domain.principals import Principal
    from serve_app.http.asgi import Receive, Scope, Send
    from serve_app.http.lifespan import Lifespan

log: Final = structlog.get_logger()

_NO_CHALLENGE: Final = b"/v1/auth/"
_NO_BODY: Final = 204
_ALWAYS: Final = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
)


class Authenticate(Protocol):
    """Tells who is asking."""

    async def __call__(self, authorization: bytes) -> Principal:
        """Return the bearer of the Authorization header's value.

        Raises:
            Unauthenticated: If it is no credential that counts now.
        """
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """What one process takes on.

    Attributes:
        deadline_seconds: The longest that an endpoint may take.
        grace_seconds: How much later it is cut off, so that it can say itself what it knows.
        places: How many requests may be inside at once: far over the 64 a client may rely on.
    """

    deadline_seconds: float = 5.0
    grace_seconds: float = 0.25
    places: int = 512


@dataclass(slots=True)
class Request:
    """A request while it is being checked."""

    id: str
    method: str
    path: bytes
    query: bytes
    source_address: str
    headers: Headers
    route: Route | None = None


class Application:
    """The ASGI application of a table of routes.

    Args:
        routes: All there is; everything else is 404.
        authenticate: Who is asking.
        limits: What this process takes on.
        lifespan: Entered when the server starts, left when it ends.
    """

    def __init__(
        self,
        routes: Iterable[Route],
        authenticate: Authenticate,
        *,
        limits: Limits | None = None,
        lifespan: Lifespan | None = None,
        meter: Meter | None = None,
    ) -> None:
        self.router = Router(routes)
        self.meter = meter or Meter()
        self._authenticate = authenticate
        self._limits = limits or Limits()
        self._gate = Gate(self._limits.places)
        self._patience = Patience()
        self._lifespan = lifespan
        self.meter.gauge("http_requests_inside", lambda: self._gate.inside)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await serve_lifespan(self._lifespan, receive, send)
        else:
            await send({"type": "websocket.close"})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or nobody when the client has gone away."""
        began = perf_counter()
        request = _request(scope)
        try:
            answer = await self._answer(request, receive)
        except bodies.Gone:
            return
        if isinstance(answer, StreamedAnswer):
            self.meter.record(request.route, answer.status, perf_counter() - began)
            await _stream(receive, send, answer, request)
            return
        await _respond(send, answer, request)
        self.meter.record(request.route, answer.status, perf_counter() - began)

    async def _answer(self, request: Request, receive: Receive) -> Answer | StreamedAnswer:
        """Return the answer to *request*, whatever happens."""
        try:
            return await self._checked(request, receive)
        except GopherPayError as error:
            challenge = not request.path.startswith(_NO_CHALLENGE)
            return problem(error, request.id, challenge=challenge)
        except bodies.Gone:
            raise
        except Exception:
            route = request.route
            log.exception("request.failed", request_id=request.id, route=route and route.name)
            return problem(GopherPayError(), request.id)

    async def _checked(self, request: Request, receive: Receive) -> Answer | StreamedAnswer:
        """Return the endpoint's answer after every check.

        Raises:
            GopherPayError: Of the first check that fails.
        """
        if request.headers.are_too_many:
            raise HeadersTooLarge
        resource, ids = self.router.resource(request.path)
        if request.method == "OPTIONS":
            return Answer(_NO_BODY, headers=((b"allow", resource.allow.encode()),))
        route = request.route = self.router.route(resource, request.method)
        principal = await self._principal(route, request.headers)
        parsed, check_texts = await _parsed(route, request.headers, receive, self._patience)
        query = queries.read(route.query, request.query)
        key = idempotency.key_of(
            route.key, request.headers.idempotency_key, dry_run=getattr(query, "dry_run", False)
        )
        call = Call(
            principal=principal,
            ids=ids,
            body=_body(route, parsed, check_texts=check_texts),
            query=query,
            idempotency_key=key,
            request_id=request.id,
            trace_parent=request.headers.trace_parent,
            source_address=request.source_address,
            deadline_seconds=self._limits.deadline_seconds,
            headers=request.headers,
        )
        tracing.trace_parent.set(call.trace_parent)
        with self._gate:
            return await self._in_time(route, call)

    async def _principal(self, route: Route, headers: Headers) -> Principal:
        """Return who calls, after the route's policy has passed.

        Raises:
            Unauthenticated, Forbidden: If it has not.
        """
        if not route.access.needs_credential:
            return ANONYMOUS
        if len(headers.authorization) != 1:
            raise Unauthenticated
        principal = await self._authenticate(headers.authorization[0])
        route.access.check(principal)
        return principal

    async def _in_time(self, route: Route, call: Call[Any, Any]) -> Answer | StreamedAnswer:
        """Return the endpoint's answer.

        Raises:
            Overloaded: If a read was too late.
            OutcomeUnknown: If anything else was: what it began may still come true.
        """
        try:
            with self._patience.at_most(call.deadline_seconds + self._limits.grace_seconds):
                return await route.endpoint(call)
        except TimeoutError:
            if route.method == "GET":
                raise Overloaded(retry_after_seconds=1) from None
            raise OutcomeUnknown from None


def _request(scope: Scope) -> Request:
    """Return what is known before any check; the path is kept as it came on the wire."""
    headers = headers_of.read(scope["headers"])
    client = scope.get("client")
    return Request(
        id=headers.id_of_request(),
        method=scope["method"],
        path=scope.get("raw_path") or scope["path"].encode(),
        query=scope["query_string"],
        source_address=client[0] if client else "",
        headers=headers,
    )


async def _parsed(
    route: Route, headers: Headers, receive: Receive, patience: Patience
) -> tuple[object, bool]:
    """Return the JSON value of the body, and whether its texts must be looked at.

    Raises:
        BodyTooLarge, BodyTooSlow, ContentTypeUnsupported, JsonMalformed: As their names say.
    """
    limit_bytes = route.body_limit_bytes
    if route.body is None or not bodies.check_head(
        headers, limit_bytes=limit_bytes, optional=route.body_optional
    ):
        return {}, False
    raw = await bodies.read(receive, limit_bytes=limit_bytes, patience=patience)
    if route.body_optional and not raw:
        return {}, False
    return strict_json.parse(raw), strict_json.may_hold_unstorable(raw)


def _body(route: Route, parsed: object, *, check_texts: bool) -> msgspec.Struct | None:
    """Return the body as the route's type."""
    if route.body is None:
        return None
    return into(route.body, parsed, check_texts=check_texts)


async def _respond(send: Send, answer: Answer, request: Request) -> None:
    """Send *answer* with the headers that every answer has."""
    headers = [*answer.headers, *_ALWAYS, (b"x-request-id", request.id.encode())]
    if answer.status != _NO_BODY:
        headers.append((b"content-type", answer.content_type))
        headers.append((b"content-length", b"%d" % len(answer.body)))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    body = b"" if request.method == "HEAD" else answer.body
    await send({"type": "http.response.body", "body": body})


async def _stream(receive: Receive, send: Send, answer: StreamedAnswer, request: Request) -> None:
    """Send *answer* for as long as it lasts; HEAD wants the head alone."""
    if request.method == "HEAD":
        answer.parts.close()
    head = (
        *answer.headers,
        *_ALWAYS,
        (b"x-request-id", request.id.encode()),
        (b"content-type", answer.content_type),
    )
    await stream(receive, send, answer, head)
