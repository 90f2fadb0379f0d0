"""Mails with secrets: opened just before they are sent, and nowhere else."""

from actors.identity.registration import Wish
from actors.store.deliveries import PostgresDeliveries
from tests.doubles.novu import faults
from tests.integration.novu.conftest import PASSWORD, until

TRIGGER = "/v1/events/trigger"


async def registered(scene, email="ada@example.com"):
    """Register and return the mail with its token, as its reader would see it."""
    wish = Wish(email, "Ada Lovelace", PASSWORD)
    await scene.identity.registration.register(wish, source="test")
    return (await scene.identity.mailbox.read(email))[0]


async def texts_of(scene):
    """Return everything that the tables hold but the sealed mails themselves."""
    tables = await scene.query(
        "SELECT table_name FROM information_schema.tables"
        " WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
    )
    rows = [
        row
        for (table,) in tables
        if table != "alembic_version"
        for row in await scene.query(f"SELECT t::text FROM {table} t")  # noqa: S608  its own tables
    ]
    return "\n".join(text for (text,) in rows)


async def test_a_verification_mail_goes_out_once_with_its_link(scene):
    mail = await registered(scene)

    async with scene.running():
        await until(lambda: scene.is_all("sent"))

    (told,) = scene.double.world.notifications
    assert told.workflow == "gopherpay-verify-email"
    assert told.payload["title"] == "Confirm your address"
    assert told.payload["data"] == {"link": mail.link}
    assert told.payload["channels"] == ["email"]
    assert mail.token in told.payload["body"]
    assert scene.double.world.subscribers[told.subscriber_id]["email"] == "ada@example.com"
    assert await scene.query("SELECT sent_at IS NOT NULL, id FROM mails") == [(True, mail.id)]


async def test_a_mail_goes_out_in_the_language_of_its_reader(scene):
    wish = Wish("linh@example.com", "Nguyễn Linh", PASSWORD, "vi")
    await scene.identity.registration.register(wish, source="test")
    mail = (await scene.identity.mailbox.read("linh@example.com"))[0]

    async with scene.running():
        await until(lambda: scene.is_all("sent"))

    (told,) = scene.double.world.notifications
    assert (told.payload["language"], told.payload["title"]) == ("vi", mail.subject)
    assert told.payload["title"] == "Xác nhận địa chỉ của bạn"
    assert told.payload["body"].startswith("Chào Nguyễn Linh, ")


async def test_every_kind_of_mail_goes_out(scene):
    await scene.a_user()
    await registered(scene)  # the address is taken: its owner is told
    await scene.identity.passwords.forgot("ada@example.com", source="test")

    async with scene.running():
        await until(lambda: _sent(scene, 2))
        reset = (await scene.identity.mailbox.read("ada@example.com"))[0]
        await scene.identity.passwords.reset(reset.token, "another horse battery staple")
        await until(lambda: _sent(scene, 3))

    workflows = [each.workflow for each in scene.double.world.notifications]
    assert sorted(workflows[:2]) == ["gopherpay-account-exists", "gopherpay-reset-password"]
    assert workflows[2] == "gopherpay-password-changed"


async def test_a_token_is_in_no_row_and_in_no_log(scene, caplog, capfd):
    # Every way of a mail: refused, answered late, doubted, replayed, sent.
    scene.double.faults.plan(faults.FAILED_AFTER, path=TRIGGER)
    scene.double.faults.plan(faults.KEPT_FAILURE, path=TRIGGER)
    scene.double.faults.plan(faults.Fault(status=422), path=TRIGGER)
    mails = [await registered(scene, f"ada{number}@example.com") for number in range(5)]

    async with scene.running():
        await until(lambda: scene.query("SELECT 1 FROM mails HAVING count(sent_at) >= 4"))

    kept, logged = await texts_of(scene), "".join([caplog.text, *capfd.readouterr()])
    told = str(scene.double.world.notifications)
    assert "delivery.failed" in logged
    for mail in mails:
        assert mail.token not in kept
        assert mail.token not in logged
        assert str(mail.id) in kept
    assert sum(mail.token in told for mail in mails) >= 4


async def test_a_token_that_ran_out_is_not_sent(scene):
    await registered(scene)
    await scene.query("UPDATE mails SET created_at = created_at - interval '15 minutes'")

    async with scene.running():
        await until(lambda: scene.is_all("expired"))

    assert scene.double.exchanges == []
    assert await scene.query("SELECT sent_at FROM mails") == [(None,)]


async def test_a_reset_lives_ten_minutes_and_news_three_days(scene):
    await scene.a_user()
    await registered(scene)
    await scene.identity.passwords.forgot("ada@example.com", source="test")

    await PostgresDeliveries(scene.pool).add_mails(window_seconds=60)

    lives = await scene.query(
        "SELECT d.workflow, extract(epoch FROM d.expires_at - m.created_at)::integer"
        " FROM notification_deliveries d JOIN mails m ON m.id = d.event_id ORDER BY 1"
    )
    assert lives == [
        ("gopherpay-account-exists", 3 * 86_400),
        ("gopherpay-reset-password", 600),
    ]


async def test_a_mail_does_not_wait_behind_news(scene):
    user_id = await scene.a_user()
    for _ in range(5):
        await scene.due(user_id)
    mail = await registered(scene, "bob@example.com")

    async with scene.courier(places=2) as courier:
        await courier.round()

    told = [each.workflow for each in scene.double.world.notifications]
    assert sorted(told) == ["gopherpay-transfer-received", "gopherpay-verify-email"]
    assert mail.token in str(scene.double.world.notifications)


async def test_a_mail_becomes_one_delivery_however_often_it_is_seen(scene):
    await registered(scene)
    deliveries = PostgresDeliveries(scene.pool)

    added = [await deliveries.add_mails(window_seconds=window) for window in (60, 60, 86_400)]

    assert added == [1, 0, 0]


async def test_a_mail_whose_person_is_gone_is_dropped(scene):
    await registered(scene)
    await PostgresDeliveries(scene.pool).add_mails(window_seconds=60)
    await scene.query("DELETE FROM users")

    async with scene.running():
        await until(lambda: scene.is_all("failed"))

    assert scene.double.exchanges == []


async def _sent(scene, count):
    return await scene.query(
        "SELECT 1 FROM notification_deliveries WHERE status = 'sent' HAVING count(*) = %s", count
    )
