"""Streams through the real HAProxy: beside the places of requests, and for as long as they last."""

from __future__ import annotations

import selectors
import socket
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from actors.ids import new_id
from actors.security.opaque_tokens import new_api_key
from tests.integration.platform.scenes import in_the_ingress, marks
from tests.integration.platform.up import wait_for

LISTENERS = 30
STREAMS_EACH = 10  # 300 in all; HAProxy lets 256 requests into a replica
REQUESTS = 40
PATIENCE_SECONDS = 60
HEARTBEATS = 3  # two lie 15 s apart, and HAProxy cuts off a client that is silent for 30

pytestmark = [*marks, in_the_ingress]

COPY_USER = """
INSERT INTO users (id, email_index, kek_id, data_key, email_sealed, full_name_sealed, status)
SELECT %s, sha256(%s::text::bytea), kek_id, data_key, email_sealed, full_name_sealed, 'active'
FROM users LIMIT 1 RETURNING id
"""
ADD_KEY = """
INSERT INTO api_keys (id, user_id, name, scopes, secret_hash)
VALUES (%s, %s, 'tests', '{notifications:read}', %s) RETURNING id
"""
TELL = """
WITH counted AS (
    INSERT INTO notification_counters AS c VALUES (%s, 1)
    ON CONFLICT (user_id) DO UPDATE SET last_number = c.last_number + 1 RETURNING *
)
INSERT INTO notifications (user_id, number, id, event_id, kind, title, body, data)
SELECT user_id, last_number, gen_random_uuid(), gen_random_uuid(), 'login.new', 't', 'b', '{}'
FROM counted RETURNING id
"""


@dataclass
class Stream:
    """An open stream, and all that came on it."""

    line: socket.socket
    received: bytes = b""
    ended: bool = False

    def read(self):
        part = self.line.recv(65_536)
        self.received += part
        self.ended = self.ended or not part

    def count(self, what):
        return self.received.count(what)


@pytest.fixture
def listeners(up):
    """Return people who only listen, with an API key each."""
    people = []
    for _ in range(LISTENERS):
        user_id, key = new_id(), new_api_key(new_id())
        up.rows(COPY_USER, user_id, user_id)
        up.rows(ADD_KEY, key.id, user_id, key.fingerprint)
        people.append((user_id, key.text))
    return people


def test_open_streams_take_no_place_of_a_request_and_outlive_every_timeout(up, listeners):
    up.town.log_in()
    with ExitStack() as open_lines, selectors.DefaultSelector() as selector:
        streams = [
            _opened(up, key, open_lines) for _, key in listeners for _ in range(STREAMS_EACH)
        ]
        for stream in streams:
            selector.register(stream.line, selectors.EVENT_READ, stream)

        def all_have(what, times):
            for ready, _ in selector.select(timeout=0.1):
                ready.data.read()
            assert not any(stream.ended for stream in streams)
            return all(stream.count(what) >= times for stream in streams)

        wait_for(lambda: all_have(b"HTTP/1.1 200 OK\r\n", 1), PATIENCE_SECONDS)
        statuses = [_ask(up) for _ in range(REQUESTS)]
        for user_id, _ in listeners:
            up.rows(TELL, user_id)

        assert statuses == [200] * REQUESTS
        wait_for(lambda: all_have(b"event: notification\n", 1), PATIENCE_SECONDS)
        wait_for(lambda: all_have(b"\n:\n\n", HEARTBEATS), 2 * PATIENCE_SECONDS)
        assert {stream.count(b"event: notification\n") for stream in streams} == {1}


def _opened(up, key, open_lines):
    line = open_lines.enter_context(socket.create_connection(up.address, timeout=PATIENCE_SECONDS))
    head = [
        "GET /v1/notifications/stream HTTP/1.1",
        "Host: localhost",
        f"Authorization: Bearer {key}",
    ]
    line.sendall("\r\n".join(head).encode() + b"\r\n\r\n")
    return Stream(line)


def _ask(up):
    bearer = {"Authorization": f"Bearer {up.town.people[0].token}"}
    return up.town.http.get("/v1/accounts", headers=bearer).status_code
