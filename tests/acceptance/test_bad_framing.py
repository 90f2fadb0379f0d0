"""What is wrong around a body: sizes, methods, paths, headers (rows B10, B13 to B22)."""

from __future__ import annotations

import json
import re
import select
import socket
from urllib.parse import urlsplit

import pytest

from tests.acceptance.conftest import assert_problem
from tests.fixtures.platform import a_key

TEN_MB = 10_000_000
PATIENCE_SECONDS = 15


def raw(platform, *parts):
    """Send *parts* as they are and return everything that comes until the server closes."""
    where = urlsplit(platform.url)
    with socket.create_connection((where.hostname, where.port), timeout=PATIENCE_SECONDS) as line:
        for part in parts:
            try:
                line.sendall(part)
            except (BrokenPipeError, ConnectionResetError):
                break
        return _all_of(line)


def _all_of(line):
    received = b""
    try:
        while chunk := line.recv(65_536):
            received += chunk
    except ConnectionResetError:
        pass
    return received


def statuses(received):
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3})", received)]


def request(pair, *lines, method="POST", path="/v1/transfers"):
    """Return the head of a request with a credential, which asks to be the last."""
    head = [
        f"{method} {path} HTTP/1.1",
        "Host: x",
        f"Authorization: {pair.ada.http.headers['Authorization']}",
        "Content-Type: application/json",
        "Idempotency-Key: k",
        "Connection: close",
        *lines,
    ]
    return "\r\n".join(head).encode() + b"\r\n\r\n"


def test_a_body_that_says_it_is_too_large_is_refused_before_it_is_read(platform, without_effect):
    head = request(without_effect, f"Content-Length: {TEN_MB}")

    received = raw(platform, head)  # and not one byte of the body

    assert statuses(received) == [413]
    assert b'"code":"body-too-large"' in received


def test_a_body_without_a_length_is_cut_at_the_limit(platform, without_effect):
    head = request(without_effect, "Transfer-Encoding: chunked")
    chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"

    received = raw(platform, head, chunk, chunk)  # no last chunk: the answer comes without it

    assert statuses(received) == [413]


def test_a_bulk_may_be_larger(without_effect):
    content = json.dumps({"mode": "independent", "transfers": [" " * 100_000]}).encode()
    headers = {"Content-Type": "application/json"}

    larger = without_effect.ada.http.post("/v1/transfers/bulk", content=content, headers=headers)
    too_large = without_effect.ada.http.post(
        "/v1/transfers/bulk", content=b" " * (2 * 1024 * 1024 + 1), headers=headers
    )

    assert larger.status_code == 200
    assert_problem(too_large, 413, "body-too-large")


@pytest.mark.parametrize(
    "lines",
    [
        ("Content-Length: 2", "Transfer-Encoding: chunked"),
        ("Content-Length: 2", "Content-Length: 3"),
        ("Content-Length: -1",),
        ("Content-Length: +2",),
        ("Content-Length: 2x",),
        ("Transfer-Encoding: chunked, identity",),
    ],
)
def test_two_readings_of_one_length_never_smuggle_a_request(platform, without_effect, lines):
    smuggled = b"0\r\n\r\n" + request(without_effect, method="GET", path="/healthz")

    received = raw(platform, request(without_effect, *lines) + smuggled)

    assert statuses(received) == [400]
    assert b'"status":"ok"' not in received


@pytest.mark.parametrize("chunk", [b"zz\r\n{}\r\n0\r\n\r\n", b"-1\r\n{}\r\n", b"1\r\n{}{}\r\n"])
def test_a_bad_chunk_ends_the_connection(platform, without_effect, chunk):
    received = raw(platform, request(without_effect, "Transfer-Encoding: chunked") + chunk)

    assert set(statuses(received)) <= {400}


def test_a_slow_sender_is_let_go_and_holds_nobody_up(platform, without_effect):
    where = urlsplit(platform.url)
    with socket.create_connection((where.hostname, where.port), timeout=PATIENCE_SECONDS) as line:
        line.sendall(request(without_effect, "Content-Length: 100") + b"{")

        meanwhile = platform.anonymous.get("/healthz")
        let_go, _, _ = select.select([line], [], [], 0)
        received = _all_of(line)

    assert meanwhile.status_code == 200
    assert let_go == []
    assert statuses(received) == [408]


@pytest.mark.parametrize("path", ["/v1/transfers", "/v1/accounts", "/healthz"])
@pytest.mark.parametrize("method", ["TRACE", "PUT", "DELETE", "PROPFIND", "BREW"])
def test_a_method_that_is_not_known_is_answered_with_those_that_are(platform, method, path):
    answer = platform.anonymous.request(method, path)

    if answer.headers["content-type"].startswith("text/plain"):
        assert answer.status_code == 400  # below the application: no method of HTTP's registry
        return
    assert_problem(answer, 405, "method-not-allowed")
    assert {"OPTIONS", "GET", "HEAD"} <= set(answer.headers["allow"].split(", "))


def test_options_names_the_methods_and_nothing_else(platform):
    answer = platform.anonymous.options("/v1/transfers")

    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS, POST"


def test_head_is_get_without_its_body(platform, pair):
    client, path = pair.ada.http, f"/v1/accounts/{pair.wallet}"

    got, headed = client.get(path), client.head(path)

    assert headed.status_code == got.status_code == 200
    assert headed.content == b""
    assert headed.headers["content-length"] == got.headers["content-length"]
    assert platform.anonymous.head("/healthz").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "//v1/accounts",
        "/v1//accounts",
        "/v1/accounts/",
        "/v1/accounts;x",
        "/v1/accounts;x=1",
        "/v1/./accounts",
        "/v1/../v1/accounts",
        "/v1/%2e%2e/v1/accounts",
        "/v1/%61ccounts",
        "/v1/accounts%00",
        "/v1/accounts%2F",
        "/V1/accounts",
        "/v1/Accounts",
        "/v1/accounts/{}",
        "/v1/accounts/1",
        "/v1/accounts/01890A5D-AC96-774B-BCCE-B302099A8057",
        "/v1/accounts/01890a5dac96774bbcceb302099a8057",
        "/v1/accounts/01890a5d-ac96-774b-bcce-b302099a8057/",
        "/v1/holds",
        "/v1/quotes",
        "/v1/schedules",
        "/.git/config",
        "/debug",
        "/",
    ],
)
def test_another_path_is_another_path(platform, without_effect, path):
    received = raw(platform, request(without_effect, method="GET", path=path))

    assert statuses(received) == [404]
    assert b'"code":"not-found"' in received


@pytest.mark.parametrize("target", ["@evil.example/v1/accounts", "evil", "v1/accounts"])
def test_a_target_that_is_no_path_is_refused(platform, without_effect, target):
    received = raw(platform, request(without_effect, method="GET", path=target))

    assert statuses(received) == [400]


@pytest.mark.parametrize("head", ["Host: evil.example", "X-Forwarded-Host: evil.example"])
def test_a_forged_host_changes_nothing(platform, head):
    received = raw(platform, f"GET /docs HTTP/1.1\r\nConnection: close\r\n{head}\r\n\r\n".encode())

    assert b"evil.example" not in received


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "10.0.0.1", "X-Real-IP": "10.0.0.1"},
        {"X-User-Id": "00000000-0000-0000-0000-000000000001", "X-Forwarded-User": "root"},
        {"X-HTTP-Method-Override": "DELETE"},
        {"x-request-timeout-seconds": "0"},
        {"x-request-timeout-seconds": "nan"},
        {"x-request-timeout-seconds": "inf"},
        {"x-request-timeout-seconds": "-1"},
        {"x-request-timeout-seconds": b"\xff\xfe"},
        {"x-request-disconnect-disabled": "?1"},
        {"Origin": "https://evil.example", "Cookie": "a=b"},
    ],
)
def test_a_header_that_is_not_ours_has_no_meaning(pair, headers):
    answer = pair.ada.http.get("/v1/accounts", headers=headers)

    assert answer.status_code == 200
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize("request_id", ["abc-123_X.9", "a" * 128])
def test_a_well_formed_request_id_is_taken_over(platform, request_id):
    answer = platform.anonymous.get("/v1/accounts", headers={"X-Request-Id": request_id})

    assert answer.headers["x-request-id"] == request_id
    assert answer.json()["request_id"] == request_id


@pytest.mark.parametrize("request_id", ["", "a" * 129, "a b", "a\tb", "é".encode(), "<script>"])
def test_another_request_id_is_replaced(platform, request_id):
    answer = platform.anonymous.get("/healthz", headers={"X-Request-Id": request_id})

    assert re.fullmatch("[0-9a-f]{32}", answer.headers["x-request-id"])


@pytest.mark.parametrize("line", ["X-A: b\rc", "X-A: b\x00c", "X A: b", ": b"])
def test_a_header_that_is_no_header_is_refused(platform, without_effect, line):
    received = raw(platform, request(without_effect, line, method="GET"))

    assert statuses(received) == [400]


def test_headers_without_end_are_refused(platform, without_effect):
    line = f"X-Long: {'a' * 70_000}"

    received = raw(platform, request(without_effect, line, method="GET"))

    assert statuses(received) == [431]


def test_a_thousand_headers_are_refused(pair):
    answer = pair.ada.http.get("/v1/accounts", headers={f"X-{n}": "a" for n in range(1_000)})

    assert_problem(answer, 431, "headers-too-large")


def test_a_long_target_is_not_found(pair):
    assert pair.ada.http.get(f"/v1/{'a' * 16_000}").status_code in {404, 414}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=-1", "limit"),
        ("limit=1000000000", "limit"),
        ("limit=1e1", "limit"),
        ("limit=+5", "limit"),
        ("limit=05", "limit"),
        ("limit=", "limit"),
        ("limit=5&limit=5", "limit"),
        ("status=any", "status"),
        ("status=", "status"),
        ("offset=1", ""),
        ("owner_id=1", ""),
        ("Limit=5", ""),
        ("limit", ""),
        ("%ff=1", ""),
        ("status=%ff", ""),
        ("=1", ""),
        ("access_token=x", ""),
    ],
)
def test_a_query_is_read_as_strictly_as_a_body(pair, query, field):
    assert_problem(
        pair.ada.http.get(f"/v1/accounts?{query}"), 422, "validation-failed", field=field
    )


@pytest.mark.parametrize("query", ["dry_run=1", "dry_run=TRUE", "dry_run=", "dry_run=true&x=1"])
def test_a_dry_run_is_asked_for_in_one_way(without_effect, query):
    answer = without_effect.ada.http.post(
        f"/v1/transfers?{query}", json=without_effect.body(), headers=a_key()
    )

    assert_problem(answer, 422, "validation-failed")


@pytest.mark.parametrize(
    "at",
    [
        "2026-01-31",
        "2026-01-31T12:00:00",
        "2026-01-31 12:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-02-30T00:00:00Z",
        "2026-01-31T24:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "2999-01-01T00:00:00Z",
        "1769860800",
        "now",
        "",
    ],
)
def test_a_moment_is_one_of_the_past_in_rfc_3339(pair, at):
    answer = pair.ada.http.get(f"/v1/accounts/{pair.wallet}/balance", params={"at": at})

    assert_problem(answer, 422, "validation-failed", field="at")


def test_before_the_opening_an_account_held_nothing(pair):
    long_ago = {"at": "0001-01-01T00:00:00Z"}

    balance = pair.ada.http.get(f"/v1/accounts/{pair.wallet}/balance", params=long_ago).json()

    assert balance == {
        "posted": "0.00",
        "held": "0.00",
        "available": "0.00",
        "currency": "USD",
        "version": 0,
        "at": "0001-01-01T00:00:00.000000Z",
    }
