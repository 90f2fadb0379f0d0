"""A batch is decided one movement after the other, on balances as the ones before left them."""

import json
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from actors.domain.accounts import Account, AccountKind, AccountStatus, world_account_id
from actors.domain.batches import KeptAnswer, decide, decide_all_or_none
from actors.domain.principals import PLATFORM_ID
from actors.domain.transfers import Outcome, Transfer, TransferKind, Verdict
from actors.ids import new_id
from tests.fixtures.ledger import a_deposit, a_movement, a_withdrawal
from tests.fixtures.times import NOON

ADA, BOB, EVE = UUID(int=1), UUID(int=2), UUID(int=3)
WORLD = world_account_id("USD")


def an_account(account_id, balance_minor=0, **changes):
    account = Account(
        id=account_id,
        owner_id=account_id,
        kind=AccountKind.CUSTOMER,
        currency="USD",
        status=AccountStatus.OPEN,
        balance_minor=balance_minor,
        held_minor=0,
        overdraft_minor=0,
        version=4,
        last_posted_at=NOON - timedelta(hours=1),
    )
    return replace(account, **changes)


def accounts(*some):
    world = an_account(WORLD, owner_id=PLATFORM_ID, kind=AccountKind.WORLD)
    return {each.id: each for each in (world, *some)}


def decided(movements, *some, kept=()):
    return decide(movements, accounts(*some), dict(kept), NOON)


def codes(batch):
    return [outcome.code or outcome.verdict.value for outcome in batch.outcomes]


def test_a_transfer_is_two_postings_that_sum_to_zero():
    wish = a_movement(ADA, BOB, 30)
    batch = decided([wish], an_account(ADA, 100), an_account(BOB, 5))
    debit, credit = batch.postings

    assert (debit.account_id, debit.amount_minor, debit.balance_after_minor) == (ADA, -30, 70)
    assert (credit.account_id, credit.amount_minor, credit.balance_after_minor) == (BOB, 30, 35)
    assert (debit.version, credit.version) == (5, 5)
    assert {debit.posted_at, credit.posted_at, batch.transfers[0].posted_at} == {NOON}
    assert batch.outcomes[0].transfer.id == wish.transfer_id


def test_money_that_came_in_the_batch_can_be_spent_in_the_batch():
    batch = decided(
        [a_movement(BOB, EVE, 10), a_movement(ADA, BOB, 10), a_movement(BOB, EVE, 10)],
        an_account(ADA, 10),
        an_account(BOB),
        an_account(EVE),
    )

    assert codes(batch) == ["insufficient-funds", "posted", "posted"]
    assert batch.changed[EVE].balance_minor == 10


def test_a_version_counts_every_posting_of_the_batch():
    batch = decided(
        [a_movement(ADA, BOB, 1)] * 1 + [a_movement(BOB, ADA, 1)],
        an_account(ADA, 5),
        an_account(BOB),
    )

    assert [posting.version for posting in batch.postings] == [5, 5, 6, 6]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"balance_minor": 99}, "insufficient-funds"),
        ({"balance_minor": 100, "held_minor": 1}, "insufficient-funds"),
        ({"balance_minor": 99, "overdraft_minor": 1}, "posted"),
        ({"balance_minor": 100}, "posted"),
        ({"status": AccountStatus.FROZEN}, "account-frozen"),
        ({"status": AccountStatus.CLOSED}, "account-closed"),
        ({"currency": "EUR"}, "currency-mismatch"),
        ({"owner_id": BOB}, "not-found"),
    ],
)
def test_a_source_gives_only_what_it_has_and_may(changes, code):
    wish = a_movement(ADA, BOB, 100, owner_id=ADA)
    source = an_account(ADA, **{"balance_minor": 500} | changes)

    assert codes(decided([wish], source, an_account(BOB))) == [code]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"status": AccountStatus.FROZEN}, "posted"),
        ({"status": AccountStatus.CLOSED}, "destination-unknown"),
        ({"currency": "EUR"}, "currency-mismatch"),
        ({"balance_minor": 2**63 - 101}, "posted"),
        ({"balance_minor": 2**63 - 100}, "balance-overflow"),
    ],
)
def test_a_destination_takes_only_what_it_can(changes, code):
    destination = an_account(BOB, **changes)

    assert codes(decided([a_movement(ADA, BOB)], an_account(ADA, 500), destination)) == [code]


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        (a_movement(ADA, ADA), "same-account"),
        (a_movement(ADA, EVE), "destination-unknown"),
        (a_movement(EVE, ADA), "not-found"),
        (a_movement(ADA, BOB, currency="EUR"), "currency-mismatch"),
        (a_movement(ADA, WORLD), "destination-unknown"),
        (a_movement(WORLD, ADA), "not-found"),
        (a_deposit(EVE), "not-found"),
        (replace(a_deposit(ADA), source_id=BOB), "not-found"),
        (replace(a_deposit(ADA), destination_id=WORLD), "not-found"),
        (replace(a_withdrawal(ADA), destination_id=BOB), "destination-unknown"),
        (a_deposit(ADA), "posted"),
        (a_withdrawal(ADA), "posted"),
    ],
)
def test_only_the_treasury_touches_the_world(wish, code):
    assert codes(decided([wish], an_account(ADA, 500), an_account(BOB))) == [code]


def test_a_deposit_to_a_closed_account_says_so():
    closed = an_account(ADA, status=AccountStatus.CLOSED)

    assert codes(decided([a_deposit(ADA)], closed)) == ["account-closed"]


def test_a_refusal_that_depends_on_state_is_kept_with_its_facts_and_others_are_not():
    batch = decided(
        [a_movement(ADA, BOB, 9, key="kept"), a_movement(ADA, EVE, 1, key="free")],
        an_account(ADA, 5),
        an_account(BOB),
    )
    [kept] = batch.keys

    assert (kept.idempotency_key, kept.object_kind, kept.object_id) == ("kept", None, None)
    assert kept.outcome.facts == {"available_minor": 5, "requested_minor": 9, "currency": "USD"}
    assert [event.name for event in batch.events] == ["transfer.refused"]


def test_a_known_key_answers_as_before_and_moves_nothing():
    wish = a_movement(ADA, BOB, 5, key="k")
    first = decided([wish], an_account(ADA, 5), an_account(BOB))
    kept = {(wish.principal_id, "k"): first.keys[0]}
    again = replace(wish, transfer_id=new_id(), request_id="another")
    batch = decided([again], an_account(ADA), an_account(BOB), kept=kept)

    assert batch.outcomes == [replace(first.outcomes[0], replayed=True)]
    assert not batch.writes
    assert batch.postings == []


def test_a_key_that_opened_an_account_moves_no_money():
    wish = a_movement(ADA, BOB, 5, key="k")
    opened = KeptAnswer(wish.principal_id, "k", wish.fingerprint, "account", EVE, None)
    kept = {(wish.principal_id, "k"): opened}
    batch = decided([wish], an_account(ADA, 5), an_account(BOB), kept=kept)

    assert batch.outcomes[0].verdict is Verdict.KEY_REUSED
    assert batch.outcomes[0].facts == {"object_kind": "account", "object_id": str(EVE)}


def test_time_never_falls_on_either_side():
    later = NOON + timedelta(minutes=1)
    batch = decided(
        [a_movement(ADA, BOB, 1)], an_account(ADA, 5), an_account(BOB, last_posted_at=later)
    )

    assert [posting.posted_at for posting in batch.postings] == [later, later]


def test_all_or_none_writes_nothing_when_one_is_refused():
    batch = decide_all_or_none(
        [a_movement(ADA, BOB, 5), a_movement(ADA, BOB, 5)],
        accounts(an_account(ADA, 5), an_account(BOB)),
        {},
        NOON,
    )

    assert codes(batch) == ["bulk-aborted", "insufficient-funds"]
    assert not batch.writes
    assert (batch.transfers, batch.postings, batch.events) == ([], [], [])


def test_what_was_posted_before_survives_an_undone_batch():
    wish = a_movement(ADA, BOB, 5, key="k")
    first = decided([wish], an_account(ADA, 5), an_account(BOB))
    batch = decide_all_or_none(
        [wish, a_movement(ADA, BOB, 5)],
        accounts(an_account(ADA), an_account(BOB)),
        {(wish.principal_id, "k"): first.keys[0]},
        NOON,
    )

    assert batch.outcomes[0] == replace(first.outcomes[0], replayed=True)


@pytest.mark.parametrize(
    ("wish", "name", "subject"),
    [
        (a_movement(ADA, BOB, 7, description='Käse "\\ \n\u2028 🧀'), "transfer", ADA),
        (a_deposit(ADA, 7), "deposit", ADA),
        (a_withdrawal(ADA, 7), "withdrawal", ADA),
    ],
)
def test_an_event_says_what_was_posted(wish, name, subject):
    batch = decided([wish], an_account(ADA, 10), an_account(BOB))
    [event] = batch.events
    told = json.loads(event.payload)

    assert event.type == f"dev.gopherpay.{name}.posted.v1"
    assert (event.subject_kind, event.subject_id) == ("account", subject)
    assert told["transfer_id"] == str(wish.transfer_id)
    assert (told["amount_minor"], told["currency"]) == (7, "USD")
    assert told["description"] == wish.description
    assert (told["source_version"], told["destination_version"]) == (5, 5)
    assert told["posted_at"] == "2026-07-01T12:00:00.000000Z"


def test_every_kind_of_transfer_has_an_event():
    for kind in TransferKind:
        wish = {"deposit": a_deposit(ADA), "withdrawal": a_withdrawal(ADA)}.get(
            kind, a_movement(ADA, BOB)
        )
        batch = decided([wish], an_account(ADA, 500), an_account(BOB))

        assert [event.name for event in batch.events] == [f"{kind}.posted"]


def test_an_outcome_becomes_the_error_that_a_caller_knows():
    refused = Outcome(
        Verdict.REFUSED,
        code="insufficient-funds",
        facts={"available_minor": 1, "requested_minor": 2, "currency": "USD"},
    )
    reused = Outcome(Verdict.KEY_REUSED, facts={"object_kind": None, "object_id": None})

    assert refused.error().facts() == refused.facts
    assert reused.error().code == "idempotency-key-reused"
    assert Outcome(Verdict.NOT_FOUND).error().code == "not-found"


def test_a_posted_transfer_repeats_the_wish():
    wish = a_movement(ADA, BOB, 7, description="d", metadata='{"a":"b"}')
    [transfer] = decided([wish], an_account(ADA, 10), an_account(BOB)).transfers

    assert transfer == Transfer(
        id=wish.transfer_id,
        kind=TransferKind.TRANSFER,
        source_account_id=ADA,
        destination_account_id=BOB,
        amount_minor=7,
        currency="USD",
        description="d",
        reference=None,
        metadata='{"a":"b"}',
        principal_id=wish.principal_id,
        idempotency_key=wish.idempotency_key,
        posted_at=NOON,
    )
