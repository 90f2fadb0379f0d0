from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from actors.domain.transfers import Movement, Outcome, Transfer, TransferKind, Verdict
from actors.runtime.messages import (
    Answer,
    Call,
    Status,
    decode_answers,
    decode_call,
    encode_answers,
    encode_call,
)

INT64 = st.integers(-(2**63), 2**63 - 1)
TEXT = st.text(max_size=20)
TIME = st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
FACTS = st.dictionaries(TEXT, TEXT | INT64 | st.booleans() | st.none(), max_size=4)
MOVEMENTS = st.builds(Movement, kind=st.sampled_from(TransferKind), amount_minor=INT64)
TRANSFERS = st.builds(
    Transfer, kind=st.sampled_from(TransferKind), amount_minor=INT64, posted_at=TIME
)
OUTCOMES = st.builds(
    Outcome, verdict=st.sampled_from(Verdict), transfer=st.none() | TRANSFERS, facts=FACTS
)
ANSWERS = st.builds(
    Answer,
    status=st.sampled_from(Status),
    outcome=st.none() | OUTCOMES,
    retry_after_seconds=st.integers(0, 2**31),
)


@given(st.lists(st.tuples(MOVEMENTS, st.integers(0, 2**31)), max_size=5))
def test_a_call_arrives_as_it_was_sent(turns):
    call = Call([movement for movement, _ in turns], [left for _, left in turns])

    assert decode_call(encode_call(call)) == call


@given(st.lists(ANSWERS, max_size=5))
def test_answers_arrive_as_they_were_given(answers):
    assert decode_answers(encode_answers(answers)) == answers
