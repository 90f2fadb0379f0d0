"""What a client sends to the edge, and what goes on to Serve."""

from __future__ import annotations

import pytest

from serve_app.edge import Edge
from serve_app.lane import Lane

CLIENT = (b"x-request-id", b"mine-1")


async def passed(*headers, trusted_proxies=0, answered=()):
    """Return the scope that went on, and the headers of the answer that came back."""
    seen, sent = {}, []

    async def serve(scope, _receive, send):
        seen.update(scope)
        await send({"type": "http.response.start", "status": 200, "headers": list(answered)})

    async def send(message):
        sent.append(message)

    await Edge(serve, trusted_proxies, Lane())(request(headers), None, send)
    return seen, sent[0]["headers"]


def request(headers=(), path="/v1/accounts"):
    return {"type": "http", "path": path, "headers": list(headers), "client": ("127.0.0.1", 9)}


@pytest.mark.parametrize(
    "name",
    [
        b"x-request-timeout-seconds",
        b"serve_multiplexed_model_id",
        b"x-session-id",
        b"x-serve-router-hint",
        b"\xff\xfe",
    ],
)
async def test_what_this_api_does_not_read_does_not_go_on(name):
    scope, _ = await passed((name, b"\xff"), CLIENT)

    assert name not in dict(scope["headers"])


async def test_a_client_cannot_ask_to_be_cancelled():
    scope, _ = await passed((b"x-request-disconnect-disabled", b"?0"))

    assert [value for name, value in scope["headers"] if b"disconnect" in name] == [b"?1"]


async def test_a_well_formed_request_id_is_taken_over_and_answered_once():
    scope, answer = await passed(
        CLIENT, answered=[(b"X-Request-ID", b"another"), CLIENT, (b"a", b"b")]
    )

    assert dict(scope["headers"])[b"x-request-id"] == b"mine-1"
    assert answer == [(b"a", b"b"), CLIENT]


async def test_a_malformed_request_id_is_replaced():
    scope, answer = await passed((b"x-request-id", b"a b\xff"))
    replaced = dict(scope["headers"])[b"x-request-id"]

    assert replaced.isalnum()
    assert answer == [(b"x-request-id", replaced)]


@pytest.mark.parametrize(
    ("forwarded", "trusted_proxies", "source"),
    [
        ([], 0, "127.0.0.1"),
        ([b"192.0.2.7"], 0, "192.0.2.7"),
        ([b"6.6.6.6", b"192.0.2.7"], 0, "192.0.2.7"),
        ([b"6.6.6.6, 192.0.2.7"], 0, "192.0.2.7"),
        ([b"6.6.6.6, 198.51.100.1, 192.0.2.7"], 1, "198.51.100.1"),
        ([b"192.0.2.7"], 3, "192.0.2.7"),
    ],
)
async def test_only_our_proxies_say_who_asks(forwarded, trusted_proxies, source):
    headers = [(b"x-forwarded-for", value) for value in forwarded]

    scope, _ = await passed(*headers, trusted_proxies=trusted_proxies)

    assert scope["client"][0] == source


@pytest.mark.parametrize(
    ("path", "answered_by"),
    [("/v1/transfers", "application"), ("/readyz", "application"), ("/-/healthz", "Serve")],
)
async def test_an_open_lane_takes_all_but_what_serve_asks_itself(path, answered_by):
    answering = []

    async def serve(_scope, _receive, _send):
        answering.append("Serve")

    async def application(_scope, _receive, _send):
        answering.append("application")

    await Edge(serve, 0, Lane(application))(request(path=path), None, None)

    assert answering == [answered_by]


async def test_the_lane_knows_who_asks():
    seen = {}

    async def application(scope, _receive, _send):
        seen.update(scope)

    await Edge(None, 0, Lane(application))(
        request([(b"x-forwarded-for", b"192.0.2.7")]), None, None
    )

    assert seen["client"][0] == "192.0.2.7"
