"""Who hears of an event, what a body shows, and how long a receiver is tried."""

from __future__ import annotations

from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.domain.errors_identity import FieldInvalid
from actors.domain.events import SUBJECT_KINDS, CloudEvent
from actors.domain.webhooks import (
    GIVE_UP_SECONDS,
    RETRY_SECONDS,
    Concern,
    checked_event_types,
    concern,
    retry_seconds,
    shown_to,
    wants,
)
from tests.fixtures.times import NOON

SOURCE, DESTINATION, USER = UUID(int=1), UUID(int=2), UUID(int=3)
SIDES = {
    "source_account_id": str(SOURCE),
    "source_version": 7,
    "destination_account_id": str(DESTINATION),
    "destination_version": 9,
    "amount_minor": 100,
}


def an_event(name="transfer.posted", subject=SOURCE, **data):
    return CloudEvent(
        id=UUID(int=100),
        type=f"dev.gopherpay.{name}.v1",
        source="https://pay.test",
        subject=subject,
        time=NOON,
        data=data or SIDES,
        trace_parent="00-1-2-01",
    )


@pytest.mark.parametrize("name", ["transfer.posted", "deposit.posted", "withdrawal.posted"])
def test_a_posting_concerns_both_sides(name):
    assert concern(an_event(name)) == Concern(accounts=(SOURCE, DESTINATION))


def test_a_refusal_concerns_only_the_one_who_tried():
    assert concern(an_event("transfer.refused")) == Concern(accounts=(SOURCE,))


@pytest.mark.parametrize("name", sorted(SUBJECT_KINDS))
def test_every_event_concerns_its_subject(name):
    whom = concern(an_event(name))

    expected = whom.users if SUBJECT_KINDS[name] == "user" else whom.accounts
    assert expected[0] == SOURCE
    assert not (whom.users and whom.accounts)


def test_a_posting_without_its_accounts_is_an_error():
    with pytest.raises(KeyError):
        concern(an_event(amount_minor=1))


def test_each_side_sees_its_own_version_and_not_the_others():
    mine = shown_to(an_event(), {SOURCE}).data
    theirs = shown_to(an_event(), {DESTINATION}).data

    assert mine == {name: SIDES[name] for name in SIDES if name != "destination_version"}
    assert theirs == {name: SIDES[name] for name in SIDES if name != "source_version"}


def test_an_owner_of_both_sides_sees_both():
    assert shown_to(an_event(), {SOURCE, DESTINATION}).data == SIDES


def test_nobody_is_shown_the_trace_of_the_sender():
    assert shown_to(an_event(), {SOURCE}).trace_parent is None


def test_a_member_that_a_later_version_adds_to_a_side_stays_with_its_side():
    event = an_event(**SIDES, source_balance_after_minor=5)

    assert "source_balance_after_minor" in shown_to(event, {SOURCE}).data
    assert "source_balance_after_minor" not in shown_to(event, {DESTINATION}).data


def test_an_event_without_sides_is_shown_whole():
    event = an_event("credential.changed", USER, user_id=str(USER), credential="password")

    assert shown_to(event, {USER}).data == event.data


@pytest.mark.parametrize(
    ("event_types", "heard"),
    [
        ((), True),
        (("transfer.posted",), True),
        (("dev.gopherpay.transfer.posted.v1",), True),
        (("deposit.posted", "transfer.posted"), True),
        (("transfer.refused",), False),
        (("transfer",), False),
    ],
)
def test_a_filter_lets_through_what_it_names(event_types, heard):
    assert wants(event_types, an_event()) is heard


def test_both_spellings_of_an_event_type_are_known_and_kept():
    wanted = ("transfer.posted", "dev.gopherpay.deposit.posted.v1", "transfer.posted")

    assert checked_event_types(wanted) == ("transfer.posted", "dev.gopherpay.deposit.posted.v1")


@pytest.mark.parametrize(
    "unknown",
    ["", "transfer", "transfer.*", "Transfer.posted", "dev.gopherpay.transfer.posted",
     "transfer.posted.v1", "dev.gopherpay.transfer.posted.v2", "transfer.posted "],
)  # fmt: skip
def test_an_unknown_event_type_is_refused_and_the_known_ones_are_named(unknown):
    with pytest.raises(FieldInvalid) as refused:
        checked_event_types(["transfer.posted", unknown])

    assert refused.value.field == "event_types"
    assert all(name in refused.value.reason for name in SUBJECT_KINDS)


def test_the_first_retries_are_after_5_s_30_s_5_min_30_min_and_2_h():
    waits = [retry_seconds(attempts, 0) for attempts in range(1, 6)]

    assert waits == [5, 30, 5 * 60, 30 * 60, 2 * 3_600]


def test_waits_grow_until_the_third_day_is_almost_over():
    assert all(before < after for before, after in pairwise(RETRY_SECONDS))
    assert sum(RETRY_SECONDS) > 2.5 * 86_400
    assert sum(retry_seconds(n, 1) for n in range(1, len(RETRY_SECONDS) + 1)) < GIVE_UP_SECONDS


def test_the_last_failure_gives_up():
    assert retry_seconds(len(RETRY_SECONDS), 0) is not None
    assert retry_seconds(len(RETRY_SECONDS) + 1, 0) is None


@given(st.integers(1, len(RETRY_SECONDS)), st.floats(0, 1))
def test_jitter_makes_a_wait_at_most_a_tenth_longer(attempts, luck):
    plain = RETRY_SECONDS[attempts - 1]

    assert plain <= retry_seconds(attempts, luck) <= plain * 1.1 + 1e-6
