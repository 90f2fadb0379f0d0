"""Webhooks as their owners manage them."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from dataclasses import replace

import pytest

from actors.domain.errors import Forbidden, NotFound
from actors.domain.errors_identity import FieldInvalid, WebhookDisabled, WebhooksTooMany
from actors.domain.principals import PLATFORM_ID, Principal
from actors.domain.webhooks import GIVE_UP_SECONDS, WEBHOOKS_MAX
from actors.ports.webhooks import SealedSecret, SecretUnreadable

URL = "https://shop.example.com/hook"

SEALED = """
SELECT w.id, w.owner_id, w.secret_sealed, u.kek_id, u.data_key
FROM webhooks w JOIN users u ON u.id = w.owner_id ORDER BY w.id
"""


async def test_a_secret_is_shown_once_and_stored_sealed(town):
    ada = await town.person()

    made = await town.webhooks.create(ada, URL, [])

    [row] = await town.query(SEALED)
    stored = await town.query("SELECT to_json(w)::text FROM webhooks w")
    key = b64decode(made.secret.removeprefix("whsec_"))
    assert len(key) == 32
    assert town.secrets.open(SealedSecret(*row)) == key
    assert made.secret not in stored[0][0]
    assert made.secret.encode() not in row[2]


async def test_a_secret_that_was_moved_to_another_webhook_does_not_open(town):
    ada = await town.person()
    for _ in range(2):
        await town.webhooks.create(ada, URL, [])
    first, second = [SealedSecret(*row) for row in await town.query(SEALED)]

    with pytest.raises(SecretUnreadable):
        town.secrets.open(replace(first, sealed=second.sealed))


async def test_a_delivery_whose_secret_does_not_open_says_so(town, receiver):
    await town.listening(receiver.url)
    await town.query(
        "UPDATE webhooks SET secret_sealed = set_byte(secret_sealed, 20,"
        " 255 - get_byte(secret_sealed, 20))"
    )

    await town.send_due()

    assert receiver.requests == []
    assert [row[4] for row in await town.deliveries()] == ["secret-unreadable"]


async def test_nobody_has_more_webhooks_than_the_limit_even_if_asked_at_once(town):
    ada, bob = await town.person("ada"), await town.person("bob")

    made = await asyncio.gather(
        *(town.webhooks.create(ada, URL, []) for _ in range(WEBHOOKS_MAX + 5)),
        return_exceptions=True,
    )

    refused = [each for each in made if isinstance(each, Exception)]
    assert [type(each) for each in refused] == [WebhooksTooMany] * 5
    await town.webhooks.create(bob, URL, [])
    [newest, *_] = await town.webhooks.page(ada, before=None, limit=1)
    await town.webhooks.delete(ada, newest.id)
    await town.webhooks.create(ada, URL, [])


async def test_anothers_webhook_is_none(town):
    ada, bob = await town.person("ada"), await town.person("bob")
    webhook_id = (await town.webhooks.create(ada, URL, [])).info.id
    calls = (
        lambda: town.webhooks.one(bob, webhook_id),
        lambda: town.webhooks.change(bob, webhook_id, status="disabled"),
        lambda: town.webhooks.delete(bob, webhook_id),
        lambda: town.webhooks.deliveries(bob, webhook_id, before=None, limit=9),
        lambda: town.webhooks.replay(bob, webhook_id, webhook_id),
    )

    for call in calls:
        with pytest.raises(NotFound):
            await call()

    assert await town.webhooks.page(bob, before=None, limit=9) == []
    assert (await town.webhooks.one(ada, webhook_id)).status == "active"


async def test_the_platform_itself_owns_none(town):
    platform = Principal(PLATFORM_ID, frozenset({"webhooks:write"}))

    with pytest.raises(Forbidden):
        await town.webhooks.create(platform, URL, [])
    with pytest.raises(Forbidden):
        await town.webhooks.page(platform, before=None, limit=9)


async def test_what_is_not_named_in_a_change_stays(town):
    ada = await town.person()
    info = (await town.webhooks.create(ada, URL, ["deposit.posted"])).info

    moved = await town.webhooks.change(ada, info.id, url=f"{URL}/2")
    all_types = await town.webhooks.change(ada, info.id, event_types=[])

    assert moved == replace(info, url=f"{URL}/2")
    assert all_types == replace(moved, event_types=())
    with pytest.raises(FieldInvalid):
        await town.webhooks.change(ada, info.id, url="file:///etc/passwd")
    assert await town.webhooks.one(ada, info.id) == all_types


async def test_a_webhook_that_is_made_active_again_begins_without_a_past(town):
    ada = await town.person()
    info = (await town.webhooks.create(ada, URL, [])).info
    await town.query("UPDATE webhooks SET status = 'disabled', failing_since = now()")

    again = await town.webhooks.change(ada, info.id, status="active")

    assert again == info


async def test_a_deleted_webhook_is_gone_and_gets_nothing_more(town, receiver):
    ada, made = await town.listening(receiver.url)

    await town.webhooks.delete(ada, made.info.id)
    await town.send_due()

    assert receiver.requests == []
    with pytest.raises(NotFound):
        await town.webhooks.one(ada, made.info.id)
    with pytest.raises(NotFound):
        await town.webhooks.delete(ada, made.info.id)


async def test_a_replay_sends_the_same_again_under_the_same_id(town, receiver):
    ada, made = await town.listening(f"{receiver.url}/")
    await town.send_due()
    [delivered] = await town.webhooks.deliveries(ada, made.info.id, before=None, limit=9)

    again = await town.webhooks.replay(ada, made.info.id, delivered.id)
    await town.send_due()

    first, second = receiver.requests
    assert (delivered.status, delivered.next_attempt_at) == ("delivered", None)
    assert (again.id, again.status, again.attempts) == (delivered.id, "pending", 0)
    assert (first.id, first.body) == (second.id, second.body)


async def test_a_replay_has_all_its_retries_and_three_days_again(town, receiver):
    receiver.status["/"] = [500]
    ada, made = await town.listening(f"{receiver.url}/")
    await town.query(
        "UPDATE webhook_deliveries SET attempts = 11, status = 'failed', give_up_at = now()"
    )
    [failed] = await town.webhooks.deliveries(ada, made.info.id, before=None, limit=9)

    await town.webhooks.replay(ada, made.info.id, failed.id)
    await town.send_due()

    [(seconds,)] = await town.deliveries("extract(epoch FROM give_up_at - created_at)::float8")
    assert seconds >= GIVE_UP_SECONDS
    assert [row[1:3] for row in await town.deliveries()] == [("pending", 1)]


async def test_nothing_is_replayed_to_a_disabled_webhook(town, receiver):
    ada, made = await town.listening(receiver.url)
    [delivery] = await town.webhooks.deliveries(ada, made.info.id, before=None, limit=9)
    await town.webhooks.change(ada, made.info.id, status="disabled")

    with pytest.raises(WebhookDisabled):
        await town.webhooks.replay(ada, made.info.id, delivery.id)


async def test_the_log_is_read_page_by_page_newest_first(town, receiver):
    ada, made = await town.listening(receiver.url, due=5)

    whole = await town.webhooks.deliveries(ada, made.info.id, before=None, limit=9)
    rest = await town.webhooks.deliveries(ada, made.info.id, before=whole[1].id, limit=2)

    assert [each.id for each in whole] == sorted((each.id for each in whole), reverse=True)
    assert rest == whole[2:4]
    assert len(whole) == 5
