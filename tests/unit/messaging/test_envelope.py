"""What is an event and what is not, each refusal by its reason."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from actors.messaging import envelope, reading
from actors.messaging.envelope import Malformed
from tests.contracts.events.told import ADA, AT, EVENT, SOURCE, TOLD, TRACE_PARENT, record, stored

GOOD = record()
DATA = json.loads(GOOD.value)


def with_header(name, value):
    """Return the good record with another value of one header; None leaves it out."""
    headers = [(key, value if key == name else old) for key, old in GOOD.headers]
    return replace(GOOD, headers=[(key, each) for key, each in headers if each is not None])


def with_data(**changes):
    """Return the good record with other members."""
    return replace(GOOD, value=json.dumps({**DATA, **changes}).encode())


def without_data(name):
    """Return the good record without a member."""
    data = {key: value for key, value in DATA.items() if key != name}
    return replace(GOOD, value=json.dumps(data).encode())


def as_structured(**changes):
    """Return the good event as a record in structured mode with other members."""
    members = {**json.loads(envelope.structured(envelope.parse(GOOD))), **changes}
    value = json.dumps({key: member for key, member in members.items() if member is not ...})
    headers = [("content-type", b"application/cloudevents+json; charset=UTF-8")]
    return replace(GOOD, headers=headers, value=value.encode())


NO_EVENTS = {
    "no body": (replace(GOOD, value=None), "value-missing"),
    "an empty body": (replace(GOOD, value=b""), "value-missing"),
    "a megabyte": (replace(GOOD, value=b" " * 2**20), "value-too-large"),
    "no JSON": (replace(GOOD, value=b"{'a': 1}"), "json-malformed"),
    "half of the JSON": (replace(GOOD, value=GOOD.value[:-1]), "json-malformed"),
    "two JSON texts": (replace(GOOD, value=GOOD.value * 2), "json-malformed"),
    "NaN": (replace(GOOD, value=b'{"a":NaN}'), "json-malformed"),
    "no UTF-8": (replace(GOOD, value=b'{"a":"\xff"}'), "json-malformed"),
    "a lone surrogate": (with_data(description="\ud800"), "json-malformed"),
    "an escaped NUL": (with_data(description="a\0b"), "text-with-nul"),
    "an escaped NUL in a name": (with_data(**{"a\0b": 1}), "text-with-nul"),
    "33 levels": (with_data(more=json.loads("[" * 32 + "]" * 32)), "json-too-deep"),
    "a hundred thousand levels": (replace(GOOD, value=b"[" * 100_000), "json-too-deep"),
    "a list": (replace(GOOD, value=b"[]"), "data-no-object"),
    "a member missing": (without_data("currency"), "data-invalid"),
    "an amount as text": (with_data(amount_minor="1050"), "data-invalid"),
    "an amount with a fraction": (with_data(amount_minor=10.5), "data-invalid"),
    "an amount below one": (with_data(amount_minor=0), "data-invalid"),
    "a version beyond 64 bits": (with_data(source_version=2**63), "data-invalid"),
    "an id with a line break": (with_data(transfer_id=DATA["transfer_id"] + "\n"), "data-invalid"),
    "a deposit that says transfer": (
        with_header("ce_type", b"dev.gopherpay.deposit.posted.v1"),
        "data-invalid",
    ),
    "no key": (replace(GOOD, key=None), "key-mismatch"),
    "another key": (replace(GOOD, key=EVENT.encode()), "key-mismatch"),
    "the key in capitals": (replace(GOOD, key=GOOD.key.upper()), "key-mismatch"),
    "no headers": (replace(GOOD, headers=()), "content-type-unknown"),
    "Avro": (with_header("content-type", b"application/avro"), "content-type-unknown"),
    "a batch": (
        with_header("content-type", b"application/cloudevents-batch+json"),
        "content-type-unknown",
    ),
    "no id": (with_header("ce_id", None), "header-missing"),
    "no type": (with_header("ce_type", None), "header-missing"),
    "no time": (with_header("ce_time", None), "header-missing"),
    "an empty id": (with_header("ce_id", b""), "header-not-text"),
    "an id in braces": (with_header("ce_id", b"{" + EVENT.encode() + b"}"), "id-invalid"),
    "a subject that is no id": (with_header("ce_subject", b"ada"), "id-invalid"),
    "a header with NUL": (with_header("ce_source", b"a\0b"), "header-not-text"),
    "a header with a line break": (with_header("ce_source", b"a\r\nb"), "header-not-text"),
    "a header that is no UTF-8": (with_header("ce_source", b"\xff"), "header-not-text"),
    "a long header": (with_header("ce_source", b"a" * 2_049), "header-too-large"),
    "a header of ours without a value": (
        replace(GOOD, headers=[*GOOD.headers, ("ce_more", None)]),
        "header-not-text",
    ),
    "an id twice": (
        replace(GOOD, headers=[*GOOD.headers, ("ce_id", EVENT.encode())]),
        "header-repeated",
    ),
    "65 headers": (replace(GOOD, headers=[("x", b"")] * 65), "headers-too-many"),
    "a time without a zone": (with_header("ce_time", b"2026-01-31T09:30:00"), "time-invalid"),
    "a time that never was": (with_header("ce_time", b"2026-02-31T09:30:00Z"), "time-invalid"),
    "a time before all": (with_header("ce_time", b"0001-01-01T00:00:00+23:59"), "time-invalid"),
    "CloudEvents 2": (with_header("ce_specversion", b"2.0"), "unknown-version"),
    "a later version": (
        with_header("ce_type", b"dev.gopherpay.transfer.posted.v2"),
        "unknown-version",
    ),
    "a later version of the unknown": (
        with_header("ce_type", b"dev.gopherpay.moon.landed.v7"),
        "unknown-version",
    ),
    "a type without a version": (
        with_header("ce_type", b"dev.gopherpay.transfer.posted"),
        "unknown-type",
    ),
    "another's type": (with_header("ce_type", b"com.example.transfer.v1"), "unknown-type"),
    "structured: a list": (replace(as_structured(), value=b"[]"), "json-no-object"),
    "structured: no id": (as_structured(id=...), "member-missing"),
    "structured: an id that is a number": (as_structured(id=7), "member-invalid"),
    "structured: another key": (replace(as_structured(), key=b"x"), "key-mismatch"),
    "structured: XML inside": (
        as_structured(datacontenttype="application/xml"),
        "content-type-unknown",
    ),
    "structured: data in base64": (as_structured(data=..., data_base64="e30="), "data-no-object"),
}


@pytest.mark.parametrize(("no_event", "reason"), NO_EVENTS.values(), ids=NO_EVENTS)
def test_what_is_no_event_is_refused_by_its_reason(no_event, reason):
    with pytest.raises(Malformed) as refused:
        envelope.parse(no_event)

    assert refused.value.reason == reason


def test_a_refusal_never_repeats_what_the_record_holds():
    secret = b"s3cr3t"
    poisoned = [
        with_header("ce_id", secret),
        with_data(amount_minor="s3cr3t"),
        replace(GOOD, headers=[("ce_s3cr3t!", b"\0")]),
        replace(GOOD, headers=[("ce_\ns3cr3t", b"1"), ("ce_\ns3cr3t", b"1")]),
        replace(GOOD, key=secret),
    ]
    for each in poisoned:
        with pytest.raises(Malformed) as refused:
            envelope.parse(each)

        assert "s3cr3t" not in str(refused.value)


def test_an_unknown_type_of_ours_is_an_event_for_those_who_know_it():
    event = envelope.parse(with_header("ce_type", b"dev.gopherpay.moon.landed.v1"))

    assert event.name == "moon.landed"


def test_headers_that_tools_add_mean_nothing():
    added = [("dead-letter-reason", b"\xff"), ("b3", None), ("dead-letter-reason", b"x")]

    assert envelope.parse(replace(GOOD, headers=[*added, *GOOD.headers])) == envelope.parse(GOOD)


def test_a_bad_trace_is_no_trace():
    assert envelope.parse(with_header("traceparent", b"00-xyz")).trace_parent is None
    assert envelope.parse(GOOD).trace_parent == TRACE_PARENT


def test_both_modes_tell_the_same_event():
    assert envelope.parse(as_structured()) == envelope.parse(GOOD)


def test_a_record_says_where_its_row_stands():
    row = stored(TOLD["account.opened"], xid=70, seq=9, lane=2)
    sent = envelope.record(row, topic_prefix="pay", source=SOURCE)

    assert (sent.topic, sent.partition, sent.offset) == ("pay.account.v1", 2, 9)
    assert (sent.key, sent.position) == (str(ADA).encode(), row.position)
    assert sent.timestamp_ms == int(AT.timestamp() * 1000)


def test_a_time_in_another_zone_is_told_in_utc():
    event = envelope.parse(with_header("ce_time", b"2026-01-31T16:30:00.5+07:00"))

    assert event.time == datetime(2026, 1, 31, 9, 30, 0, 500_000, tzinfo=UTC)
    assert event.time.tzinfo is UTC


def test_the_largest_event_there_can_be_is_far_below_the_limit():
    row = stored(TOLD["transfer.posted"], data=with_data(description="\U0001f9a9" * 140).value)
    sent = envelope.record(row, topic_prefix="t" * 64, source="s" * 200)

    assert len(sent.value) * 50 < reading.VALUE_MAX_BYTES
    assert envelope.parse(sent).data["description"] == "\U0001f9a9" * 140
