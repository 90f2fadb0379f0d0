"""Signing up, and what a stranger can learn from it."""

from __future__ import annotations

import asyncio

import psycopg
import pytest

from actors.domain.errors import Unauthenticated
from actors.domain.errors_identity import FieldInvalid, TokenInvalid
from actors.identity.registration import Wish
from tests.integration.identity.conftest import PASSWORD

ADA = "ada@example.com"


async def test_a_registered_user_becomes_active_by_the_mailed_token(world):
    await world.identity.registration.register(Wish(ADA, "Ada Lovelace", PASSWORD), source="s")
    token = await world.newest_token(ADA, "verify-email")

    user = await world.identity.registration.verify(token)

    assert (user.email, user.full_name, user.status) == (ADA, "Ada Lovelace", "active")


async def test_an_unverified_user_cannot_log_in(world):
    await world.identity.registration.register(Wish(ADA, "Ada Lovelace", PASSWORD), source="s")

    with pytest.raises(Unauthenticated):
        await world.signed_in()


async def test_a_used_token_is_refused(world):
    await world.identity.registration.register(Wish(ADA, "Ada Lovelace", PASSWORD), source="s")
    token = await world.newest_token(ADA, "verify-email")
    await world.identity.registration.verify(token)

    with pytest.raises(TokenInvalid):
        await world.identity.registration.verify(token)


async def test_of_many_who_use_one_token_at_once_one_succeeds(world):
    await world.identity.registration.register(Wish(ADA, "Ada Lovelace", PASSWORD), source="s")
    token = await world.newest_token(ADA, "verify-email")

    answers = await asyncio.gather(
        *(world.identity.registration.verify(token) for _ in range(20)), return_exceptions=True
    )

    assert sum(not isinstance(answer, Exception) for answer in answers) == 1
    assert all(isinstance(each, TokenInvalid) for each in answers if isinstance(each, Exception))


async def test_an_expired_token_is_refused(world):
    await world.identity.registration.register(Wish(ADA, "Ada Lovelace", PASSWORD), source="s")
    token = await world.newest_token(ADA, "verify-email")
    await world.query("UPDATE mail_tokens SET expires_at = now() - interval '1 second'")

    with pytest.raises(TokenInvalid):
        await world.identity.registration.verify(token)


@pytest.mark.parametrize("token", ["", "x", "\0", "é" * 40, "A" * 43])
async def test_an_unknown_token_is_refused(world, token):
    with pytest.raises(TokenInvalid):
        await world.identity.registration.verify(token)


async def test_a_reset_token_does_not_verify(world):
    await world.a_user()
    await world.identity.passwords.forgot(ADA, source="s")

    with pytest.raises(TokenInvalid):
        await world.identity.registration.verify(await world.newest_token(ADA, "reset-password"))


async def test_the_owner_of_a_taken_address_gets_a_mail_and_nobody_else_learns_of_it(world):
    await world.a_user()

    answer = await world.identity.registration.register(
        Wish("ADA@Example.com", "Mallory", PASSWORD), source="s"
    )

    mails = await world.identity.mailbox.read(ADA)
    assert answer is None
    assert (mails[0].kind, mails[0].token, mails[0].link) == ("account-exists", None, None)
    assert "Ada Lovelace" in mails[0].text


async def test_addresses_are_compared_case_folded(world):
    user = await world.a_user("Ada@Example.COM")

    signed_in = await world.identity.sign_in.login("aDA@example.com", PASSWORD, source="s")

    assert signed_in.user.id == user.id
    assert signed_in.user.email == "Ada@Example.COM"


async def test_each_registration_is_verified_by_its_own_token_with_its_own_password(world):
    others = "another long passphrase here"
    await world.identity.registration.register(Wish(ADA, "Ada Lovelace", PASSWORD), source="s")
    own_token = await world.newest_token(ADA, "verify-email")
    await world.identity.registration.register(Wish(ADA, "Mallory", others), source="s")
    others_token = await world.newest_token(ADA, "verify-email")

    user = await world.identity.registration.verify(own_token)

    assert user.full_name == "Ada Lovelace"
    with pytest.raises(TokenInvalid):
        await world.identity.registration.verify(others_token)
    with pytest.raises(Unauthenticated):
        await world.signed_in(password=others)


async def test_of_two_registrations_verified_at_once_one_gets_the_address(world, database):
    """Each drops the other, and they do not wait for one another in a circle."""
    tokens = []
    for name in ("Ada Lovelace", "Grace Hopper"):
        await world.identity.registration.register(Wish(ADA, name, PASSWORD), source="s")
        tokens.append(await world.newest_token(ADA, "verify-email"))

    async with await psycopg.AsyncConnection.connect(database.owner_dsn) as owner:
        await owner.execute("SELECT FROM users ORDER BY id LIMIT 1 FOR UPDATE")
        both = asyncio.gather(
            *(world.identity.registration.verify(token) for token in tokens),
            return_exceptions=True,
        )
        await _until_waiting(database.owner_dsn, 2)
    answers = await both

    assert sorted(type(answer).__name__ for answer in answers) == ["TokenInvalid", "User"]
    assert await world.query("SELECT status FROM users") == [("active",)]


async def _until_waiting(owner_dsn, count):
    """Return once so many sessions of the database wait for a lock."""
    waiting = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    connect = psycopg.AsyncConnection.connect
    async with asyncio.timeout(60), await connect(owner_dsn, autocommit=True) as looking:
        while await (await looking.execute(waiting)).fetchone() != (count,):
            pass


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        (Wish("no address", "Ada", PASSWORD), "email"),
        (Wish(ADA, "", PASSWORD), "full_name"),
        (Wish(ADA, "A\0", PASSWORD), "full_name"),
        (Wish(ADA, "A" * 101, PASSWORD), "full_name"),
        (Wish(ADA, "Ada", "short"), "password"),
        (Wish(ADA, "Ada", "x1y2" * 300), "password"),
    ],
)
async def test_a_wrong_value_is_named_and_nothing_is_stored(world, wish, field):
    with pytest.raises(FieldInvalid) as refused:
        await world.identity.registration.register(wish, source="s")

    assert refused.value.field == field
    assert await world.query("SELECT FROM users") == []


async def test_registration_and_verification_are_announced_without_the_token(world):
    user = await world.a_user()

    rows = await world.query("SELECT type, aggregateid, payload::text FROM outbox ORDER BY seq")
    assert [row[0] for row in rows] == [
        "dev.gopherpay.user.registered.v1",
        "dev.gopherpay.user.verified.v1",
    ]
    assert {row[1] for row in rows} == {user.id}
    assert not any("token" in row[2] for row in rows)


async def test_a_registration_nobody_proved_is_swept_away_with_everything_of_it(world):
    await world.identity.registration.register(Wish(ADA, "Ada Lovelace", PASSWORD), source="s")
    await world.query("UPDATE users SET created_at = now() - interval '8 days'")

    await world.identity.housekeeping.sweep()

    for table in ("users", "passwords", "mail_tokens", "mails"):
        assert await world.query(f"SELECT FROM {table}") == []


async def test_the_sweep_leaves_what_is_still_of_use(world):
    await world.a_user()
    await world.signed_in()
    await world.identity.passwords.forgot(ADA, source="s")
    tables = ("users", "passwords", "sessions", "mail_tokens", "mails", "throttles")
    before = [await world.query(f"SELECT count(*) FROM {table}") for table in tables]  # noqa: S608

    gone = await world.identity.housekeeping.sweep()

    assert gone == 0
    after = [await world.query(f"SELECT count(*) FROM {table}") for table in tables]  # noqa: S608
    assert after == before
