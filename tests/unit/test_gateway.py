"""Identity's requests go there, but not while it has just said that it is too busy."""

from __future__ import annotations

import msgspec
import pytest

from serve_app.gateway import RESPITE_SECONDS, CarriedAnswer, Gateway

LOG_IN, REFRESH = "/v1/auth/login", "/v1/auth/refresh"


class Identity:
    """Answers with a status and remembers who was carried to it."""

    def __init__(self):
        self.status = 200
        self.carried = []

    async def __call__(self, request):
        self.carried.append(msgspec.msgpack.decode(request)[1].decode())
        return msgspec.msgpack.encode(CarriedAnswer(self.status, [], b"{}"))


@pytest.fixture
def identity():
    return Identity()


@pytest.fixture
def now():
    return [0.0]


@pytest.fixture
def ask(identity, now):
    """Return a question that tells the status of its answer."""
    gateway = Gateway(None, identity, places=4, deadline_seconds=5, clock=lambda: now[0])

    async def ask(path):
        sent = []

        async def receive():
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message):
            sent.append(message)

        scope = {
            "type": "http",
            "method": "POST",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": [],
        }
        await gateway(scope, receive, send)
        return sent[0]["status"]

    return ask


async def test_who_comes_right_after_overloaded_is_told_so_without_being_carried(
    ask, identity, now
):
    identity.status = 503
    answers = [await ask(LOG_IN), await ask(LOG_IN)]
    now[0] = RESPITE_SECONDS
    identity.status = 200
    answers.append(await ask(LOG_IN))

    assert answers == [503, 503, 200]
    assert identity.carried == [LOG_IN] * 2


async def test_other_paths_are_carried_all_the_same(ask, identity):
    identity.status = 503
    await ask(LOG_IN)
    identity.status = 200

    assert await ask(REFRESH) == 200
    assert identity.carried == [LOG_IN, REFRESH]


async def test_only_overloaded_gives_a_respite(ask, identity):
    identity.status = 401

    assert [await ask(LOG_IN), await ask(LOG_IN)] == [401, 401]
    assert identity.carried == [LOG_IN] * 2
