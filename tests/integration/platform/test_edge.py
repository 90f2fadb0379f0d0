"""What hostile clients send to the real HAProxy and Serve (rows B13 to B17 and B21)."""

from __future__ import annotations

import json
import re
import secrets
import select
import socket

import pytest

from tests.integration.platform.scenes import in_the_ingress, marks

PATIENCE_SECONDS = 20  # more than a slow client is given
SLOW_CLIENTS = 50

pytestmark = [*marks, in_the_ingress]


@pytest.fixture
def request_of(up):
    """Return a writer of requests of somebody with money."""
    up.town.log_in()
    person = up.town.people[0]

    def write(*lines, method="POST", path="/v1/transfers"):
        head = [f"{method} {path} HTTP/1.1", f"Authorization: Bearer {person.token}", *lines]
        if not any(line.lower().startswith("host:") for line in lines):
            head.append("Host: localhost")
        return "\r\n".join(head).encode("latin-1") + b"\r\n\r\n"

    return write


@pytest.fixture
def last_word(request_of):
    """Return a request that ends the connection, so that all answers can be read."""

    def write(*lines, method="GET", path="/v1/accounts"):
        return request_of("Connection: close", *lines, method=method, path=path)

    return write


@pytest.fixture
def smuggled(up, request_of):
    """Yield a transfer that must not be seen, and hold that it never happened."""
    source, destination = up.town.people[0].accounts[:2]
    body = json.dumps(
        {
            "source_account_id": source,
            "destination_account_id": destination,
            "amount": "0.01",
            "currency": "USD",
        }
    ).encode()
    key = secrets.token_hex(12)
    head = request_of(
        "Content-Type: application/json", f"Content-Length: {len(body)}", f"Idempotency-Key: {key}"
    )
    yield head + body
    assert up.rows("SELECT id FROM transfers WHERE idempotency_key = %s", key) == []


def opened(up):
    return socket.create_connection(up.address, timeout=PATIENCE_SECONDS)


def answers(up, *parts):
    """Send *parts* as they are and return all that comes until the connection is closed."""
    with opened(up) as line:
        try:
            for part in parts:
                line.sendall(part)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before it was all sent; the answer is there to be read
        return all_of(line)


def all_of(line):
    received = b""
    try:
        while chunk := line.recv(65_536):
            received += chunk
    except ConnectionResetError:
        pass
    return received


def statuses(received):
    return [int(status) for status in re.findall(rb"^HTTP/1\.1 (\d{3})", received, re.MULTILINE)]


@pytest.mark.parametrize(
    "line",
    [
        "x-request-timeout-seconds: nan",
        "x-request-timeout-seconds: 0",
        "x-request-timeout-seconds: -1",
        "x-request-timeout-seconds: \xff\xfe",
        "x-request-disconnect-disabled: ?0",
        "x-request-disconnect-disabled: \xff",
        "serve_multiplexed_model_id: no such model",
        "x-session-id: \xff",
        "X-Anything: \xff\xfe",
        "X-Request-Id: a b",
        "X-Request-Id: \xff",
        "X-Request-Id: " + "a" * 200,
        "X-Forwarded-For: 10.0.0.1, \xff",
    ],
)
def test_a_header_commands_nothing_and_the_answer_has_one_id(up, last_word, line):
    received = answers(up, last_word(line))

    assert statuses(received) == [200]
    assert len(re.findall(rb"(?i)^x-request-id: [0-9a-f]{32}\r$", received, re.MULTILINE)) == 1
    assert received.lower().count(b"x-request-id:") == 1


def test_a_well_formed_request_id_is_taken_over(up, last_word):
    received = answers(up, last_word("X-Request-Id: ours-123", path="/v1/nowhere"))

    assert statuses(received) == [404]
    assert re.findall(rb"(?i)x-request-id: ([^\r]*)", received) == [b"ours-123"]
    assert b'"request_id":"ours-123"' in received


@pytest.mark.parametrize(
    "lines",
    [
        ("Content-Length: 5", "Transfer-Encoding: chunked"),
        ("Content-Length: 0", "Transfer-Encoding: chunked"),
        ("Content-Length: 5", "Content-Length: 3"),
        ("Content-Length: -1",),
        ("Content-Length: +5",),
        ("Content-Length: 5x",),
        ("Transfer-Encoding: chunked, identity",),
        ("Transfer-Encoding: xchunked",),
        ("Transfer-Encoding : chunked",),
    ],
)
def test_two_readings_of_a_length_never_smuggle_a_request(up, request_of, smuggled, lines):
    first = request_of("Content-Type: application/json", "Idempotency-Key: k", *lines)

    received = answers(up, first + b"0\r\n\r\n" + smuggled)

    assert statuses(received) == [400]


@pytest.mark.parametrize(
    "chunk",
    [
        b"zz\r\n{}\r\n0\r\n\r\n",
        b"-1\r\n{}\r\n",
        b"1\r\n{}{}\r\n",
        b"2\n{}\n0\n\n",
        b"F" * 17 + b"\r\n",
    ],
)
def test_a_bad_chunk_ends_the_connection(up, request_of, smuggled, chunk):
    first = request_of(
        "Content-Type: application/json", "Idempotency-Key: k", "Transfer-Encoding: chunked"
    )

    received = answers(up, first + chunk + smuggled)

    assert statuses(received) == [400]


def test_slow_clients_are_let_go_and_hold_nobody_up(up, request_of, last_word):
    head = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-"
    body = request_of("Content-Type: application/json", "Content-Length: 100", "Idempotency-Key: k")
    lines = [opened(up) for _ in range(SLOW_CLIENTS)]
    for number, line in enumerate(lines):
        line.sendall(head if number else body + b"{")

    meanwhile = statuses(answers(up, last_word()))
    let_go, _, _ = select.select(lines, [], [], 0)
    ends = [line.recv(65_536) for line in lines]
    for line in lines:
        line.close()

    assert meanwhile == [200]
    assert let_go == []
    assert {tuple(statuses(end)) for end in ends} == {(408,)}


@pytest.mark.parametrize(
    "lines", [["X-Long: " + "a" * 65_536], [f"X-{number}: a" for number in range(1_000)]]
)
def test_headers_without_end_are_refused(up, last_word, lines):
    assert statuses(answers(up, last_word(*lines))) in ([400], [431])


def test_a_target_without_end_is_refused(up, last_word):
    received = answers(up, last_word(path="/v1/" + "a" * 16_384))

    assert statuses(received) in ([400], [414])


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND", "BREW", "get", "G@T"])
def test_a_method_that_is_not_served_is_refused(up, last_word, method):
    received = answers(up, last_word(method=method))

    assert statuses(received) in ([400], [405], [501])
    assert (statuses(received) == [405]) == (b"\r\nallow: " in received)


@pytest.mark.parametrize(
    "target",
    [
        "http://evil.example/v1/accounts",
        "@evil.example/v1/accounts",
        "evil.example",
        "//evil.example/v1/accounts",
        "/v1/accounts#x",
        "/v1/acc ounts",
        "/v1/\xff",
        "*",
    ],
)
def test_a_target_that_is_no_path_of_ours_leads_nowhere(up, last_word, target):
    assert statuses(answers(up, last_word(path=target))) in ([400], [404], [421])


@pytest.mark.parametrize(
    "lines",
    [["Host: evil.example"], ["X-Forwarded-Host: evil.example"], ["Forwarded: host=evil.example"]],
)
def test_a_forged_host_changes_no_link(up, last_word, lines):
    received = answers(up, last_word(*lines, path="/docs"))

    assert statuses(received) == [200]
    assert b"evil.example" not in received


@pytest.mark.parametrize(
    "line",
    ["X-A: b\rc", "X-A: b\x00c", "X A: b", ": b", "X-A", "Host: a\r\nHost: b", "Host: a/b@c"],
)
def test_a_line_that_is_no_header_is_refused(up, last_word, line):
    assert statuses(answers(up, last_word(line))) == [400]


def test_a_request_id_cannot_break_the_line(up, last_word):
    received = answers(up, last_word("X-Request-Id: a\x01b"))

    assert statuses(received) in ([200], [400])
    assert b"\x01" not in received
