"""Answers that last: sent part by part, until somebody ends them."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from actors.domain.principals import Principal
from serve_app.http.access import Scoped
from serve_app.http.exchange import StreamedAnswer
from serve_app.http.pipeline import Application, Limits
from serve_app.http.routing import Route
from serve_app.http.streaming import stream

BEARER = ((b"authorization", b"Bearer good"),)
PATIENCE_SECONDS = 30


class Numbers:
    """Counts for ever, or up to *last*, until it is closed."""

    def __init__(self, last=None):
        self.last = last
        self.closed = asyncio.Event()

    def close(self):
        self.closed.set()

    async def __aiter__(self):
        number = 0
        while not self.closed.is_set() and number != self.last:
            number += 1
            yield b"%d\n" % number
            await asyncio.sleep(0)


class Client:
    """The two halves of a connection; it leaves, or stops reading, after so many parts."""

    def __init__(self, *, leaves_after=None, stalls_after=None):
        self.sent = []
        self._leaves_after, self._stalls_after = leaves_after, stalls_after
        self._gone = asyncio.Event()

    async def receive(self):
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message):
        self.sent.append(message)
        if len(self.sent) == self._leaves_after:
            self._gone.set()
        if len(self.sent) == self._stalls_after:
            await asyncio.Event().wait()

    @property
    def is_complete(self):
        return not self.sent[-1].get("more_body", self.sent[-1]["type"] == "http.response.start")


async def streamed(client, parts, **more):
    async with asyncio.timeout(PATIENCE_SECONDS):
        answer = StreamedAnswer(parts, b"text/event-stream")
        await stream(client.receive, client.send, answer, (), **more)


async def test_parts_are_sent_as_they_come_and_then_the_end():
    client, parts = Client(), Numbers(last=3)

    await streamed(client, parts)

    assert [message.get("body") for message in client.sent] == [None, b"1\n", b"2\n", b"3\n", b""]
    assert client.is_complete
    assert parts.closed.is_set()


async def test_when_the_client_leaves_the_stream_ends():
    client, parts = Client(leaves_after=3), Numbers()

    await streamed(client, parts)

    assert parts.closed.is_set()


async def test_who_does_not_read_is_cut_off_without_an_end():
    client, parts = Client(stalls_after=3), Numbers()

    await streamed(client, parts, stalled_seconds_max=0.01)

    assert len(client.sent) == 3
    assert not client.is_complete
    assert parts.closed.is_set()


async def test_when_the_server_gives_up_the_stream_is_closed():
    parts = Numbers()
    task = asyncio.create_task(streamed(Client(stalls_after=2), parts))
    await asyncio.sleep(0)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert parts.closed.is_set()


def an_application(parts, **limits):
    async def listen(_call):
        return StreamedAnswer(parts, b"text/event-stream", ((b"x-more", b"1"),))

    async def authenticate(_authorization):
        return Principal(UUID(int=7), frozenset({"things:read"}))

    route = Route(
        method="GET",
        path="/things",
        endpoint=listen,
        access=Scoped("things:read"),
        tag="Things",
        summary="Hear of things",
        content_type="text/event-stream",
    )
    return Application([route], authenticate, limits=Limits(**limits))


async def listened(application, client, method="GET"):
    """Let *application* answer *client*."""
    scope = {
        "type": "http",
        "method": method,
        "path": "/things",
        "raw_path": b"/things",
        "query_string": b"",
        "headers": list(BEARER),
        "client": ("192.0.2.1", 1),
    }
    async with asyncio.timeout(PATIENCE_SECONDS):
        await application(scope, client.receive, client.send)


async def test_a_streamed_answer_has_the_headers_of_every_answer_and_no_length():
    client = Client()

    await listened(an_application(Numbers(last=2)), client)

    headers = dict(client.sent[0]["headers"])
    assert [message.get("body") for message in client.sent] == [None, b"1\n", b"2\n", b""]
    assert headers[b"content-type"] == b"text/event-stream"
    assert headers[b"cache-control"] == b"no-store"
    assert headers[b"x-content-type-options"] == b"nosniff"
    assert headers[b"x-more"] == b"1"
    assert b"x-request-id" in headers
    assert b"content-length" not in headers


async def test_head_gets_the_head_alone():
    client, parts = Client(), Numbers()

    await listened(an_application(parts), client, "HEAD")

    assert client.sent[0]["status"] == 200
    assert [message["body"] for message in client.sent[1:]] == [b""]
    assert parts.closed.is_set()


async def test_a_stream_holds_no_place_among_the_requests_inside():
    parts = Numbers()
    application = an_application(parts, places=1)
    clients = [Client() for _ in range(8)]
    streams = [asyncio.create_task(listened(application, client)) for client in clients]

    async with asyncio.timeout(PATIENCE_SECONDS):
        while not all(client.sent for client in clients):  # noqa: ASYNC110  nobody tells
            await asyncio.sleep(0)
    parts.close()
    await asyncio.gather(*streams)

    assert [client.sent[0]["status"] for client in clients] == [200] * 8
