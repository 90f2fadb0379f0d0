"""Whatever comes from the bus, the reader returns an event or says why there is none."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from uuid import UUID

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from actors.domain.events import CloudEvent
from actors.messaging import envelope
from actors.messaging.envelope import Malformed
from actors.ports.events import Record
from tests.contracts.events.told import TOLD, record

GOOD = [record(event) for event in TOLD.values()]
GOOD += [
    replace(
        each,
        headers=[("content-type", b"application/cloudevents+json")],
        value=envelope.structured(envelope.parse(each)),
    )
    for each in GOOD
]
NAMES = sorted({name for each in GOOD for name, _ in each.headers})
REASONS = {
    "content-type-unknown",
    "data-invalid",
    "data-no-object",
    "header-missing",
    "header-not-text",
    "header-repeated",
    "header-too-large",
    "headers-too-many",
    "id-invalid",
    "json-malformed",
    "json-no-object",
    "json-too-deep",
    "key-mismatch",
    "member-invalid",
    "member-missing",
    "text-with-nul",
    "time-invalid",
    "unknown-type",
    "unknown-version",
    "value-missing",
    "value-too-large",
}

thousands = settings(
    max_examples=1_500,
    deadline=None,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
names = st.sampled_from(NAMES) | st.text(max_size=20)
headers = st.lists(st.tuples(names, st.none() | st.binary(max_size=60)), max_size=12)


def told_or_refused(given_record):
    """Return the event, or why there is none."""
    try:
        return envelope.parse(given_record), None
    except Malformed as refused:
        return None, refused.reason


def assert_told_or_refused(given_record):
    """Hold that reading ends in one of the two ways there are."""
    event, reason = told_or_refused(given_record)
    if event is None:
        assert reason in REASONS
        return
    assert isinstance(event, CloudEvent)
    assert isinstance(event.id, UUID)
    assert event.time.tzinfo is UTC
    assert str(event.subject).encode() == given_record.key
    again = replace(
        given_record,
        headers=[("content-type", b"application/cloudevents+json")],
        value=envelope.structured(event),
    )
    assert envelope.parse(again) == event


@thousands
@given(
    key=st.none() | st.binary(max_size=40), value=st.none() | st.binary(max_size=300), more=headers
)
def test_arbitrary_bytes_never_break_the_reader(key, value, more):
    assert_told_or_refused(Record("t", 0, 0, key, value, more))


@thousands
@given(good=st.sampled_from(GOOD), data=st.data())
def test_a_damaged_record_never_breaks_the_reader(good, data):
    value = bytearray(good.value)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(value)))
        length = data.draw(st.integers(0, 8))
        value[at : at + length] = data.draw(st.binary(max_size=8))

    assert_told_or_refused(replace(good, value=bytes(value)))


@thousands
@given(good=st.sampled_from(GOOD), name=st.sampled_from(NAMES), other=headers, data=st.data())
def test_damaged_headers_never_break_the_reader(good, name, other, data):
    kept = [(key, value) for key, value in good.headers if key != name or data.draw(st.booleans())]

    assert_told_or_refused(replace(good, headers=data.draw(st.permutations([*kept, *other]))))


@settings(thousands, max_examples=500)
@given(good=st.sampled_from(GOOD[: len(TOLD)]), members=st.dictionaries(st.text(), json_values))
def test_strange_members_never_break_the_reader(good, members):
    event = envelope.parse(good)
    strange = CloudEvent(
        event.id, event.type, event.source, event.subject, event.time, {**event.data, **members}
    )
    try:
        value = envelope.structured(strange)
    except UnicodeEncodeError:
        return  # a lone surrogate has no bytes that could travel
    content_type = [("content-type", b"application/cloudevents+json")]

    assert_told_or_refused(replace(good, headers=content_type, value=value))
