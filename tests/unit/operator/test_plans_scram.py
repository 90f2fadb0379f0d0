"""Verifiers of passwords: RFC 7677's example, and the ways to write one password."""

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gopherpay_operator.plans.scram import matches, prepared, verifier

SALT = b"0123456789abcdef"


def test_the_keys_are_those_of_the_rfc():
    # RFC 7677 §3: user, pencil, and its salt; the server signature there follows from the keys.
    salt = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")

    made = verifier("pencil", salt, 4096)

    assert made == (
        "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"
        "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
    )


@settings(max_examples=25, deadline=None)
@given(st.text(min_size=1, max_size=20))
def test_a_verifier_is_of_its_password_and_of_no_other(password):
    made = verifier(password, SALT, 16)

    assert matches(made, password)
    assert not matches(made, password + "x")


@pytest.mark.parametrize("kept", [None, "", "md5aa8e3f", "SCRAM-SHA-256$x", "secret"])
def test_what_is_no_verifier_matches_nothing(kept):
    assert not matches(kept, "secret")


@pytest.mark.parametrize(
    ("written", "means"),
    [
        ("I\u00adX", "IX"),  # RFC 4013 §3: soft hyphen goes
        ("user", "user"),
        ("\u00aa", "a"),
        ("\u2168", "IX"),
        ("a\u00a0b", "a b"),
        ("\u0007", "\u0007"),  # forbidden: taken as it is
        ("\u06271", "\u06271"),  # mixed directions: taken as it is
        ("\u00ad", "\u00ad"),  # nothing would be left
    ],
)
def test_a_password_is_prepared_as_the_rfc_says(written, means):
    assert prepared(written) == means.encode()


@pytest.mark.parametrize(("password", "salt"), [("", SALT), ("secret", b"short")])
def test_a_verifier_needs_a_password_and_salt(password, salt):
    with pytest.raises(ValueError, match="needs a password"):
        verifier(password, salt)
