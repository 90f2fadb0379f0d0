"""From a fact to what is said to whom."""

from __future__ import annotations

import json
import string
from datetime import UTC, datetime
from uuid import UUID

import pytest

from actors.domain.events import CloudEvent
from actors.domain.users import LANGUAGES as USERS_LANGUAGES
from actors.notifier.kinds import KINDS
from actors.notifier.messages import RULES, Message, messages, notice, notice_id, shown
from actors.notifier.wording import LANGUAGES, WORDINGS
from actors.ports.notifications import Audience, Person

ADA, LINH, STRANGER = (UUID(int=number) for number in (1, 2, 3))
ADAS, ADAS_OTHER, LINHS, WORLD = (UUID(int=number) for number in (11, 12, 13, 14))
EVENT_ID = UUID("7d444840-9dc0-11d1-b245-5ffdce74fad2")
AT = datetime(2026, 1, 31, 12, 0, 0, 123_456, tzinfo=UTC)
PEOPLE = {ADA: Person(ADA, "en", {}), LINH: Person(LINH, "vi", {})}
AUDIENCE = Audience({ADAS: ADA, ADAS_OTHER: ADA, LINHS: LINH}, PEOPLE)
NAMES = {ADA: "A*** L.", LINH: "N*** L."}
FIELDS = {"amount": "$1.00", "name": "A*** L.", "currency": "USD"}


def an_event(name, subject=ADAS, **data):
    return CloudEvent(EVENT_ID, f"dev.gopherpay.{name}.v1", "gopherpay", subject, AT, data)


def a_posting(name="transfer.posted", source=ADAS, destination=LINHS, **more):
    data = {
        "transfer_id": str(UUID(int=99)),
        "source_account_id": str(source),
        "destination_account_id": str(destination),
        "amount_minor": 1050,
        "currency": "USD",
        "description": None,
    }
    return an_event(name, source, **{**data, **more})


def told(event, audience=AUDIENCE, names=NAMES):
    """Return what each person is told, by kind."""
    said = messages(event, audience)
    return [notice(each, event, audience.people[each.user_id], names) for each in said]


def test_both_sides_of_a_transfer_are_told_each_in_their_language():
    sent, received = told(a_posting())

    assert (sent.user_id, sent.kind) == (ADA, "transfer.sent")
    assert (sent.title, sent.body) == ("You sent $10.50", "You sent N*** L. $10.50.")
    assert (received.user_id, received.kind) == (LINH, "transfer.received")
    assert received.body == "A*** L. đã chuyển cho bạn 10,50\xa0US$."


def test_without_a_name_at_hand_nobody_is_spoken_of():
    sent, received = told(a_posting(), names={})

    assert sent.body == "You sent $10.50."
    assert received.body == "Bạn đã nhận được 10,50\xa0US$."


def test_money_moved_between_own_accounts_is_told_once():
    [only] = told(a_posting(destination=ADAS_OTHER))

    assert (only.kind, only.body) == ("transfer.sent", "You moved $10.50 between accounts.")


def test_a_deposit_and_a_withdrawal_speak_of_nobody():
    [deposit] = told(a_posting("deposit.posted", source=WORLD, destination=ADAS))
    [withdrawal] = told(a_posting("withdrawal.posted", destination=WORLD))

    assert (deposit.kind, deposit.body) == (
        "transfer.received",
        "$10.50 was paid in to your account.",
    )
    assert (withdrawal.kind, withdrawal.title) == ("transfer.sent", "$10.50 was paid out")


def test_a_frozen_account_is_told_without_the_operators_reason():
    event = an_event("account.frozen", currency="USD", reason="suspicion of fraud")

    [frozen] = told(event)

    assert (frozen.user_id, frozen.kind) == (ADA, "account.frozen")
    assert "suspicion" not in repr(frozen)


@pytest.mark.parametrize(
    ("credential", "title"),
    [
        ("password", "Your password has changed"),
        ("api_key", "An API key was made or deleted"),
        ("roles", "Your role has changed"),
        ("something new", "Your sign-in details have changed"),
        ("{amount}", "Your sign-in details have changed"),
    ],
)
def test_a_changed_credential_says_which(credential, title):
    [changed] = told(an_event("credential.changed", ADA, credential=credential))

    assert (changed.user_id, changed.kind, changed.title) == (ADA, "credential.changed", title)


def test_a_sign_in_from_elsewhere_is_told_to_whose_account_it_is():
    [sign_in] = told(an_event("login.new", LINH))

    assert (sign_in.user_id, sign_in.kind) == (LINH, "login.new")
    assert sign_in.title == "Có đăng nhập mới vào tài khoản"
    assert json.loads(sign_in.data) == {}


@pytest.mark.parametrize("name", ["account.opened", "transfer.refused", "user.verified", "new"])
def test_of_other_facts_nobody_is_told(name):
    assert told(an_event(name)) == []


def test_only_who_is_there_is_told():
    audience = Audience(AUDIENCE.owners, {LINH: PEOPLE[LINH]})

    assert [each.user_id for each in told(a_posting(), audience)] == [LINH]
    assert told(an_event("credential.changed", STRANGER, credential="password")) == []


def test_a_program_finds_its_own_account_and_never_the_other_sides():
    _, received = told(a_posting(description="Lunch"))

    assert json.loads(received.data) == {
        "transfer_id": str(UUID(int=99)),
        "account_id": str(LINHS),
        "amount": "10.50",
        "currency": "USD",
        "counterparty": "A*** L.",
        "description": "Lunch",
    }


def test_what_somebody_wrote_is_quoted_and_is_no_template():
    sent, _ = told(a_posting(description="{name} {0.__class__} %s"))

    assert sent.body.endswith("“{name} {0.__class__} %s”")


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        ("Lunch", "Lunch"),
        ("  two\nlines\tand\r\nmore  ", "two lines and more"),
        ("a\x00b\x1b[31mc", "ab[31mc"),
        ("pay \u202eDSU 001\u202c now", "pay DSU 001 now"),
        ("\u2066hidden\u2069\u200b\ufeff", "hidden"),
        ("\ud800lone", "lone"),
        ("\u2028\u2029", ""),
        ("Cảm ơn bạn 🍜", "Cảm ơn bạn 🍜"),
        ("x" * 10_000, "x" * 140),
        (" " * 10_000 + "far", ""),
    ],
)
def test_what_somebody_wrote_is_short_and_holds_nothing_unseen(written, seen):
    assert shown(written) == seen


@pytest.mark.parametrize(
    "broken",
    [
        {"amount_minor": "10"},
        {"amount_minor": 0},
        {"amount_minor": -1},
        {"transfer_id": "x"},
        {"source_account_id": None},
    ],
)
def test_a_posting_without_its_members_is_an_error(broken):
    with pytest.raises((KeyError, TypeError, ValueError)):
        told(a_posting(**broken))


def test_the_id_is_a_uuid7_of_the_event_that_is_always_the_same():
    one = notice_id(EVENT_ID, ADA, "transfer.sent", AT)
    others = {
        notice_id(EVENT_ID, LINH, "transfer.sent", AT),
        notice_id(EVENT_ID, ADA, "transfer.received", AT),
        notice_id(UUID(int=5), ADA, "transfer.sent", AT),
    }

    assert one == notice_id(EVENT_ID, ADA, "transfer.sent", AT)
    assert len(others - {one}) == 3
    assert (one.version, one.variant) == (7, "specified in RFC 4122")
    assert one.int >> 80 == 1_769_860_800_123


def test_every_language_says_the_same_things_with_the_same_facts():
    def facts(wording):
        return {field for text in wording for _, field, _, _ in string.Formatter().parse(text)}

    assert set(LANGUAGES) == set(USERS_LANGUAGES)
    for language in LANGUAGES:
        assert WORDINGS[language].keys() == WORDINGS["en"].keys()
        for name, wording in WORDINGS[language].items():
            assert facts(wording) == facts(WORDINGS["en"][name]), name
            assert all(text.format_map(FIELDS) for text in wording)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("person", PEOPLE.values(), ids=lambda person: person.language)
def test_there_are_words_for_every_kind(kind, person):
    message = Message(kind, kind, person.id, amount_minor=1050, currency="USD")

    one = notice(message, an_event("hold.placed"), person, {})

    assert one.title
    assert one.body
    assert "{" not in one.title + one.body


def test_every_rule_speaks_of_a_kind_that_people_can_choose():
    events = {
        "transfer.posted": a_posting(),
        "deposit.posted": a_posting("deposit.posted"),
        "withdrawal.posted": a_posting("withdrawal.posted"),
        "account.frozen": an_event("account.frozen", currency="USD"),
        "credential.changed": an_event("credential.changed", ADA, credential="password"),
        "login.new": an_event("login.new", ADA),
    }

    assert events.keys() == RULES.keys()
    for event in events.values():
        assert {each.kind for each in messages(event, AUDIENCE)} <= set(KINDS)
