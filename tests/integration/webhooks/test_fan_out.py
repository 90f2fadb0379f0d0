"""From facts to deliveries, on a real database."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from actors.ports.events import Poison
from tests.fixtures.ledger import a_deposit, a_movement

URL = "http://127.0.0.1:9999/"


async def bodies(town):
    """Return the data of each delivery by webhook."""
    found = await town.query("SELECT webhook_id, body FROM webhook_deliveries")
    return {webhook_id: json.loads(body)["data"] for webhook_id, body in found}


async def a_transfer(town, ada, bob):
    """Let ada pay bob, and return the events from then on."""
    source = await town.bank.wallet(500, owner_id=ada.id)
    destination = await town.bank.wallet(owner_id=bob.id)
    before = len(await town.events())
    await town.bank.post(a_movement(source, destination, 100))
    return (await town.events())[before:]


async def test_both_sides_of_a_transfer_hear_of_it_each_with_its_own_version(town):
    ada, bob = await town.person("ada"), await town.person("bob")
    hers = await town.webhooks.create(ada, URL, [])
    his = await town.webhooks.create(bob, URL, [])

    await town.fan_out(await a_transfer(town, ada, bob))

    found = await bodies(town)
    assert found.keys() == {hers.info.id, his.info.id}
    assert found[hers.info.id].keys() - found[his.info.id].keys() == {"source_version"}
    assert found[his.info.id].keys() - found[hers.info.id].keys() == {"destination_version"}
    assert found[his.info.id]["amount_minor"] == 100


async def test_an_owner_of_both_sides_hears_once_and_sees_both(town):
    ada = await town.person()
    await town.webhooks.create(ada, URL, [])

    await town.fan_out(await a_transfer(town, ada, ada))

    [data] = (await bodies(town)).values()
    assert {"source_version", "destination_version"} <= data.keys()
    assert len(await town.deliveries()) == 1


async def test_an_event_that_comes_ten_times_is_delivered_once(town):
    ada, bob = await town.person("ada"), await town.person("bob")
    await town.webhooks.create(bob, URL, [])
    events = await a_transfer(town, ada, bob)

    await asyncio.gather(*(town.fan_out(events) for _ in range(5)))
    for _ in range(5):
        await town.fan_out(events)

    assert len(await town.deliveries()) == 1
    assert await town.query("SELECT consumer, event_id FROM consumed_events") == [
        ("webhooks", events[0].id)
    ]


async def test_a_filter_lets_through_only_what_it_names(town):
    ada, bob = await town.person("ada"), await town.person("bob")
    await town.webhooks.create(bob, URL, ["deposit.posted"])
    named = await town.webhooks.create(bob, URL, ["dev.gopherpay.transfer.posted.v1"])

    await town.fan_out(await a_transfer(town, ada, bob))

    assert (await bodies(town)).keys() == {named.info.id}


async def test_disabled_and_deleted_webhooks_hear_nothing(town):
    ada, bob = await town.person("ada"), await town.person("bob")
    disabled = await town.webhooks.create(bob, URL, [])
    deleted = await town.webhooks.create(bob, URL, [])
    await town.webhooks.change(bob, disabled.info.id, status="disabled")
    await town.webhooks.delete(bob, deleted.info.id)

    await town.fan_out(await a_transfer(town, ada, bob))

    assert await town.deliveries() == []


async def test_a_webhook_hears_nothing_of_what_was_before_it(town):
    ada = await town.person()
    wallet = await town.bank.wallet(100, owner_id=ada.id)
    await town.webhooks.create(ada, URL, [])
    await town.fan_out()
    before = await town.deliveries()

    await town.bank.post(a_deposit(wallet))
    await town.fan_out()

    assert before == []
    assert len(await town.deliveries()) == 1


async def test_where_nobody_listens_nothing_is_written(town):
    ada, bob = await town.person("ada"), await town.person("bob")
    carol = await town.person("carol")
    await town.webhooks.create(carol, URL, [])

    await town.fan_out(await a_transfer(town, ada, bob))

    assert await town.deliveries() == []
    assert await town.query("SELECT 1 FROM consumed_events") == []


async def test_an_event_of_a_person_reaches_that_person_alone(town):
    ada, bob = await town.person("ada"), await town.person("bob")
    hers = await town.webhooks.create(ada, URL, [])
    await town.webhooks.create(bob, URL, [])
    [verified] = [
        event
        for event in await town.events()
        if event.name == "user.verified" and event.subject == ada.id
    ]

    await town.fan_out([replace(verified, time=verified.time + timedelta(days=1))])

    assert (await bodies(town)).keys() == {hers.info.id}


async def test_the_sender_of_a_refused_transfer_hears_of_it_and_nobody_else(town):
    ada, bob = await town.person("ada"), await town.person("bob")
    hers = await town.webhooks.create(ada, URL, [])
    await town.webhooks.create(bob, URL, [])
    source = await town.bank.wallet(owner_id=ada.id)
    destination = await town.bank.wallet(owner_id=bob.id)
    await town.bank.post(a_movement(source, destination, 100))

    await town.fan_out([each for each in await town.events() if each.name == "transfer.refused"])

    assert (await bodies(town)).keys() == {hers.info.id}


async def test_a_posting_without_its_accounts_is_poison_and_nothing_is_done(town):
    ada, bob = await town.person("ada"), await town.person("bob")
    await town.webhooks.create(bob, URL, [])
    [event] = await a_transfer(town, ada, bob)

    with pytest.raises(Poison):
        await town.fan_out([event, replace(event, data={"amount_minor": 100})])

    assert await town.deliveries() == []


async def test_a_batch_is_looked_up_at_once(town):
    ada = await town.person()
    made = await town.webhooks.create(ada, URL, [])
    wallet = await town.bank.wallet(owner_id=ada.id)
    await town.bank.post(*(a_deposit(wallet) for _ in range(300)))

    await town.fan_out()

    found = await town.query("SELECT webhook_id, count(*) FROM webhook_deliveries GROUP BY 1")
    assert found == [(made.info.id, 301)]  # and the opening of the wallet
