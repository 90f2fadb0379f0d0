"""JSON, queries, headers and types, read strictly; as laws where there is one."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve_app.http import headers, queries, strict_json
from serve_app.http.bodies import check_head
from serve_app.http.errors import (
    BodyTooLarge,
    ContentTypeUnsupported,
    CursorInvalid,
    JsonMalformed,
    ValidationFailed,
)
from serve_app.http.texts import Metadata, Query, When
from serve_app.http.validation import into
from serve_app.routes.commands import NewTransfer

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(1 - 10**17, 10**18 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_what_json_says_is_what_is_read(value):
    assert strict_json.parse(json.dumps(value).encode()) == value


@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_malformed_and_nothing_else(raw):
    try:
        strict_json.parse(raw)
    except JsonMalformed:
        return
    json.loads(raw.decode())  # what was read is JSON to everybody


@pytest.mark.parametrize("levels", [32, 33, 500, 50_000])
@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_there_are_thirty_two_levels(levels, opening, closing):
    raw = opening * levels + (b"1" if closing == b"}" else b"") + closing * levels

    if levels <= 32:
        strict_json.parse(raw)
        return
    with pytest.raises(JsonMalformed):
        strict_json.parse(raw)


def test_width_is_not_depth():
    assert len(strict_json.parse(b"[" + b"{}," * 100 + b"[]]")) == 101


@given(st.text(max_size=8))
def test_an_unknown_member_is_named_nowhere(name):
    if name in NewTransfer.__struct_fields__:
        return
    with pytest.raises(ValidationFailed) as failure:
        into(NewTransfer, {name: 1}, check_texts=True)
    assert {error.field for error in failure.value.errors} <= {
        "",
        *NewTransfer.__struct_fields__,
    }


class Asked(Query, frozen=True):
    limit: int = 20
    flag: bool = False
    at: When | None = None
    name: str | None = None
    cursor: str | None = None
    notes: Metadata | None = None


def test_a_query_is_read_by_the_types_of_its_fields():
    query = b"limit=5&flag=true&at=2026-01-31T12:00:00%2B07:00&name=a%20b+c&notes[x]=1&notes[[]=2"

    asked = queries.read(Asked, query)

    assert (asked.limit, asked.flag, asked.name) == (5, True, "a b c")
    assert asked.at.isoformat() == "2026-01-31T05:00:00+00:00"
    assert asked.notes == {"x": "1", "[": "2"}


@pytest.mark.parametrize(
    "query",
    [
        b"limit=5&limit=5",
        b"limit=5.0",
        b"limit=%35%2e",
        b"limit=\xd9\xa5",
        b"flag=1",
        b"flag",
        b"other=1",
        b"name[x]=1",
        b"notes=1",
        b"notes[]=1",
        b"notes[x]=1&notes[x]=2",
        b"name=%00",
        b"name=%ff",
        b"&",
        b"=",
        b"&".join(b"notes[%d]=1" % n for n in range(50)),
    ],
)
def test_any_other_query_is_wrong(query):
    with pytest.raises(ValidationFailed):
        queries.read(Asked, query)


def test_a_cursor_that_is_no_text_is_a_changed_cursor():
    with pytest.raises(CursorInvalid):
        queries.read(Asked, b"cursor=%00")


@given(st.binary(max_size=60))
def test_any_query_is_read_or_wrong_and_nothing_else(query):
    try:
        asked = queries.read(Asked, query)
    except (ValidationFailed, CursorInvalid):
        return
    assert isinstance(asked, Asked)


def head(*lines):
    return headers.read(lines)


@pytest.mark.parametrize(
    ("lines", "length"),
    [
        ([], 0),
        ([(b"content-length", b"12")], 12),
        ([(b"content-length", b"1_0")], None),
        ([(b"content-length", b"5"), (b"transfer-encoding", b"chunked")], None),
    ],
)
def test_a_body_has_a_length_or_comes_in_chunks(lines, length):
    assert head(*lines).body_bytes == length


@pytest.mark.parametrize(
    ("trace", "is_taken"),
    [
        (b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", True),
        (b"00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", False),
        (b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\n", False),
        (b"x", False),
    ],
)
def test_only_a_well_formed_trace_is_carried_on(trace, is_taken):
    assert (head((b"traceparent", trace)).trace_parent is not None) == is_taken


def test_a_body_is_judged_by_its_head():
    kind = (b"content-type", b"application/json")

    assert check_head(head(kind, (b"content-length", b"9")), limit_bytes=9, optional=False)
    assert not check_head(head(), limit_bytes=9, optional=True)
    with pytest.raises(BodyTooLarge):
        check_head(head(kind, (b"content-length", b"10")), limit_bytes=9, optional=False)
    with pytest.raises(ContentTypeUnsupported):
        check_head(head(kind, kind), limit_bytes=9, optional=False)
    with pytest.raises(ContentTypeUnsupported):
        check_head(head(kind, (b"content-encoding", b"")), limit_bytes=9, optional=False)
    with pytest.raises(ContentTypeUnsupported):
        check_head(head((b"transfer-encoding", b"chunked")), limit_bytes=9, optional=True)
