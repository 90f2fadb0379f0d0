"""A client that leaves in the middle: what it began happens once, and is told when asked (B82)."""

from __future__ import annotations

import json
import socket
from urllib.parse import urlsplit

from tests.acceptance.conftest import Pair
from tests.fixtures.platform import a_key

TIMES = 20


def test_leaving_and_coming_back_with_the_same_key_is_one_effect(platform):
    ada, wallet = platform.funded("100.00")
    bob = platform.person("Bob Stone")
    pair = Pair(ada, wallet, bob, bob.wallet())

    for n in range(TIMES):
        _send_and_leave(platform, pair, f"k{n}")
    answers = [
        ada.http.post("/v1/transfers", json=pair.body(), headers=a_key(f"k{n}"))
        for n in range(TIMES)
    ]

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == TIMES
    assert pair.balance() == ("80.00", 1 + TIMES)


def _send_and_leave(platform, pair, key):
    """Send a whole request and close without a look at the answer."""
    where, content = urlsplit(platform.url), json.dumps(pair.body()).encode()
    head = (
        f"POST /v1/transfers HTTP/1.1\r\nHost: x\r\nIdempotency-Key: {key}\r\n"
        f"Authorization: {pair.ada.http.headers['Authorization']}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    with socket.create_connection((where.hostname, where.port)) as line:
        line.sendall(head.encode() + content)
