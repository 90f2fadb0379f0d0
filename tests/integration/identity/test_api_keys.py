"""API keys, and the gate that every request passes."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from actors.domain.errors import InsufficientScope, NotFound, StoreUnavailable, Unauthenticated
from actors.domain.errors_identity import FieldInvalid, ScopeBeyondRole
from actors.domain.principals import PLATFORM_ID
from actors.identity.service import build_gate
from actors.security.opaque_tokens import ApiKey

ADA = "ada@example.com"


async def _session(world, email=ADA):
    return await world.who((await world.signed_in(email)).access_token)


@pytest.fixture
async def ada(world):
    """Return Ada's session."""
    await world.a_user()
    return await _session(world)


async def test_a_key_acts_for_its_user_with_its_own_scopes_only(world, ada):
    made = await world.identity.api_keys.create(ada, "shop", ["accounts:read", "accounts:read"])

    principal = await world.who(made.secret)

    assert (principal.id, principal.session_id) == (ada.id, None)
    assert principal.scopes == {"accounts:read"}
    assert made.info.scopes == ("accounts:read",)


async def test_a_scope_beyond_the_role_is_refused(world, ada):
    with pytest.raises(ScopeBeyondRole):
        await world.identity.api_keys.create(ada, "k", ["accounts:read", "admin:read"])


@pytest.mark.parametrize(
    ("name", "scopes"),
    [("k", []), ("k", ["everything"]), ("", ["accounts:read"]), ("x" * 101, ["accounts:read"])],
)
async def test_a_malformed_wish_is_refused(world, ada, name, scopes):
    with pytest.raises(FieldInvalid):
        await world.identity.api_keys.create(ada, name, scopes)


async def test_an_operators_key_loses_the_operator_scopes_with_the_role(world, ada):
    await world.identity.profiles.grant_operator(ADA)
    made = await world.identity.api_keys.create(ada, "k", ["accounts:read", "admin:read"])
    before = await world.who(made.secret)
    await world.query("UPDATE users SET roles = '{}'")
    world.gate.authenticator._known.clear()  # noqa: SLF001  as two seconds later

    after = await world.who(made.secret)

    assert before.scopes == {"accounts:read", "admin:read"}
    assert after.scopes == {"accounts:read"}


async def test_a_platform_key_belongs_to_the_platform(world):
    made = await world.identity.api_keys.create_for_platform(
        "treasury", ["treasury:write", "admin:read"]
    )

    principal = await world.who(made.secret)

    assert principal.id == PLATFORM_ID
    assert principal.is_platform
    assert principal.scopes == {"treasury:write", "admin:read"}


async def test_a_key_manages_no_keys(world, ada):
    made = await world.identity.api_keys.create(ada, "k", ["accounts:read"])
    principal = await world.who(made.secret)

    for call in (
        world.identity.api_keys.create(principal, "k", ["accounts:read"]),
        world.identity.api_keys.page(principal, before=None, limit=20),
        world.identity.api_keys.delete(principal, made.info.id),
    ):
        with pytest.raises(InsufficientScope):
            await call


async def test_a_deleted_key_is_dead_although_it_is_cached(world, ada):
    made = await world.identity.api_keys.create(ada, "k", ["accounts:read"])
    await world.who(made.secret)
    await world.identity.api_keys.delete(ada, made.info.id)

    with pytest.raises(Unauthenticated):
        await world.who(made.secret)


async def test_somebody_elses_key_is_not_there(world, ada):
    made = await world.identity.api_keys.create(ada, "k", ["accounts:read"])
    await world.a_user("grace@example.com", name="Grace Hopper")
    grace = await _session(world, "grace@example.com")

    for key_id in (made.info.id, uuid4()):
        with pytest.raises(NotFound):
            await world.identity.api_keys.delete(grace, key_id)

    assert await world.who(made.secret)


async def test_keys_are_listed_newest_first_page_by_page_without_the_deleted(world, ada):
    made = [await world.identity.api_keys.create(ada, f"k{n}", ["accounts:read"]) for n in range(5)]
    await world.identity.api_keys.delete(ada, made[2].info.id)

    first = await world.identity.api_keys.page(ada, before=None, limit=2)
    rest = await world.identity.api_keys.page(ada, before=first[-1].id, limit=20)

    assert [key.name for key in first + rest] == ["k4", "k3", "k1", "k0"]


async def test_an_expired_key_is_refused(world, ada):
    soon = datetime.now(UTC) + timedelta(hours=1)
    made = await world.identity.api_keys.create(ada, "k", ["accounts:read"], soon)
    assert await world.who(made.secret)
    world.gate.authenticator._known.clear()  # noqa: SLF001  as two seconds later
    await world.query("UPDATE api_keys SET expires_at = now(), created_at = now() - interval '1 s'")

    with pytest.raises(Unauthenticated):
        await world.who(made.secret)


async def test_a_key_cannot_be_made_to_have_expired(world, ada):
    past = datetime.now(UTC) - timedelta(hours=1)

    with pytest.raises(FieldInvalid) as refused:
        await world.identity.api_keys.create(ada, "k", ["accounts:read"], past)

    assert refused.value.field == "expires_at"


async def test_the_right_id_with_another_secret_is_refused(world, ada):
    made = await world.identity.api_keys.create(ada, "k", ["accounts:read"])

    with pytest.raises(Unauthenticated):
        await world.who(ApiKey(made.info.id, bytes(32)).text)


async def test_no_secret_is_stored(world, ada):
    made = await world.identity.api_keys.create(ada, "k", ["accounts:read"])

    rows = str(await world.query("SELECT * FROM api_keys"))
    assert made.secret not in rows
    assert repr(made.secret.encode()) not in rows


@pytest.mark.parametrize(
    "authorization",
    [
        b"",
        b"Bearer",
        b"Bearer ",
        b"Basic YTpi",
        b"Token x",
        b"Bearer gpk_",
        b"Bearer gpk_" + b"A" * 64,
        b"Bearer \xff\xfe",
        b"Bearer  two",
        b"Bearer a b",
    ],
)
async def test_what_is_no_credential_is_refused(world, authorization):
    with pytest.raises(Unauthenticated):
        await world.gate.authenticator.authenticate(authorization)


@pytest.mark.usefixtures("ada")
async def test_a_refresh_token_opens_no_door(world):
    pair = await world.signed_in()

    with pytest.raises(Unauthenticated):
        await world.who(pair.refresh_token)


@pytest.mark.usefixtures("ada")
async def test_the_scheme_is_read_in_any_case(world):
    token = (await world.signed_in()).access_token.encode()

    for scheme in (b"bearer", b"BEARER"):
        assert await world.gate.authenticator.authenticate(scheme + b" " + token)


@pytest.mark.usefixtures("ada")
async def test_a_known_token_needs_no_database(world):
    token = b"Bearer " + (await world.signed_in()).access_token.encode()
    first = await world.gate.authenticator.authenticate(token)
    await world.pool.close()

    assert await world.gate.authenticator.authenticate(token) is first


@pytest.mark.usefixtures("ada")
async def test_a_credential_that_may_be_dead_is_not_accepted_blindly(world):
    token = b"Bearer " + (await world.signed_in()).access_token.encode()
    await world.pool.close()
    world.gate.revocations._heard_at_seconds = float("-inf")  # noqa: SLF001  as after silence

    with pytest.raises(StoreUnavailable):
        await world.gate.authenticator.authenticate(token)


@pytest.mark.usefixtures("ada")
async def test_a_gate_that_has_just_started_knows_who_died_before(world):
    token = b"Bearer " + (await world.signed_in()).access_token.encode()
    await world.identity.sign_in.logout(
        await world.gate.authenticator.authenticate(token), everywhere=True
    )
    fresh = build_gate(
        world.pool, world.keys.verifying, issuer="https://issuer.test", audience="gopherpay"
    )

    with pytest.raises(Unauthenticated):
        await fresh.authenticator.authenticate(token)


@pytest.mark.usefixtures("ada")
async def test_the_watch_hears_of_a_logout_by_itself(world):
    pair = await world.signed_in()
    principal = await world.who(pair.access_token)
    loop = asyncio.create_task(world.gate.revocations.run())
    await world.identity.sign_in.logout(principal, everywhere=False)

    async with asyncio.timeout(60):
        while not world.gate.revocations.is_dead([principal.session_id]):
            await world.query("SELECT")

    loop.cancel()
    with pytest.raises(asyncio.CancelledError):
        await loop
