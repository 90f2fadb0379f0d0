"""Frozen and killed shards: what they hold back or repeat, the books hold right."""

import asyncio
from collections import Counter
from signal import SIGCONT, SIGSTOP

from actors.domain.slots import SLOT_COUNT
from actors.runtime.messages import Status
from tests.integration.runtime.books import a_movement
from tests.integration.runtime.stage import FOR_EVER_SECONDS, ask_directly, health_of, load


def transfers(accounts, count):
    """Return *count* movements round the ring of *accounts*."""
    return [
        a_movement(accounts[turn % len(accounts)], accounts[(turn + 1) % len(accounts)])
        for turn in range(count)
    ]


async def test_a_stale_owner_is_refused_and_its_clients_are_served(shards, client, books):
    accounts = await books.open_accounts(8)
    stale = shards.start("stale", believed_seconds=FOR_EVER_SECONDS)
    await ask_directly(stale, transfers(accounts, 20))
    was_owner = (await health_of(stale))["movements"]
    shards.signal(stale, SIGSTOP)
    books.wait_for_lease_end(stale)
    fresh = shards.start("fresh")
    owners = books.owners()
    client.enter_at(fresh)
    await load(client, transfers(accounts, 20))
    shards.signal(stale, SIGCONT)
    late = transfers(accounts, 20)
    answers = Counter(answer.status for answer in await ask_directly(stale, late))
    refusals = (await health_of(stale))["fenced"]
    await load(client, late)

    assert (was_owner, owners) == (20, {fresh: SLOT_COUNT})
    assert refusals >= 1
    assert answers == {Status.DONE if shards.home == "ingress" else Status.MOVED: 20}
    assert client.untrue(books.posted()) == []
    assert len(books.posted()) == 60
    assert (books.total_minor(), books.are_clean()) == (8 * 1_000, True)


async def test_a_shard_frozen_under_load_loses_and_doubles_nothing(shards, client, books):
    accounts = await books.open_accounts(8)
    frozen = shards.start("frozen")
    client.enter_at(frozen)
    wishes = transfers(accounts, 600)
    moving = asyncio.create_task(load(client, wishes))
    await client.told_so_many(100)
    shards.signal(frozen, SIGSTOP)
    books.wait_for_lease_end(frozen)
    fresh = shards.start("fresh")
    client.enter_at(fresh)
    shards.signal(frozen, SIGCONT)
    await moving

    assert len(client.told) == len(books.posted()) == 600
    assert client.untrue(books.posted()) == []
    assert await client.changed() == []
    assert (books.total_minor(), books.are_clean()) == (8 * 1_000, True)


async def test_a_shard_killed_under_load_loses_and_doubles_nothing(shards, client, books):
    accounts = await books.open_accounts(32)
    killed, other = shards.start("killed"), shards.start("other")
    client.enter_at(killed, other)
    wishes = transfers(accounts, 600)
    moving = asyncio.create_task(load(client, wishes))
    await client.told_so_many(100)
    shards.kill(killed)
    await moving

    assert len(client.told) == len(books.posted()) == 600
    assert client.untrue(books.posted()) == []
    assert await client.changed() == []
    assert (books.total_minor(), books.are_clean()) == (32 * 1_000, True)


async def test_one_hot_account_is_drained_exactly(shards, books):
    hot, sink = await books.open_accounts(2, 100)
    address = shards.start("one")
    answers = await ask_directly(address, [a_movement(hot, sink, 30) for _ in range(10)])

    verdicts = Counter(answer.outcome.verdict for answer in answers)
    assert verdicts == {"posted": 3, "refused": 7}
    assert books.total_minor() == 200
