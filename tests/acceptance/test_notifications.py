"""The inbox, the preferences and the stream over HTTP."""

from __future__ import annotations

import asyncio
import json
from uuid import UUID

import pytest

from actors.domain.events import CloudEvent
from actors.ids import new_id
from actors.notifier.fan_out import FanOut
from actors.notifier.kinds import DEFAULTS, KINDS, LOCKED
from actors.store.notifications import NoticeStore
from actors.store.pool import Pool
from tests.fixtures.platform import ELSEWHERE, HOME, a_key

PATH = "/v1/notifications"
PREFERENCES = f"{PATH}/preferences"
MEMBERS = {"id", "kind", "title", "body", "data", "read_at", "created_at"}

EVENTS = """
SELECT id, type, aggregateid, occurred_at, payload FROM outbox
WHERE payload::text LIKE '%%' || %s::text || '%%' ORDER BY seq
"""


class Nobody:
    async def masked(self, _user_ids):
        return {}


def tell(platform, thing_id):
    """Have the notifier tell what concerns an account or a person."""
    asyncio.run(_tell(platform.owner_dsn, thing_id))


async def _tell(dsn, thing_id):
    pool = Pool(dsn, size_max=2, name="tests", wait_seconds=30)
    await pool.open()
    try:
        rows = await pool.search(EVENTS, (thing_id,))
        events = [CloudEvent(row[0], row[1], "test", *row[2:]) for row in rows]
        await FanOut(NoticeStore(pool), Nobody(), sends=False).apply(events)
    finally:
        await pool.close()


@pytest.fixture
def told(platform):
    """Return somebody who was told of three deposits."""
    person = platform.person()
    account_id = person.wallet()
    for amount in ("1.00", "2.00", "3.00"):
        platform.deposit(account_id, amount)
    tell(platform, account_id)
    return person


def test_the_inbox_shows_what_happened_newest_first(told):
    answer = told.http.get(PATH)

    assert answer.status_code == 200
    page = answer.json()
    assert page["next_cursor"] is None
    assert [each["title"] for each in page["data"]] == [
        "You received $3.00",
        "You received $2.00",
        "You received $1.00",
    ]
    newest = page["data"][0]
    assert newest.keys() == MEMBERS
    assert (newest["kind"], newest["read_at"]) == ("transfer.received", None)
    assert newest["data"]["amount"] == "3.00"
    assert newest["created_at"].endswith("Z")
    assert UUID(newest["id"]).version == 7


def test_pages_follow_one_another(told):
    first = told.http.get(PATH, params={"limit": 2}).json()
    second = told.http.get(PATH, params={"limit": 2, "cursor": first["next_cursor"]}).json()

    ids = [each["id"] for page in (first, second) for each in page["data"]]
    assert ids == [each["id"] for each in told.http.get(PATH).json()["data"]]
    assert second["next_cursor"] is None


def test_a_cursor_counts_for_its_own_filter(told):
    cursor = told.http.get(PATH, params={"limit": 1}).json()["next_cursor"]

    answer = told.http.get(PATH, params={"limit": 1, "unread": "true", "cursor": cursor})

    assert (answer.status_code, answer.json()["code"]) == (400, "cursor-invalid")


def test_what_was_read_keeps_the_time_of_the_first_reading(told):
    one = told.http.get(PATH).json()["data"][1]["id"]

    first = told.http.post(f"{PATH}/{one}/read")
    second = told.http.post(f"{PATH}/{one}/read", json={})

    assert first.status_code == second.status_code == 200
    assert first.json()["read_at"] is not None
    assert second.json() == first.json()
    unread = told.http.get(PATH, params={"unread": "true"}).json()["data"]
    assert one not in [each["id"] for each in unread]
    assert len(unread) == 2
    assert len(told.http.get(PATH, params={"unread": "false"}).json()["data"]) == 3


def test_all_can_be_read_at_once(told):
    counts = [told.http.post(f"{PATH}/read-all").json() for _ in range(2)]

    assert counts == [{"updated": 3}, {"updated": 0}]
    assert told.http.get(PATH, params={"unread": "true"}).json()["data"] == []


def test_anothers_notification_does_not_exist(platform, told):
    one = told.http.get(PATH).json()["data"][0]["id"]
    stranger = platform.person().http

    answers = [stranger.post(f"{PATH}/{each}/read") for each in (one, new_id())]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert stranger.get(PATH).json()["data"] == []


def test_both_sides_of_a_transfer_hear_of_it_in_their_languages(platform):
    ada, source = platform.funded()
    linh = platform.person()
    changed = linh.http.patch("/v1/users/me", json={"language": "vi"})
    destination = linh.wallet()
    body = {
        "source_account_id": source,
        "destination_account_id": destination,
        "amount": "10.50",
        "currency": "USD",
        "description": "Phở",
    }
    assert ada.http.post("/v1/transfers", json=body, headers=a_key()).status_code == 201

    tell(platform, destination)

    assert changed.json()["language"] == "vi"
    [sent], [received] = (each.http.get(PATH).json()["data"] for each in (ada, linh))
    assert (sent["kind"], sent["body"]) == ("transfer.sent", "You sent $10.50. “Phở”")
    assert received["body"] == "Bạn đã nhận được 10,50\xa0US$. “Phở”"
    assert sent["data"]["account_id"] == source


def test_a_frozen_account_and_a_new_key_are_told(platform):
    person, account_id = platform.funded()
    platform.api_key(person, "accounts:read")
    frozen = platform.treasury.post(
        f"/v1/accounts/{account_id}/freeze", json={"reason": "looks odd"}
    )
    assert frozen.status_code == 200

    tell(platform, account_id)
    tell(platform, person.id)

    kinds = {each["kind"] for each in person.http.get(PATH).json()["data"]}
    assert kinds == {"transfer.received", "account.frozen", "credential.changed"}


def test_a_sign_in_from_elsewhere_is_told_once(platform):
    person = platform.person()
    for source in (HOME, ELSEWHERE, ELSEWHERE, HOME):
        platform.log_in(person.email, source)

    tell(platform, person.id)
    tell(platform, person.id)

    [sign_in] = person.http.get(PATH).json()["data"]
    assert (sign_in["kind"], sign_in["title"]) == ("login.new", "New sign-in to your account")
    assert sign_in["data"] == {}
    assert ELSEWHERE not in str(sign_in)


def test_preferences_begin_with_the_defaults(platform):
    shown = platform.person().http.get(PREFERENCES).json()

    assert list(shown) == list(KINDS)
    assert shown == {kind: ways._asdict() for kind, ways in DEFAULTS.items()}


def test_a_preference_changes_alone_and_holds(platform):
    person = platform.person()

    changed = person.http.patch(PREFERENCES, json={"transfer.sent": {"in_app": False}})

    assert changed.status_code == 200
    assert changed.json()["transfer.sent"] == {"in_app": False, "email": False, "push": False}
    assert person.http.get(PREFERENCES).json() == changed.json()
    unchanged = {**changed.json(), "transfer.sent": DEFAULTS["transfer.sent"]._asdict()}
    assert unchanged == {kind: ways._asdict() for kind, ways in DEFAULTS.items()}
    assert person.http.patch(PREFERENCES, json={}).json() == changed.json()


@pytest.mark.parametrize("kind", sorted(LOCKED))
def test_what_concerns_safety_cannot_be_switched_off(platform, kind):
    person = platform.person()
    before = person.http.get(PREFERENCES).json()

    answer = person.http.patch(
        PREFERENCES, json={"transfer.sent": {"email": True}, kind: {"in_app": False}}
    )

    assert (answer.status_code, answer.json()["code"]) == (422, "preference-locked")
    assert answer.json()["kind"] == kind
    assert person.http.get(PREFERENCES).json() == before


@pytest.mark.parametrize(
    "body",
    [
        {"no.such.kind": {"in_app": True}},
        {"transfer.sent": {"sms": True}},
        {"transfer.sent": {"email": "yes"}},
        {"transfer.sent": True},
        {"transfer_sent": {"email": True}},
        [],
    ],
)
def test_a_wrong_preference_is_refused(platform, body):
    answer = platform.person().http.patch(PREFERENCES, json=body)

    assert (answer.status_code, answer.json()["code"]) == (422, "validation-failed")


def test_a_key_reads_with_its_scope_and_chooses_nothing(platform, told):
    reader = platform.api_key(told, "notifications:read")
    other = platform.api_key(told, "accounts:read")

    assert len(reader.get(PATH).json()["data"]) == 3
    assert reader.get(PREFERENCES).status_code == 200
    assert reader.patch(PREFERENCES, json={}).json()["code"] == "forbidden-action"
    for call in (PATH, PREFERENCES, f"{PATH}/stream"):
        refused = other.get(call)
        assert (refused.status_code, refused.json()["code"]) == (403, "insufficient-scope")
        assert platform.anonymous.get(call).status_code == 401


@pytest.mark.parametrize("language", ["fr", "EN", "", 1, ["en"]])
def test_a_language_that_nobody_writes_is_refused(platform, language):
    answer = platform.person().http.patch("/v1/users/me", json={"language": language})

    assert (answer.status_code, answer.json()["code"]) == (422, "validation-failed")


def test_a_language_can_be_chosen_at_registration(platform):
    email = f"{new_id().hex}@example.com"
    body = {"email": email, "password": "violet umbrella 77", "full_name": "Linh", "language": "vi"}

    registered = platform.anonymous.post("/v1/auth/register", json=body)
    mails = platform.anonymous.get("/v1/dev/mailbox", params={"email": email}).json()["data"]
    token = next(mail["token"] for mail in mails if mail["token"])
    verified = platform.anonymous.post("/v1/auth/verify", json={"token": token})

    assert registered.status_code == 202
    assert verified.json()["language"] == "vi"


def test_the_stream_tells_what_the_inbox_shows(told):
    shown = told.http.get(PATH).json()["data"]
    headers = {"Last-Event-ID": shown[-1]["id"]}

    with told.http.stream("GET", f"{PATH}/stream", headers=headers, timeout=30) as answer:
        lines = answer.iter_lines()
        events = [_next_event(lines), _next_event(lines)]

    assert answer.headers["content-type"] == "text/event-stream"
    assert events == [
        {"id": each["id"], "event": "notification", "data": each} for each in shown[-2::-1]
    ]


def test_a_stream_is_only_read(told):
    refused = told.http.post(f"{PATH}/stream")

    assert refused.status_code == 405
    assert refused.headers["allow"] == "GET, HEAD, OPTIONS"


def _next_event(lines):
    """Return the members of the next event with data."""
    event = {}
    for line in lines:
        name, _, value = line.partition(": ")
        if name in {"id", "event", "data"}:
            event[name] = json.loads(value) if name == "data" else value
        elif not line and "data" in event:
            return event
    raise AssertionError("the stream ended")
