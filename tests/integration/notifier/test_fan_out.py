"""The effect of the group notifier, on a real database and the facts that the platform writes."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from uuid import UUID

import pytest

from actors.domain.principals import USER_SCOPES, Principal
from actors.ids import new_id
from actors.notifier.kinds import DEFAULTS
from actors.ports.events import Poison
from actors.ports.notifications import Channels
from actors.store.subscribers import mark_changed
from tests.fixtures.ledger import a_movement
from tests.integration.notifier.conftest import PASSWORD

NOTHING = Channels(in_app=False, email=False, push=False)


@pytest.fixture
async def pair(stage):
    """Return two people and an account of each; all that led here has been told."""
    ada = await stage.person("ada@example.com", "Ada Lovelace")
    linh = await stage.person("linh@example.com", "Nguyễn Linh", "vi")
    accounts = await stage.wallet(ada, 10_000), await stage.wallet(linh)
    return ada, linh, *accounts


async def test_a_transfer_is_told_to_both_sides_in_their_language(stage, pair):
    ada, linh, source, destination = pair
    await stage.bank.post(a_movement(source, destination, 1050, description="Lunch"))

    await stage.fan_out().apply(await stage.events("transfer.posted"))

    [sent], [received] = await stage.told(ada), await stage.told(linh)
    assert (sent.kind, sent.body) == ("transfer.sent", "You sent N*** L. $10.50. “Lunch”")
    assert received.kind == "transfer.received"
    assert received.body == "A*** L. đã chuyển cho bạn 10,50\xa0US$. “Lunch”"


async def test_however_often_an_event_comes_it_is_told_once(stage, pair):
    ada, linh, source, destination = pair
    await stage.bank.post(*(a_movement(source, destination) for _ in range(5)))
    events = await stage.events()
    fan_out = stage.fan_out(sends=True)

    for _ in range(10):
        await fan_out.apply(events)
    await stage.fan_out(sends=True).apply([*events, *events])

    assert fan_out.events == len(events)
    assert [kept.number for kept in await stage.told(ada)] == [1, 2, 3, 4, 5, 6]
    assert [kept.number for kept in await stage.told(linh)] == [1, 2, 3, 4, 5]
    [(deliveries, distinct)] = await stage.rows(
        "SELECT count(*), count(DISTINCT (event_id, workflow, subscriber_id))"
        " FROM notification_deliveries"
    )
    assert deliveries == distinct == 6  # five received and the deposit; what is sent is quiet


async def test_an_event_that_comes_twice_in_one_batch_is_told_once(stage, pair):
    ada, *_, source, destination = pair
    await stage.bank.post(a_movement(source, destination))
    events = await stage.events("transfer.posted")

    await stage.fan_out(sends=True).apply([*events, *events])

    assert [kept.number for kept in await stage.told(ada)] == [1]


async def test_several_notifiers_at_once_number_without_gaps_and_never_dead_lock(stage, pair):
    ada, linh, source, destination = pair
    back = await stage.wallet(linh, 10_000)
    for _ in range(20):
        await stage.bank.post(
            a_movement(source, destination), a_movement(back, await stage.wallet(ada))
        )
    events = await stage.events("transfer.posted")
    batches = [events[begin::7] for begin in range(7)] + [events[::-1]]

    await asyncio.gather(*(stage.fan_out().apply(batch) for batch in batches))

    for user_id in (ada, linh):
        numbers = [kept.number for kept in await stage.told(user_id)]
        assert numbers == list(range(1, 41))


async def test_what_somebody_does_not_want_is_not_told_that_way(stage, pair):
    ada, linh, source, destination = pair
    await stage.preferences.choose(ada, {"transfer.sent": NOTHING})
    await stage.preferences.choose(linh, {"transfer.received": NOTHING._replace(push=True)})
    await stage.bank.post(a_movement(source, destination))

    await stage.fan_out(sends=True).apply(await stage.events("transfer.posted"))

    assert await stage.told(ada) == await stage.told(linh) == []
    rows = await stage.rows("SELECT subscriber_id, workflow, payload FROM notification_deliveries")
    [(subscriber_id, workflow, payload)] = rows
    assert (subscriber_id, workflow) == (linh, "gopherpay-transfer-received")
    assert payload["channels"] == ["push"]
    assert payload["language"] == "vi"
    assert payload["data"]["amount"] == "1.00"


async def test_without_a_sender_there_are_no_deliveries(stage, pair):
    *_, source, destination = pair
    await stage.bank.post(a_movement(source, destination))

    await stage.fan_out().apply(await stage.events())

    assert await stage.rows("SELECT count(*) FROM notification_deliveries") == [(0,)]


async def test_a_silenced_security_kind_is_told_all_the_same(stage, pair):
    ada, _, source, _ = pair
    await stage.preferences.choose(ada, {"account.frozen": NOTHING})
    await stage.bank.accounts.freeze(source, "looks odd")

    await stage.fan_out(sends=True).apply(await stage.events("account.frozen"))

    [frozen] = await stage.told(ada)
    assert frozen.kind == "account.frozen"
    assert "odd" not in frozen.body + frozen.data
    assert DEFAULTS["account.frozen"].email
    assert await stage.rows("SELECT count(*) FROM notification_deliveries") == [(1,)]


async def test_a_new_password_is_not_mailed_twice(stage, pair):
    ada, *_ = pair
    await stage.identity.passwords.forgot("ada@example.com", source="test")
    mails = await stage.identity.mailbox.read("ada@example.com")
    await stage.identity.passwords.reset(mails[0].token, "a much better passphrase")

    await stage.fan_out(sends=True).apply(await stage.events("credential.changed"))

    [changed] = await stage.told(ada)
    assert changed.title == "Your password has changed"
    assert await stage.rows("SELECT payload->'channels' FROM notification_deliveries") == [
        (["push"],)
    ]


async def test_a_sign_in_from_elsewhere_is_told_every_way(stage, pair):
    _, linh, *_ = pair
    for source in ("192.0.2.1", "198.51.100.7", "192.0.2.2"):
        await stage.identity.sign_in.login("linh@example.com", PASSWORD, source=source)

    await stage.fan_out(sends=True).apply(await stage.events("login.new"))

    [sign_in] = await stage.told(linh)
    assert (sign_in.kind, sign_in.title) == ("login.new", "Có đăng nhập mới vào tài khoản")
    assert await stage.rows(
        "SELECT workflow, payload->'channels' FROM notification_deliveries"
    ) == [("gopherpay-login-new", ["email", "push"])]


async def test_who_has_left_is_told_nothing(stage, pair):
    ada, linh, source, destination = pair
    await stage.bank.post(a_movement(source, destination))
    await stage.owner.execute(
        "UPDATE users SET status = 'closed', closed_at = now() WHERE id = %s", (ada,)
    )

    await stage.fan_out().apply(await stage.events("transfer.posted"))

    assert await stage.told(ada) == []
    assert [kept.body for kept in await stage.told(linh)] == ["Bạn đã nhận được 1,00\xa0US$."]


async def test_accounts_of_nobody_are_told_to_nobody(stage):
    source, destination = await stage.wallet(new_id(), 500), await stage.wallet(new_id())
    await stage.bank.post(a_movement(source, destination))

    await stage.fan_out().apply(await stage.events())

    assert await stage.rows("SELECT count(*) FROM notifications") == [(0,)]
    assert await stage.rows("SELECT count(*) > 0 FROM consumed_events") == [(True,)]


async def test_an_event_at_fault_leaves_nothing_of_its_batch(stage, pair):
    ada, *_, source, destination = pair
    await stage.bank.post(a_movement(source, destination))
    [event] = await stage.events("transfer.posted")
    broken = replace(event, id=new_id(), data={**event.data, "currency": "XXX"})

    with pytest.raises(Poison):
        await stage.fan_out().apply([event, broken])

    assert await stage.told(ada) == []
    assert await stage.rows("SELECT count(*) FROM consumed_events") == [(0,)]


async def test_a_notice_has_the_time_and_the_id_of_its_event(stage, pair):
    ada, *_, source, destination = pair
    await stage.bank.post(a_movement(source, destination))
    [event] = await stage.events("transfer.posted")

    await stage.fan_out().apply([event])

    [sent] = await stage.told(ada)
    assert sent.created_at == event.time
    assert sent.id.version == 7
    assert sent.id.int >> 80 == int(event.time.timestamp() * 1000)


async def test_a_changed_profile_is_marked_and_its_name_asked_for_anew(stage, pair):
    ada, linh, source, destination = pair
    fan_out = stage.fan_out(sends=True, mark_changed=mark_changed)
    await stage.owner.execute(
        "INSERT INTO novu_subscribers (user_id, profile_hash) VALUES (%s, '')", (ada,)
    )
    await stage.bank.post(a_movement(source, destination))
    await fan_out.apply(await stage.events("transfer.posted"))
    await _rename(stage, ada, "Grace Hopper")
    await fan_out.apply(await stage.events("user.updated"))
    await stage.bank.post(a_movement(source, destination))

    await fan_out.apply(await stage.events())

    bodies = [kept.body for kept in await stage.told(linh)]
    assert [body.split(" đã")[0] for body in bodies] == ["A*** L.", "G*** H."]
    assert await stage.rows("SELECT due_at IS NOT NULL FROM novu_subscribers") == [(True,)]


async def _rename(stage, user_id, name):
    principal = Principal(user_id, USER_SCOPES, session_id=UUID(int=9))
    await stage.identity.profiles.change(principal, full_name=name)
