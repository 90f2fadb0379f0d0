"""Whatever Novu answers becomes an outcome, says nothing of itself, and has an end."""

import asyncio
import json
import re
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.notifier.novu import NovuMessenger
from actors.notifier.novu_answers import ANSWER_BYTES_MAX
from actors.ports.courier import Accepted, AlreadyAccepted, Later, Message, Profile, Refused
from tests.doubles.novu.faults import Fault
from tests.doubles.novu.server import novu_double

USER_ID = UUID(int=7)
PROFILE = Profile(USER_ID, "ada@example.com", "Ada Lovelace", "en", b"digest")
MESSAGE = Message("gopherpay-transfer-received", USER_ID, "t1", "t1", {"title": "Hello"})
CODE = re.compile(r"[A-Za-z0-9-]{1,60}")

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)
MEMBERS = st.sampled_from(
    [
        "data",
        "acknowledged",
        "status",
        "hasMore",
        "page",
        "pageSize",
        "transactionId",
        "error",
        "statusCode",
        "timestamp",
        "path",
        "message",
        "errors",
        "subscriberId",
        "deleted",
    ]
)
ALMOST = st.dictionaries(
    MEMBERS, JSON_VALUES | st.sampled_from(["processed", "t1", [{"transactionId": "t1"}]])
)
BODIES = st.one_of(
    st.binary(max_size=64),
    JSON_VALUES.map(lambda value: json.dumps(value).encode()),
    ALMOST.map(lambda value: json.dumps(value).encode()),
    st.sampled_from(
        [b"", b"[" * 20_000, b"9" * 5_000, b'{"data":', b"\xff\xfe{\x00}\x00", b"null"]
    ),
)
STATUSES = st.sampled_from(
    [
        200,
        201,
        202,
        204,
        206,
        299,
        300,
        302,
        304,
        400,
        401,
        403,
        404,
        409,
        413,
        418,
        422,
        429,
        451,
        500,
        501,
        502,
        503,
        504,
        599,
        600,
        999,
    ]
)
TYPES = st.sampled_from(
    [
        "application/json",
        "application/json; charset=utf-8",
        "application/json; charset=utf-16",
        "application/json; charset=rot13",
        "application/json; charset=hex",
        "text/html",
        "x",
        "",
        "application/json; charset=nonsense",
        "text/html; charset=zlib",
    ]
)
VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=20)
NAMES = st.sampled_from(
    [
        "retry-after",
        "ratelimit-remaining",
        "ratelimit-reset",
        "idempotency-replay",
        "location",
        "content-encoding",
        "set-cookie",
        "x",
    ]
)
HEADERS = st.lists(
    st.tuples(NAMES, VALUES | st.sampled_from(["0", "1", "gzip", "br", "true", "/", "-5"])),
    max_size=3,
).map(tuple)
ANSWERS = st.builds(Fault, status=STATUSES, body=BODIES, content_type=TYPES, headers=HEADERS)
RAW = st.builds(
    Fault,
    raw=st.binary(max_size=60)
    | st.builds(
        lambda head, rest: b"HTTP/1.1 " + head + b"\r\n" + rest,
        st.sampled_from([b"201 Created", b"999", b"abc", b"200 \xff\xff", b"100 Continue"]),
        st.sampled_from(
            [
                b"\r\n",
                b"content-length: -1\r\n\r\n",
                b"content-length: 99\r\n\r\nx",
                b": \r\n\r\n",
                b"transfer-encoding: chunked\r\n\r\nzz\r\n",
                b"a" * 70_000,
                b"x: \x00\r\n\r\n",
            ]
        ),
    ),
)


@pytest.fixture(scope="module")
def double():
    with novu_double() as running:
        yield running


@pytest.fixture(scope="module")
def ask(double):
    """Return what asks everything of a messenger that tests share, or of one of their own."""
    with asyncio.Runner() as runner:
        shared = NovuMessenger(double.world.secret_key, double.url, call_seconds=20.0)

        def ask(fault, *, call_seconds=None):
            double.faults.clear()
            double.faults.always(fault)
            if call_seconds is None:
                return runner.run(asked_everything(shared))
            own = NovuMessenger(double.world.secret_key, double.url, call_seconds=call_seconds)
            try:
                return runner.run(asked_everything(own))
            finally:
                runner.run(own.close())

        yield ask
        runner.run(shared.close())


async def asked_everything(messenger):
    return [
        await messenger.tell(MESSAGE),
        await messenger.has("t1"),
        await messenger.keep(PROFILE),
        await messenger.forget(USER_ID),
        messenger.pause_seconds(),
    ]


def hold(outcomes):
    """Hold that each outcome is one, and that a reason is a code of ours."""
    *outcomes, pause = outcomes
    assert 0 <= pause <= 600
    for outcome in outcomes:
        assert isinstance(outcome, (Accepted, AlreadyAccepted, Refused, Later, bool))
        if isinstance(outcome, (Refused, Later)):
            assert CODE.fullmatch(outcome.reason), outcome
        if isinstance(outcome, Later):
            assert 0 <= (outcome.retry_after_seconds or 0) <= 600


@settings(
    max_examples=500,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(fault=ANSWERS | RAW)
def test_no_answer_crashes_the_adapter(ask, fault):
    hold(ask(fault))


def test_an_endless_answer_is_read_to_the_bound_only(ask):
    told, *_ = ask(Fault(status=201, body=b"[" + b"1," * (8 * ANSWER_BYTES_MAX)))

    assert told == Accepted()  # it says 201; what else it says is not known


def test_a_late_answer_is_not_waited_for(ask):
    told, *_ = ask(Fault(status=201, delay_seconds=2), call_seconds=0.1)

    assert told == Later("timeout", is_doubtful=True)


def test_a_page_of_somebody_in_between_is_no_acceptance(ask):
    page = Fault(status=200, body=b"<html>Sign in</html>", content_type="text/html")

    *outcomes, _pause = ask(page)

    assert outcomes == [Later("http-200", is_doubtful=True)] * 4


def test_a_redirect_takes_the_secret_nowhere(ask):
    with novu_double() as elsewhere:
        moved = (("location", f"{elsewhere.url}/v1/events/trigger"),)

        told, *_ = ask(Fault(status=307, headers=moved))

        assert told == Later("http-307", is_doubtful=True)
        assert elsewhere.exchanges == []


def test_a_list_with_a_value_of_tomorrow_is_understood(ask):
    row = {"transactionId": "t1", "severity": "of tomorrow"}

    _told, has, *_ = ask(Fault(status=200, body=json.dumps({"data": [row], "page": 0}).encode()))

    assert has is True
