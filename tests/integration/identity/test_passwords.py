"""Changing a password and getting in again without it."""

from __future__ import annotations

import asyncio

import pytest

from actors.domain.errors import InsufficientScope, Unauthenticated
from actors.domain.errors_identity import FieldInvalid, PasswordWrong, TokenInvalid
from actors.identity.registration import Wish
from tests.integration.identity.conftest import PASSWORD

ADA = "ada@example.com"
NEW = "a new passphrase, long enough"


async def test_a_change_ends_every_other_session_and_tells_the_owner(world):
    await world.a_user()
    kept, other = await world.signed_in(), await world.signed_in()

    await world.identity.passwords.change(await world.who(kept.access_token), PASSWORD, NEW)

    assert await world.who(kept.access_token)
    with pytest.raises(Unauthenticated):
        await world.who(other.access_token)
    assert (await world.identity.mailbox.read(ADA))[0].kind == "password-changed"
    assert await world.signed_in(password=NEW)
    with pytest.raises(Unauthenticated):
        await world.signed_in()


async def test_a_wrong_current_password_changes_nothing(world):
    await world.a_user()
    pair = await world.signed_in()

    with pytest.raises(PasswordWrong):
        await world.identity.passwords.change(await world.who(pair.access_token), NEW, NEW)

    assert await world.signed_in()


async def test_a_new_password_must_follow_the_rules(world):
    await world.a_user()
    principal = await world.who((await world.signed_in()).access_token)

    with pytest.raises(FieldInvalid) as refused:
        await world.identity.passwords.change(principal, PASSWORD, "ada-lovelace-1815")

    assert refused.value.field == "new_password"
    assert "ada-lovelace" not in str(refused.value)


async def test_a_key_cannot_change_a_password(world):
    made = await world.identity.api_keys.create_for_platform("k", ["admin:read"])

    with pytest.raises(InsufficientScope):
        await world.identity.passwords.change(await world.who(made.secret), PASSWORD, NEW)


async def test_a_reset_gives_a_new_password_and_ends_every_session(world):
    await world.a_user()
    pair = await world.signed_in()
    await world.identity.passwords.forgot("ADA@example.com", source="s")

    await world.identity.passwords.reset(await world.newest_token(ADA, "reset-password"), NEW)

    with pytest.raises(Unauthenticated):
        await world.who(pair.access_token)
    assert await world.signed_in(password=NEW)


async def test_a_reset_token_works_once_however_many_use_it(world):
    await world.a_user()
    await world.identity.passwords.forgot(ADA, source="s")
    token = await world.newest_token(ADA, "reset-password")

    answers = await asyncio.gather(
        *(world.identity.passwords.reset(token, f"{NEW} {n}") for n in range(8)),
        return_exceptions=True,
    )

    assert answers.count(None) == 1
    assert sum(isinstance(answer, TokenInvalid) for answer in answers) == 7


async def test_a_refused_new_password_does_not_use_the_token_up(world):
    await world.a_user()
    await world.identity.passwords.forgot(ADA, source="s")
    token = await world.newest_token(ADA, "reset-password")

    with pytest.raises(FieldInvalid):
        await world.identity.passwords.reset(token, "short")

    await world.identity.passwords.reset(token, NEW)
    assert await world.signed_in(password=NEW)


async def test_a_change_voids_the_reset_tokens_that_were_mailed_before(world):
    await world.a_user()
    await world.identity.passwords.forgot(ADA, source="s")
    token = await world.newest_token(ADA, "reset-password")
    principal = await world.who((await world.signed_in()).access_token)
    await world.identity.passwords.change(principal, PASSWORD, NEW)

    with pytest.raises(TokenInvalid):
        await world.identity.passwords.reset(token, "yet another passphrase")


@pytest.mark.parametrize("when", ["now()", "now() - interval '1 hour'"])
async def test_an_expired_reset_token_is_refused(world, when):
    await world.a_user()
    await world.identity.passwords.forgot(ADA, source="s")
    await world.query(f"UPDATE mail_tokens SET expires_at = {when}")  # noqa: S608

    with pytest.raises(TokenInvalid):
        await world.identity.passwords.reset(await world.newest_token(ADA, "reset-password"), NEW)


async def test_a_verification_token_does_not_reset(world):
    await world.identity.registration.register(Wish(ADA, "Ada", PASSWORD), source="s")

    with pytest.raises(TokenInvalid):
        await world.identity.passwords.reset(await world.newest_token(ADA, "verify-email"), NEW)


async def test_a_forgotten_password_of_nobody_sends_nothing_and_answers_the_same(world):
    await world.a_user()

    answers = [
        await world.identity.passwords.forgot(email, source="s")
        for email in (ADA, "nobody@example.com")
    ]

    assert answers == [None, None]
    assert await world.identity.mailbox.read("nobody@example.com") == []


async def test_a_change_is_announced_without_any_secret(world):
    await world.a_user()
    principal = await world.who((await world.signed_in()).access_token)
    await world.identity.passwords.change(principal, PASSWORD, NEW)

    rows = await world.query(
        "SELECT payload->>'credential', payload::text FROM outbox"
        " WHERE type = 'dev.gopherpay.credential.changed.v1'"
    )

    assert [row[0] for row in rows] == ["password"]
    assert NEW not in rows[0][1]
