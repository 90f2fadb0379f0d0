"""A log-in from elsewhere: who is told, and how little is kept to know it."""

from __future__ import annotations

import asyncio

import pytest

from actors.domain.errors import Unauthenticated
from actors.store.identity.sources import KEPT_OF_USER
from tests.integration.identity.conftest import PASSWORD

HOME, NEIGHBOUR, ELSEWHERE = "192.0.2.1", "192.0.2.254", "198.51.100.7"
HASHES = "SELECT user_id, source_hash FROM known_sources ORDER BY seen_at, source_hash"
AGE = "UPDATE known_sources SET seen_at = seen_at - %s::interval"


async def told(world):
    """Return whom events say to have signed in from elsewhere, and what else they say."""
    return await world.query(
        "SELECT aggregatetype, aggregateid, payload FROM outbox"
        " WHERE type = 'dev.gopherpay.login.new.v1' ORDER BY seq"
    )


async def test_a_log_in_from_elsewhere_is_told_once_and_from_where_is_not(world):
    ada = await world.a_user()
    for source in (HOME, ELSEWHERE, ELSEWHERE, HOME):
        await world.signed_in(source=source)

    assert await told(world) == [("user", ada.id, {"user_id": str(ada.id)})]


async def test_the_first_log_in_is_news_to_nobody(world):
    await world.a_user()

    await world.signed_in(source=HOME)

    assert await told(world) == []
    assert await world.query("SELECT count(*) FROM known_sources") == [(1,)]


async def test_another_address_of_the_same_network_is_known(world):
    await world.a_user()

    for source in (HOME, NEIGHBOUR, f"::ffff:{NEIGHBOUR}"):
        await world.signed_in(source=source)

    assert await told(world) == []


async def test_a_refused_log_in_makes_nothing_known(world):
    await world.a_user()
    await world.signed_in(source=HOME)
    before = await world.query(HASHES)

    with pytest.raises(Unauthenticated):
        await world.signed_in(password="not the password at all", source=ELSEWHERE)

    assert await world.query(HASHES) == before
    assert await told(world) == []


async def test_of_log_ins_from_elsewhere_at_the_same_time_one_is_told(world):
    ada = await world.a_user()
    await world.signed_in(source=HOME)

    await asyncio.gather(*(world.signed_in(source=ELSEWHERE) for _ in range(8)))

    assert [row[1] for row in await told(world)] == [ada.id]


async def test_what_is_kept_neither_tells_the_place_nor_links_people(world):
    for email in ("ada@example.com", "grace@example.com"):
        await world.a_user(email)
        await world.signed_in(email, source=HOME)

    rows = await world.query(HASHES)
    assert len({user_id for user_id, _ in rows}) == 2
    assert len({source_hash for _, source_hash in rows}) == 2
    assert {len(source_hash) for _, source_hash in rows} == {32}
    kept = await world.query("SELECT k::text FROM known_sources k")
    assert not any("192.0.2" in row[0] for row in kept)


async def test_the_newest_few_of_a_user_are_kept(world):
    await world.a_user()
    await world.signed_in(source=HOME)
    oldest = (await world.query(HASHES))[0]
    for net in range(KEPT_OF_USER - 1):
        await world.signed_in(source=f"203.0.{net}.1")
    full = await world.query(HASHES)

    await world.signed_in(source=ELSEWHERE)

    assert (len(full), full[0]) == (KEPT_OF_USER, oldest)
    after = await world.query(HASHES)
    assert after[:-1] == full[1:]
    await world.signed_in(source=HOME)
    assert len(await told(world)) == KEPT_OF_USER + 1


async def test_a_source_that_is_used_stays_known(world):
    await world.a_user()
    await world.signed_in(source=HOME)
    await world.query(AGE, "179 days")
    await world.signed_in(source=HOME)
    await world.query(AGE, "2 days")
    before = await world.query(HASHES)

    gone = await world.identity.housekeeping.sweep()

    assert gone == 0
    assert await world.query(HASHES) == before


async def test_an_old_source_is_swept_and_who_comes_back_is_told(world):
    ada = await world.a_user()
    await world.signed_in(source=HOME)
    await world.query(AGE, "181 days")
    await world.query("UPDATE users SET created_at = created_at - interval '181 days'")

    gone = await world.identity.housekeeping.sweep()

    assert gone == 1
    assert await world.query(HASHES) == []
    await world.signed_in(source=ELSEWHERE)
    assert [row[1] for row in await told(world)] == [ada.id]


async def test_who_leaves_leaves_no_source(world):
    await world.a_user()
    tokens = await world.signed_in(source=HOME)
    await world.signed_in(source=ELSEWHERE)

    await world.identity.profiles.close(await world.who(tokens.access_token), PASSWORD)

    assert await world.query(HASHES) == []
