"""The order of the checks, and what ends a request before or after them."""

from __future__ import annotations

import asyncio
import json
from uuid import UUID

import pytest

from actors.domain.errors import InsufficientFunds, Unauthenticated
from actors.domain.principals import Principal
from serve_app.http.access import Public, Scoped, Session
from serve_app.http.exchange import ok
from serve_app.http.pipeline import Application, Limits
from serve_app.http.routing import KeyPolicy, Route
from serve_app.http.texts import Body, Name, Query, Verbatim
from tests.fixtures.asgi import ask

ADA = Principal(UUID(int=7), frozenset({"things:write"}))
JSON = (b"content-type", b"application/json")
BEARER = (b"authorization", b"Bearer good")
KEY = (b"idempotency-key", b"k")


class Thing(Body, frozen=True):
    name: Name
    secret: Verbatim | None = None


class HowMany(Query, frozen=True):
    count: int = 1
    dry_run: bool = False


async def authenticate(authorization):
    if authorization != b"Bearer good":
        raise Unauthenticated
    return ADA


def an_application(endpoint, *, method="POST", limits=None, **more):
    route = Route(
        method=method,
        path="/things",
        endpoint=endpoint,
        access=more.pop("access", Scoped("things:write")),
        tag="Things",
        summary="A thing",
        **more,
    )
    return Application([route], authenticate, limits=limits)


async def echo(call):
    return ok({"key": call.idempotency_key, "who": str(call.principal.id)})


@pytest.fixture
def things():
    return an_application(echo, body=Thing, query=HowMany, key=KeyPolicy.REQUIRED_UNLESS_DRY_RUN)


WRONG_IN_EVERYTHING = {
    "path": "/nothing",
    "method": "DELETE",
    "headers": (
        (b"authorization", b"Bearer bad"),
        (b"content-length", b"9999999"),
        (b"content-type", b"text/plain"),
        (b"idempotency-key", b"a b"),
    ),
    "parts": (b'{"name": 5, "name": 6}',),
}


def mended(*fixes):
    """Return a request in which only *fixes* are right."""
    wrong = {**WRONG_IN_EVERYTHING, "headers": dict(WRONG_IN_EVERYTHING["headers"])}
    for fix in fixes:
        if isinstance(fix, dict):
            wrong |= fix
        else:
            wrong["headers"][fix[0]] = fix[1]
    return wrong | {"headers": wrong["headers"].items()}


PATH, METHOD = {"path": "/things"}, {"method": "POST"}
SIZE, WELL_FORMED = (b"content-length", b"22"), {"parts": (b'{"name": 5}',)}
FIXES = [PATH, METHOD, BEARER, SIZE, JSON, WELL_FORMED, KEY]
CODES = [
    "not-found",
    "method-not-allowed",
    "unauthenticated",
    "body-too-large",
    "content-type-unsupported",
    "json-malformed",
    "idempotency-key-invalid",
    "validation-failed",
]


@pytest.mark.parametrize(("right", "code"), list(enumerate(CODES)), ids=CODES)
async def test_the_first_of_all_wrong_things_is_the_answer(things, right, code):
    request = mended(*FIXES[:right])

    told = await ask(things, request.pop("method"), request.pop("path"), **request)

    assert told.problem["code"] == code


async def test_a_request_that_passes_reaches_the_endpoint(things):
    told = await ask(
        things, "POST", "/things", headers=[BEARER, JSON, KEY, SIZE], parts=(b'{"name":', b'"a"}')
    )

    assert told.status == 200
    assert json.loads(told.body) == {"key": "k", "who": str(ADA.id)}


async def test_a_dry_run_needs_no_key_and_uses_none(things):
    told = await ask(
        things,
        "POST",
        "/things",
        headers=[BEARER, JSON, KEY, SIZE],
        parts=(b'{"name":"a"}',),
        query=b"dry_run=true",
    )

    assert json.loads(told.body)["key"] is None


@pytest.mark.parametrize(
    ("access", "status"), [(Public(), 200), (Session(), 403), (Scoped("other:read"), 403)]
)
async def test_the_policy_decides_before_the_endpoint(access, status):
    told = await ask(
        an_application(echo, method="GET", access=access), "GET", "/things", headers=[BEARER]
    )

    assert told.status == status


async def test_a_nul_is_taken_in_a_verbatim_text_and_refused_in_any_other(things):
    async def with_member(member):
        body = b'{"name":"a",' + member + b"}" if b"secret" in member else b"{" + member + b"}"
        head = [BEARER, JSON, KEY, (b"content-length", b"%d" % len(body))]
        return await ask(things, "POST", "/things", headers=head, parts=(body,))

    assert (await with_member(b'"secret":"\\u0000"')).status == 200
    assert (await with_member(b'"secret":"\\ud800"')).status == 422
    assert (await with_member(b'"name":"\\u0000"')).status == 422


@pytest.mark.parametrize(
    ("method", "status", "code"),
    [("GET", 503, "overloaded"), ("POST", 504, "outcome-unknown")],
)
async def test_past_its_deadline_a_read_failed_and_a_write_is_unknown(method, status, code):
    async def never(_call):
        await asyncio.Event().wait()

    limits = Limits(deadline_seconds=0.0, grace_seconds=0.0)
    late = an_application(never, method=method, limits=limits)

    told = await ask(late, method, "/things", headers=[BEARER])

    assert (told.status, told.problem["code"]) == (status, code)
    assert told.problem["retryable"] is True
    assert told.headers[b"retry-after"] == b"1"


async def test_who_finds_every_place_taken_is_told_at_once():
    inside, leave = asyncio.Event(), asyncio.Event()

    async def stay(_call):
        inside.set()
        await leave.wait()
        return ok({})

    full = an_application(stay, method="GET", limits=Limits(places=1))
    first = asyncio.create_task(ask(full, "GET", "/things", headers=[BEARER]))
    await inside.wait()

    refused = await ask(full, "GET", "/things", headers=[BEARER])
    leave.set()

    assert (refused.status, refused.problem["code"]) == (503, "overloaded")
    assert refused.headers[b"retry-after"] == b"1"
    assert (await first).status == 200
    assert (await ask(full, "GET", "/things", headers=[BEARER])).status == 200


async def test_a_failure_nobody_foresaw_says_nothing_but_its_request():
    async def break_down(_call):
        raise RuntimeError("SELECT secret FROM passwords")

    told = await ask(
        an_application(break_down, method="GET"),
        "GET",
        "/things",
        headers=[BEARER, (b"x-request-id", b"r-1")],
    )

    assert told.status == 500
    assert told.problem == {
        "type": "https://gopherpay.dev/problems/internal",
        "title": "Something went wrong.",
        "status": 500,
        "detail": "Something went wrong.",
        "code": "internal",
        "retryable": False,
        "request_id": "r-1",
    }


async def test_a_refusal_shows_amounts_as_decimals():
    async def refuse(_call):
        raise InsufficientFunds(available_minor=5, requested_minor=1_000, currency="KWD")

    told = await ask(an_application(refuse, method="GET"), "GET", "/things", headers=[BEARER])

    assert told.status == 422
    assert (told.problem["available"], told.problem["requested"]) == ("0.005", "1.000")


async def test_a_client_that_goes_away_is_told_nothing(things):
    head = [BEARER, JSON, KEY, (b"content-length", b"100")]

    assert await ask(things, "POST", "/things", headers=head, parts=()) is None


async def test_a_body_over_the_limit_is_not_read_to_its_end():
    small = an_application(echo, body=Thing, body_limit_bytes=2_500)
    taken, sent = [], []

    async def receive():
        taken.append(1)
        return {"type": "http.request", "body": b" " * 1_000, "more_body": True}

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/things",
        "query_string": b"",
        "headers": [BEARER, JSON, (b"transfer-encoding", b"chunked")],
    }
    await small(scope, receive, send)

    assert sent[0]["status"] == 413
    assert len(taken) == 3


async def test_the_application_begins_and_ends_with_its_server():
    events = []
    messages = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

    async def receive():
        return next(messages)

    async def send(message):
        events.append(message["type"])

    await Application([], authenticate)({"type": "lifespan"}, receive, send)

    assert events == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
