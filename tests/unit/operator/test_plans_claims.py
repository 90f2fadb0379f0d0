"""The record of an owner stands beside what people wrote."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gopherpay_operator.plans.claims import claim_of, with_claim, without_claim

TEXTS = st.none() | st.text(st.characters(exclude_characters="\r\0"), max_size=60)
CLAIMS = st.text(st.characters(exclude_characters="\n\r\0"), min_size=1, max_size=20)


@given(TEXTS, CLAIMS)
def test_a_claim_is_read_as_it_was_written(comment, claim):
    assert claim_of(with_claim(comment, claim)) == claim


@given(TEXTS, CLAIMS, CLAIMS)
def test_a_claim_replaces_the_one_before(comment, first, second):
    assert with_claim(with_claim(comment, first), second) == with_claim(comment, second)


def test_what_people_wrote_stays():
    claimed = with_claim("Ask Ann.\nSince 2020.", "one/pay/ledger")

    assert claimed.startswith("Ask Ann.\nSince 2020.\n")
    assert without_claim(claimed) == "Ask Ann.\nSince 2020."


def test_a_comment_that_only_claims_goes_with_the_claim():
    assert without_claim(with_claim(None, "one/pay/ledger")) is None


@pytest.mark.parametrize("claim", ["", "two\nlines"])
def test_a_claim_is_one_line(claim):
    with pytest.raises(ValueError, match="one line"):
        with_claim(None, claim)
