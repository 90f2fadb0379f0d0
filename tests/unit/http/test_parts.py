"""Routes, cursors, keys, problems, metrics and the document, each for itself."""

from __future__ import annotations

import importlib
import pkgutil
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import actors.domain
from actors.domain.errors import (
    GopherPayError,
    KeyInProgress,
    KeyReused,
    NotFound,
    OutcomeUnknown,
    Overloaded,
    Refused,
    Throttled,
    Unauthenticated,
)
from serve_app.http.access import Public
from serve_app.http.cursors import Cursors
from serve_app.http.errors import (
    CursorInvalid,
    KeyInvalid,
    KeyMissing,
    MethodNotAllowed,
)
from serve_app.http.exchange import ok
from serve_app.http.idempotency import fingerprint, key_of
from serve_app.http.metrics import Meter
from serve_app.http.problems import document, problem, status_of, title_of
from serve_app.http.routing import KeyPolicy, Route, Router
from serve_app.openapi.document import document as openapi_document
from serve_app.openapi.page import page
from serve_app.routes.commands import NewTransfer

ID = "01890a5d-ac96-774b-bcce-b302099a8057"
ADA, BOB = UUID(int=1), UUID(int=2)
POSITIONS = st.lists(st.text() | st.integers(-(2**62), 2**62), min_size=1, max_size=3).map(tuple)


async def nobody(_call):
    return ok({})


def a_route(method="GET", path="/things", **more):
    given_or_not = {"access": Public(), "tag": "Things", "summary": "Things"} | more
    return Route(method=method, path=path, endpoint=nobody, **given_or_not)


def test_a_route_without_a_policy_cannot_be_made():
    with pytest.raises(TypeError, match="access"):
        Route(method="GET", path="/", endpoint=nobody, tag="", summary="")


def test_a_path_and_method_belong_to_one_route():
    with pytest.raises(ValueError, match="twice"):
        Router([a_route(), a_route()])


@pytest.fixture
def router():
    return Router(
        [
            a_route(),
            a_route("POST"),
            a_route("POST", "/things/bulk"),
            a_route("GET", "/things/{thing_id}"),
            a_route("DELETE", "/things/{thing_id}/parts/{part_id}"),
        ]
    )


@pytest.mark.parametrize(
    ("path", "methods", "count"),
    [
        ("/things", "GET, HEAD, OPTIONS, POST", 0),
        ("/things/bulk", "OPTIONS, POST", 0),
        (f"/things/{ID}", "GET, HEAD, OPTIONS", 1),
        (f"/things/{ID}/parts/{ID}", "DELETE, OPTIONS", 2),
    ],
)
def test_a_path_names_a_resource_and_its_ids(router, path, methods, count):
    resource, ids = router.resource(path.encode())

    assert resource.allow == methods
    assert ids == (UUID(ID),) * count
    with pytest.raises(MethodNotAllowed) as refused:
        router.route(resource, "PATCH")
    assert refused.value.allow == methods


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "things",
        "/things/",
        "/things/{}",
        "/things/{thing_id}",
        f"/things/{ID}/",
        f"/things//{ID}",
        f"/things/{ID.upper()}",
        f"/things/{ID}\n",
        f"/things/{ID}/parts/{{}}",
        f"/things/{{}}/parts/{ID}",
        f"/{ID}",
        f"/things/bulk/{ID}",
    ],
)
def test_any_other_path_is_not_found(router, path):
    with pytest.raises(NotFound):
        router.resource(path.encode())


def test_head_is_answered_as_get(router):
    resource, _ = router.resource(b"/things")

    assert router.route(resource, "HEAD") is router.route(resource, "GET")


CURSORS = Cursors(b"k" * 32)


@given(POSITIONS, st.binary(max_size=16))
def test_a_cursor_leads_back_to_its_position(position, listing):
    assert CURSORS.open(ADA, listing, CURSORS.seal(ADA, listing, position)) == position


@given(POSITIONS, st.integers(0, 5_000))
def test_a_cursor_with_one_other_bit_is_none(position, bit):
    cursor = CURSORS.seal(ADA, b"list", position).encode()
    at, mask = divmod(bit, 7)
    changed = bytearray(cursor)
    changed[at % len(cursor)] ^= 1 << mask

    with pytest.raises(CursorInvalid):
        CURSORS.open(ADA, b"list", changed.decode("ascii"))


@given(POSITIONS)
def test_a_cursor_is_its_readers_its_lists_and_its_keys(position):
    cursor = CURSORS.seal(ADA, b"list", position)

    for cursors, reader, listing in (
        (CURSORS, BOB, b"list"),
        (CURSORS, ADA, b"other"),
        (Cursors(b"x" * 32), ADA, b"list"),
    ):
        with pytest.raises(CursorInvalid):
            cursors.open(reader, listing, cursor)


@pytest.mark.parametrize(
    ("policy", "headers", "key"),
    [
        (KeyPolicy.IGNORED, [b"a b"], None),
        (KeyPolicy.OPTIONAL, [], None),
        (KeyPolicy.OPTIONAL, [b"a"], "a"),
        (KeyPolicy.REQUIRED, [b"!~" * 100], "!~" * 100),
        (KeyPolicy.REQUIRED_UNLESS_DRY_RUN, [b"a"], "a"),
    ],
)
def test_a_route_takes_keys_by_its_policy(policy, headers, key):
    assert key_of(policy, headers, dry_run=False) == key


@pytest.mark.parametrize("headers", [[b""], [b"a" * 256], [b"a b"], [b"\xc3\xa9"], [b"a", b"a"]])
def test_a_bad_key_is_never_ignored_where_keys_count(headers):
    for policy in (KeyPolicy.OPTIONAL, KeyPolicy.REQUIRED, KeyPolicy.REQUIRED_UNLESS_DRY_RUN):
        with pytest.raises(KeyInvalid):
            key_of(policy, headers, dry_run=False)


def test_a_required_key_is_missed():
    with pytest.raises(KeyMissing):
        key_of(KeyPolicy.REQUIRED, [], dry_run=True)


def test_commands_that_differ_have_other_fingerprints():
    commands = [
        ("transfer", "a", "bc"),
        ("transfer", "ab", "c"),
        ("deposit", "a", "bc"),
        ("transfer", "a", "bc", None),
        ("transfer", "a", "bc", ""),
    ]

    assert len({fingerprint(*command) for command in commands}) == len(commands)
    assert len(fingerprint("transfer")) == 16


def leaves():
    """Return every error there is that a client can see."""
    for module in pkgutil.iter_modules(actors.domain.__path__, "actors.domain."):
        importlib.import_module(module.name)
    found, waiting = [], [GopherPayError]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        found.append(kind)
    return sorted(found, key=lambda kind: kind.__name__)


@pytest.mark.parametrize("kind", leaves())
def test_every_error_has_a_status_a_code_and_a_title_of_one_sentence(kind):
    assert 400 <= status_of(kind) < 600
    assert title_of(kind).endswith(".")
    assert kind.code.replace("-", "").isalpha()


def test_refusals_of_one_code_have_one_status():
    statuses = {}
    for kind in leaves():
        statuses.setdefault(kind.code, set()).add(status_of(kind))
    shared = {code: found for code, found in statuses.items() if len(found) > 1}

    assert shared.keys() == {"internal"}  # the families themselves have no code of their own


@pytest.mark.parametrize(
    ("error", "status", "is_retryable", "headers"),
    [
        (Throttled(7), 429, True, {b"retry-after": b"7"}),
        (Overloaded(2), 503, True, {b"retry-after": b"2"}),
        (OutcomeUnknown(), 504, True, {b"retry-after": b"1"}),
        (KeyInProgress(), 409, True, {b"retry-after": b"1"}),
        (KeyReused("transfer", ID), 409, False, {}),
        (Unauthenticated(), 401, False, {b"www-authenticate": b"Bearer"}),
        (MethodNotAllowed("GET"), 405, False, {b"allow": b"GET"}),
        (Refused(), 422, False, {}),
    ],
)
def test_a_problem_says_whether_and_when_to_try_again(error, status, is_retryable, headers):
    answer = problem(error, "r")

    assert answer.status == status
    assert msgspec.json.decode(answer.body)["retryable"] is is_retryable
    assert dict(answer.headers) == headers


def test_a_problem_names_the_object_that_has_the_key():
    told = document(KeyReused("account", ID), "r")

    assert told["account_id"] == ID
    assert "object_id" not in told
    assert "account_id" not in document(KeyReused(None, None), "r")


def test_metrics_are_counted_by_route_and_status():
    meter, route = Meter(), a_route()
    meter.gauge("things", lambda: 3.0)
    for status, seconds in ((200, 0.002), (200, 0.2), (404, 9.0)):
        meter.record(route, status, seconds)
    meter.record(None, 404, 0.0)

    text = meter.text().decode()

    assert 'gopherpay_http_answers_total{route="GET /things",status="200"} 2.0' in text
    assert 'gopherpay_http_answers_total{route="none",status="404"} 1.0' in text
    assert 'gopherpay_http_seconds_bucket{le="0.0025",route="GET /things"} 1.0' in text
    assert 'gopherpay_http_seconds_bucket{le="+Inf",route="GET /things"} 3.0' in text
    assert "gopherpay_things 3.0" in text


def test_the_document_describes_what_the_route_says():
    route = a_route(
        "POST",
        "/things/{thing_id}",
        body=NewTransfer,
        key=KeyPolicy.REQUIRED,
        answers={201: dict[str, str]},
        problems=(NotFound,),
    )
    described = openapi_document([route])

    operation = described["paths"]["/things/{thing_id}"]["post"]
    assert {one["name"]: one["required"] for one in operation["parameters"]} == {
        "thing_id": True,
        "Idempotency-Key": True,
    }
    assert {"201", "400", "404", "413", "415", "422", "503", "504"} <= operation["responses"].keys()
    assert operation["security"] == []
    schema = described["components"]["schemas"]["NewTransfer"]
    assert schema["additionalProperties"] is False
    assert "USD" in schema["properties"]["currency"]["enum"]


def test_the_page_shows_nothing_unescaped():
    route = a_route(summary="<script>alert(1)</script>")

    assert "<script" not in page(openapi_document([route]))
