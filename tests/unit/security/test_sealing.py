"""Sealed values open in their own place, under their own key, and nowhere else."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.security.keys import Secret
from actors.security.sealing import NONCE_BYTES, Place, SealBroken, Sealer

OLD, LIVE = Secret("old", b"o" * 32), Secret("live", b"l" * 32)
ADA, GRACE = UUID(int=1), UUID(int=2)
SEALER = Sealer(LIVE, {"live": LIVE, "old": OLD})
EMAIL = Place("users", "email_sealed", ADA)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_what_was_sealed_opens_again(text):
    key = SEALER.new_key(ADA)

    assert SEALER.unwrap(key.wrapped, ADA).open(key.seal(text, EMAIL), EMAIL) == text


@pytest.mark.parametrize(
    "elsewhere",
    [
        Place("users", "full_name_sealed", ADA),
        Place("users", "email_sealed", GRACE),
        Place("mails", "email_sealed", ADA),
    ],
)
def test_a_value_that_was_moved_does_not_open(elsewhere):
    key = SEALER.new_key(ADA)

    with pytest.raises(SealBroken):
        key.open(key.seal("ada@example.com", EMAIL), elsewhere)


def test_a_value_does_not_open_with_another_persons_key():
    sealed = SEALER.new_key(ADA).seal("ada@example.com", EMAIL)

    with pytest.raises(SealBroken):
        SEALER.new_key(ADA).open(sealed, EMAIL)


def test_a_data_key_that_was_moved_to_another_person_does_not_unwrap():
    with pytest.raises(SealBroken):
        SEALER.unwrap(SEALER.new_key(ADA).wrapped, GRACE)


def test_a_rotated_key_still_unwraps_what_it_wrapped():
    before = Sealer(OLD, {"old": OLD}).new_key(ADA)

    assert SEALER.unwrap(before.wrapped, ADA) == before
    assert SEALER.new_key(ADA).wrapped.kek_id == "live"


def test_without_its_key_encryption_key_nothing_unwraps():
    wrapped = Sealer(OLD, {"old": OLD}).new_key(ADA).wrapped

    with pytest.raises(SealBroken, match="old"):
        Sealer(LIVE, {"live": LIVE}).unwrap(wrapped, ADA)


def test_any_changed_byte_breaks_the_seal():
    key = SEALER.new_key(ADA)
    sealed = key.seal("ada@example.com", EMAIL)
    for index in range(len(sealed)):
        changed = sealed[:index] + bytes([sealed[index] ^ 1]) + sealed[index + 1 :]
        with pytest.raises(SealBroken):
            key.open(changed, EMAIL)


@pytest.mark.parametrize("sealed", [b"", b"x", b"x" * 12, b"x" * 27])
def test_what_is_too_short_does_not_open(sealed):
    with pytest.raises(SealBroken):
        SEALER.new_key(ADA).open(sealed, EMAIL)


def test_no_nonce_is_used_twice():
    key = SEALER.new_key(ADA)

    nonces = {key.seal("x", EMAIL)[:NONCE_BYTES] for _ in range(20_000)}
    assert len(nonces) == 20_000


def test_no_key_shows_in_a_representation():
    key = SEALER.new_key(ADA)

    assert repr(key.key) not in repr(key)
    assert "llll" not in repr(SEALER)
