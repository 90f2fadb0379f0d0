"""Sessions: opening, refreshing, ending, and what a thief of a refresh token gets."""

from __future__ import annotations

import asyncio

import pytest

from actors.domain.errors import InsufficientScope, Overloaded, Unauthenticated
from actors.domain.errors_identity import FieldInvalid
from actors.domain.events import login_new
from actors.domain.principals import OPERATOR_SCOPES, USER_SCOPES
from actors.ids import new_id
from actors.security.opaque_tokens import read_refresh_token, refresh_token
from actors.store.identity.sessions import NewSession
from tests.integration.identity.conftest import PASSWORD, a_world

ADA = "ada@example.com"

LOST_ANSWER = "UPDATE sessions SET refreshed_at = refreshed_at - make_interval(secs => %s)"


async def test_an_access_token_says_who_signed_in(world):
    user = await world.a_user()

    principal = await world.who((await world.signed_in()).access_token)

    assert principal.id == user.id
    assert principal.scopes == USER_SCOPES
    assert principal.session_id is not None
    assert not principal.is_operator


@pytest.mark.parametrize("password", [PASSWORD + ".", PASSWORD[:-1], PASSWORD.upper(), "", "\0"])
async def test_another_password_is_refused(world, password):
    await world.a_user()

    with pytest.raises(Unauthenticated):
        await world.signed_in(password=password)


async def test_a_password_beyond_the_limit_is_refused_before_any_hashing(world):
    with pytest.raises(FieldInvalid):
        await world.signed_in(password="é" * 513)


@pytest.mark.parametrize("email", ["nobody@example.com", "no address", "", "\0", "a" * 5000])
async def test_an_unknown_address_is_refused_as_a_wrong_password_is(world, email):
    with pytest.raises(Unauthenticated) as unknown:
        await world.signed_in(email)

    await world.a_user()
    with pytest.raises(Unauthenticated) as wrong:
        await world.signed_in(password="not the password at all")
    assert str(unknown.value) == str(wrong.value)


async def test_a_closed_user_cannot_log_in(world):
    await world.a_user()
    principal = await world.who((await world.signed_in()).access_token)
    await world.identity.profiles.close(principal, PASSWORD)

    with pytest.raises(Unauthenticated):
        await world.signed_in()


async def test_a_login_runs_the_same_statements_for_known_and_unknown_addresses(world):
    await world.a_user()
    counts = []
    for email in (ADA, "nobody@example.com"):
        before = await _statements(world)
        with pytest.raises(Unauthenticated):
            await world.signed_in(email, password="not the password at all")
        counts.append(await _statements(world) - before)

    assert counts[0] == counts[1]


async def _statements(world):
    """Return how many transactions the database has committed and rolled back."""
    await world.query("SELECT pg_stat_force_next_flush()")
    rows = await world.query(
        "SELECT xact_commit + xact_rollback FROM pg_stat_database"
        " WHERE datname = current_database()"
    )
    return rows[0][0]


async def test_a_refresh_gives_a_new_pair_of_the_same_session(world):
    await world.a_user()
    first = await world.signed_in()

    second = await world.identity.sign_in.refresh(first.refresh_token)

    assert second.refresh_token != first.refresh_token
    before, after = await world.who(first.access_token), await world.who(second.access_token)
    assert before.session_id == after.session_id


async def test_a_lost_answer_is_given_again(world):
    await world.a_user()
    first = await world.signed_in()
    lost = await world.identity.sign_in.refresh(first.refresh_token)
    await world.query(LOST_ANSWER, 9)

    again = await world.identity.sign_in.refresh(first.refresh_token)

    assert again.refresh_token == lost.refresh_token


async def test_a_token_used_after_the_grace_ends_the_session(world):
    await world.a_user()
    first = await world.signed_in()
    second = await world.identity.sign_in.refresh(first.refresh_token)
    await world.query(LOST_ANSWER, 11)

    with pytest.raises(Unauthenticated):
        await world.identity.sign_in.refresh(first.refresh_token)

    with pytest.raises(Unauthenticated):
        await world.identity.sign_in.refresh(second.refresh_token)
    with pytest.raises(Unauthenticated):
        await world.who(second.access_token)


async def test_a_token_two_generations_old_ends_the_session_at_once(world):
    await world.a_user()
    first = await world.signed_in()
    second = await world.identity.sign_in.refresh(first.refresh_token)
    third = await world.identity.sign_in.refresh(second.refresh_token)

    with pytest.raises(Unauthenticated):
        await world.identity.sign_in.refresh(first.refresh_token)

    with pytest.raises(Unauthenticated):
        await world.identity.sign_in.refresh(third.refresh_token)


async def test_fifty_parallel_refreshes_give_one_successor(world):
    await world.a_user()
    first = await world.signed_in()

    pairs = await asyncio.gather(
        *(world.identity.sign_in.refresh(first.refresh_token) for _ in range(50))
    )

    assert len({pair.refresh_token for pair in pairs}) == 1
    assert await world.query("SELECT refresh_counter FROM sessions") == [(1,)]


async def test_a_forged_refresh_token_is_refused_and_harms_nobody(world):
    await world.a_user()
    pair = await world.signed_in()
    token = read_refresh_token(pair.refresh_token)
    forged = refresh_token(b"another key" * 3, token.session_id, 7, b"salt")

    with pytest.raises(Unauthenticated):
        await world.identity.sign_in.refresh(forged.text)

    assert await world.identity.sign_in.refresh(pair.refresh_token)


@pytest.mark.parametrize("text", ["", "gpr_", "gpr_!!", "gpk_" + "A" * 70, "gpr_" + "A" * 70])
async def test_what_is_no_refresh_token_is_refused(world, text):
    with pytest.raises(Unauthenticated):
        await world.identity.sign_in.refresh(text)


async def test_an_access_token_does_not_refresh(world):
    await world.a_user()
    pair = await world.signed_in()

    with pytest.raises(Unauthenticated):
        await world.identity.sign_in.refresh(pair.access_token)


@pytest.mark.parametrize(
    "ageing",
    [
        "UPDATE sessions SET refreshed_at = now() - interval '7 days'",
        "UPDATE sessions SET expires_at = now()",
    ],
)
async def test_an_idle_or_old_session_is_over(world, ageing):
    await world.a_user()
    pair = await world.signed_in()
    await world.query(ageing)

    with pytest.raises(Unauthenticated):
        await world.identity.sign_in.refresh(pair.refresh_token)


async def test_a_logout_ends_this_session_alone(world):
    await world.a_user()
    one, other = await world.signed_in(), await world.signed_in()

    await world.identity.sign_in.logout(await world.who(one.access_token), everywhere=False)

    for call in (world.who(one.access_token), world.identity.sign_in.refresh(one.refresh_token)):
        with pytest.raises(Unauthenticated):
            await call
    assert await world.who(other.access_token)


async def test_a_logout_everywhere_ends_every_session(world):
    await world.a_user()
    one, other = await world.signed_in(), await world.signed_in()

    await world.identity.sign_in.logout(await world.who(one.access_token), everywhere=True)

    for pair in (one, other):
        with pytest.raises(Unauthenticated):
            await world.who(pair.access_token)


async def test_an_operators_next_token_carries_the_operator_scopes(world):
    await world.a_user()
    await world.identity.profiles.grant_operator("ADA@example.com")

    principal = await world.who((await world.signed_in()).access_token)

    assert principal.is_operator
    assert principal.scopes == USER_SCOPES | OPERATOR_SCOPES


async def test_a_key_cannot_log_anybody_out(world):
    made = await world.identity.api_keys.create_for_platform("k", ["admin:read"])

    with pytest.raises(InsufficientScope):
        await world.identity.sign_in.logout(await world.who(made.secret), everywhere=True)


async def test_a_login_hashes_again_when_the_cost_has_changed(world, database):
    await world.a_user()
    async with a_world(database.app_dsn, world.keys, bcrypt_cost=5) as costlier:
        await costlier.signed_in()

        assert await costlier.signed_in()
        assert await costlier.query("SELECT cost, left(hash, 7) FROM passwords") == [(5, "$2b$05$")]


async def test_a_flood_is_refused_at_once_and_costs_no_guess(world, database):
    # A hash takes far longer than all log-ins take to come.
    narrowly = {"hash_threads": 1, "hash_queue": 1, "bcrypt_cost": 11}
    async with a_world(database.app_dsn, world.keys, **narrowly) as narrow:
        await narrow.a_user()
        answers = await asyncio.gather(
            *(narrow.signed_in() for _ in range(8)), return_exceptions=True
        )

        refused = [each for each in answers if isinstance(each, Exception)]
        assert refused
        assert all(isinstance(each, Overloaded) for each in refused)
        assert all(each.retry_after_seconds >= 1 for each in refused)
        assert await narrow.query("SELECT hits FROM throttles WHERE key LIKE 'login:%%'") in (
            [],
            [(0,)],
        )


async def test_a_login_that_crosses_a_password_change_opens_no_session(world):
    user = await world.a_user()
    proven = await world.identity.profiles.users.password_of(user.id)
    principal = await world.who((await world.signed_in()).access_token)
    await world.identity.passwords.change(principal, PASSWORD, "quite another passphrase")

    crossed = NewSession(new_id(), user.id, b"salt", proven, b"s" * 32)
    opened = await world.identity.sign_in.sessions.open(crossed, login_new(user.id))

    assert opened is None
    assert await world.query("SELECT count(*) FROM known_sources") == [(1,)]
