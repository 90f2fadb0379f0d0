"""Guessing is slowed down, by account and by source, and no restart forgives."""

from __future__ import annotations

import asyncio

import pytest

from actors.domain.errors import Throttled, Unauthenticated
from actors.domain.errors_identity import PasswordWrong
from actors.identity.registration import Wish
from tests.integration.identity.conftest import PASSWORD, a_world

ADA = "ada@example.com"
WRONG = "this is not the password"
LATER = (
    "UPDATE throttles SET blocked_until = blocked_until - make_interval(secs => %s),"
    " window_ends_at = window_ends_at - make_interval(secs => %s)"
)


async def _fail(world, times, email=ADA):
    for _ in range(times):
        with pytest.raises(Unauthenticated):
            await world.signed_in(email, password=WRONG)


@pytest.mark.parametrize("email", [ADA, "nobody@example.com"])
async def test_after_ten_failures_an_account_waits_whether_it_exists_or_not(world, email):
    await world.a_user()
    await _fail(world, 10, email)

    with pytest.raises(Throttled) as refused:
        await world.signed_in(email)

    assert 1 <= refused.value.retry_after_seconds <= 15


async def test_the_wait_grows_and_ends_at_a_quarter_of_an_hour(world):
    await world.a_user()
    await _fail(world, 10)
    waits = []
    for _ in range(9):
        with pytest.raises(Throttled) as refused:
            await world.signed_in(password=WRONG)
        waits.append(refused.value.retry_after_seconds)
        await world.query(LATER, waits[-1], 0)
        await _fail(world, 1)

    assert waits == [15, 30, 60, 120, 240, 480, 900, 900, 900]


async def test_after_the_wait_the_right_password_opens_and_forgives(world):
    await world.a_user()
    await _fail(world, 10)
    await world.query(LATER, 15, 0)

    await world.signed_in()

    await _fail(world, 9)
    assert await world.signed_in()


async def test_a_waiting_account_does_not_stop_another(world):
    await world.a_user()
    await world.a_user("grace@example.com", name="Grace Hopper")
    await _fail(world, 10)

    assert await world.signed_in("grace@example.com")


async def test_guesses_made_at_once_cannot_all_slip_through(world):
    await world.a_user()

    answers = await asyncio.gather(
        *(world.signed_in(password=WRONG) for _ in range(40)), return_exceptions=True
    )

    assert sum(isinstance(answer, Unauthenticated) for answer in answers) == 10
    assert sum(isinstance(answer, Throttled) for answer in answers) == 30


async def test_failures_survive_a_restart(world, database):
    await world.a_user()
    await _fail(world, 10)

    async with a_world(database.app_dsn, world.keys) as restarted:
        with pytest.raises(Throttled):
            await restarted.signed_in()


async def test_one_source_may_fail_three_hundred_times_over_any_accounts(world):
    await world.a_user()
    await _fail(world, 1, "someone@example.com")
    await world.query("UPDATE throttles SET hits = 299 WHERE key = 'login-source:test'")
    await world.signed_in()
    await _fail(world, 1, "another@example.com")

    with pytest.raises(Throttled) as refused:
        await world.signed_in()

    assert 590 <= refused.value.retry_after_seconds <= 600


async def test_a_source_is_free_again_when_its_window_ends(world):
    await world.a_user()
    await world.signed_in()
    await world.query("UPDATE throttles SET hits = 301 WHERE key = 'login-source:test'")
    await world.query(LATER, 0, 600)

    assert await world.signed_in()


async def test_a_source_registers_thirty_times_an_hour(world):
    for number in range(30):
        await world.identity.registration.register(
            Wish(f"user{number}@example.com", "Some Body", PASSWORD), source="one"
        )

    with pytest.raises(Throttled):
        await world.identity.registration.register(Wish(ADA, "Ada", PASSWORD), source="one")

    await world.identity.registration.register(Wish(ADA, "Ada", PASSWORD), source="other")


async def test_a_source_forgets_ten_passwords_an_hour(world):
    await asyncio.gather(*(world.identity.passwords.forgot(ADA, source="one") for _ in range(10)))

    with pytest.raises(Throttled):
        await world.identity.passwords.forgot(ADA, source="one")


async def test_a_signed_in_thief_cannot_guess_the_password_for_ever(world):
    await world.a_user()
    principal = await world.who((await world.signed_in()).access_token)
    for _ in range(10):
        with pytest.raises(PasswordWrong):
            await world.identity.profiles.close(principal, WRONG)

    with pytest.raises(Throttled):
        await world.identity.profiles.close(principal, PASSWORD)


async def test_no_address_is_stored_with_a_throttle(world):
    await _fail(world, 1)

    keys = [row[0] for row in await world.query("SELECT key FROM throttles")]
    assert keys
    assert not any("@" in key or "example" in key for key in keys)
