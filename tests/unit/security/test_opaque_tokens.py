"""Refresh tokens, API keys and mail tokens have one spelling each, and cannot be guessed."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.security import base64url
from actors.security.opaque_tokens import (
    mail_token_hash,
    new_api_key,
    new_mail_token,
    read_api_key,
    read_refresh_token,
    refresh_token,
)
from actors.security.revocation import RevocationList

KEY, SALT, SESSION = b"k" * 32, b"s" * 16, UUID(int=5)
counters = st.integers(0, 2**32 - 1)


@given(st.uuids(), counters, st.binary(min_size=16, max_size=16))
def test_a_refresh_token_reads_back_and_is_proven(session_id, counter, salt):
    token = refresh_token(KEY, session_id, counter, salt)

    assert read_refresh_token(token.text) == token
    assert token.is_proven(KEY, salt)


@pytest.mark.parametrize(
    ("key", "salt"), [(b"x" * 32, SALT), (KEY, b"x" * 16), (b"x" * 32, b"x" * 16)]
)
def test_a_token_is_not_proven_by_another_key_or_salt(key, salt):
    assert not refresh_token(KEY, SESSION, 1, SALT).is_proven(key, salt)


def test_the_proof_of_one_token_does_not_fit_the_next():
    first, second = (refresh_token(KEY, SESSION, counter, SALT) for counter in (1, 2))

    assert first.proof != second.proof
    assert first.text != second.text


def test_an_api_key_reads_back_and_only_its_own_secret_has_its_fingerprint():
    one, other = new_api_key(SESSION), new_api_key(SESSION)

    assert read_api_key(one.text) == one
    assert one.fingerprint != other.fingerprint
    assert one.text.startswith("gpk_")


@pytest.mark.parametrize("read", [read_refresh_token, read_api_key])
@pytest.mark.parametrize(
    "text", ["", "gpr_", "gpk_", "gpk_é", "gpr_" + "A" * 69, "gpk_" + "A" * 10_000, "gpk_ " * 14]
)
def test_what_has_another_form_is_no_token(read, text):
    assert read(text) is None


@given(st.text())
def test_no_text_breaks_the_readers(text):
    assert read_api_key("gpk_" + text) is None or len(text) == 64
    assert read_refresh_token("gpr_" + text) is None or len(text) == 70


def test_a_token_has_one_spelling():
    text = refresh_token(KEY, SESSION, 1, SALT).text

    assert read_refresh_token(text + "=") is None
    assert read_refresh_token(text + "==") is None
    others = [text[:-1] + last for last in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"]
    read = [read_refresh_token(other) for other in others if other != text]
    assert not any(token == read_refresh_token(text) for token in read)


@given(st.binary())
def test_base64url_goes_there_and_back(data):
    assert base64url.decode(base64url.encode(data)) == data


def test_mail_tokens_do_not_repeat_and_are_kept_hashed():
    tokens = {new_mail_token() for _ in range(1_000)}

    assert len(tokens) == 1_000
    assert {len(token) for token in tokens} == {43}
    assert len({mail_token_hash(token) for token in tokens}) == 1_000


def test_the_dead_stay_dead_until_nothing_of_them_could_be_used():
    dead = RevocationList(retention_seconds=300)
    dead.add([UUID(int=1)], now_seconds=0)
    dead.add([UUID(int=1), UUID(int=2)], now_seconds=200)

    dead.forget(now_seconds=300)
    assert dead.is_dead([UUID(int=9), UUID(int=1)])
    dead.forget(now_seconds=301)
    assert not dead.is_dead([UUID(int=1)])
    assert dead.is_dead([UUID(int=2)])
    assert len(dead) == 1
