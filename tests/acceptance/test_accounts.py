"""The life of an account through HTTP."""

from __future__ import annotations

import re

import pytest

from tests.acceptance.conftest import assert_problem
from tests.fixtures.platform import a_key

MICROSECONDS = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"


def test_a_new_account_is_open_empty_and_whole(platform):
    person = platform.person()

    answer = person.http.post("/v1/accounts", json={"currency": "KWD", "name": "Rent"})

    account = answer.json()
    assert answer.status_code == 201
    assert re.fullmatch(MICROSECONDS, account.pop("created_at"))
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-.*", account.pop("id"))
    zero = "0.000"
    assert account == {
        "owner_id": person.id,
        "currency": "KWD",
        "name": "Rent",
        "default": True,
        "status": "open",
        "balance": {"posted": zero, "held": zero, "overdraft_limit": zero, "available": zero},
        "version": 0,
    }


def test_the_oldest_is_the_default_until_another_is_named(platform):
    person = platform.person()
    first, second, euros = person.wallet(), person.wallet(), person.wallet("EUR")

    def defaults():
        rows = person.http.get("/v1/accounts").json()["data"]
        return {row["id"] for row in rows if row["default"]}

    before = defaults()
    named = person.http.patch(f"/v1/accounts/{second}", json={"default": True})
    after = defaults()
    person.http.post(f"/v1/accounts/{second}/close")

    assert before == {first, euros}
    assert named.json()["default"] is True
    assert after == {second, euros}
    assert defaults() == {first, euros}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"default": False}, "default"),
        ({"default": "true"}, "default"),
        ({"status": "closed"}, ""),
        ({"currency": "EUR"}, ""),
    ],
)
def test_a_change_that_cannot_be_names_its_field(pair, change, field):
    answer = pair.ada.http.patch(f"/v1/accounts/{pair.wallet}", json=change)

    assert_problem(answer, 422, "validation-failed", field=field)


def test_a_change_of_nothing_changes_nothing(pair):
    before = pair.ada.http.get(f"/v1/accounts/{pair.wallet}").json()

    answer = pair.ada.http.patch(f"/v1/accounts/{pair.wallet}", json={"name": None})

    assert (answer.status_code, answer.json()) == (200, before)


def test_an_account_with_money_is_not_closed_and_an_empty_one_stays_closed(platform):
    ada, wallet = platform.funded("1.00")
    empty = ada.wallet()

    full = ada.http.post(f"/v1/accounts/{wallet}/close", json={})
    closed = ada.http.post(f"/v1/accounts/{empty}/close")
    again = ada.http.post(f"/v1/accounts/{empty}/close")

    assert_problem(full, 409, "account-not-empty")
    assert closed.status_code == again.status_code == 200
    assert closed.json()["status"] == "closed"
    assert closed.content == again.content
    open_ones = ada.http.get("/v1/accounts").json()["data"]
    closed_ones = ada.http.get("/v1/accounts?status=closed").json()["data"]
    assert [row["id"] for row in open_ones] == [wallet]
    assert [row["id"] for row in closed_ones] == [empty]


def test_a_closed_account_is_neither_frozen_nor_made_the_default(platform):
    ada = platform.person()
    closed = ada.wallet()
    ada.http.post(f"/v1/accounts/{closed}/close")

    frozen = platform.treasury.post(f"/v1/accounts/{closed}/freeze", json={"reason": "x"})
    named = ada.http.patch(f"/v1/accounts/{closed}", json={"default": True})

    assert_problem(frozen, 422, "account-closed")
    assert_problem(named, 422, "account-closed")


def test_a_frozen_account_thaws(platform):
    _, wallet = platform.funded("1.00")
    url = f"/v1/accounts/{wallet}"

    without = platform.treasury.post(f"{url}/freeze", json={})
    frozen = platform.treasury.post(f"{url}/freeze", json={"reason": "asked"})
    open_again = platform.treasury.post(f"{url}/unfreeze", json={"reason": "asked"})

    assert_problem(without, 422, "validation-failed", field="reason")
    assert (frozen.json()["status"], open_again.json()["status"]) == ("frozen", "open")


def test_entries_tell_the_story_of_a_balance(platform):
    ada, wallet = platform.funded("10.00")
    bob = platform.person("Bob Stone")
    body = {
        "source_account_id": wallet,
        "destination_account_id": bob.wallet(),
        "amount": "2.50",
        "currency": "USD",
        "description": "Lunch",
    }
    sent = ada.http.post("/v1/transfers", json=body, headers=a_key()).json()

    newest, oldest = ada.http.get(f"/v1/accounts/{wallet}/entries").json()["data"]

    assert newest == {
        "transfer_id": sent["id"],
        "kind": "transfer",
        "amount": "-2.50",
        "currency": "USD",
        "balance_after": "7.50",
        "version": 2,
        "counterparty": {"name": "B*** S."},
        "description": "Lunch",
        "posted_at": sent["posted_at"],
    }
    assert (oldest["kind"], oldest["amount"], oldest["version"]) == ("deposit", "10.00", 1)
    assert oldest["counterparty"] == {"name": None}


def test_a_balance_can_be_asked_for_at_any_moment(platform):
    ada, wallet = platform.funded("10.00")
    url = f"/v1/accounts/{wallet}"
    first = ada.http.get(f"{url}/entries").json()["data"][0]["posted_at"]
    platform.deposit(wallet, "5.00")

    then = ada.http.get(f"{url}/balance", params={"at": first}).json()
    now = ada.http.get(f"{url}/balance").json()

    assert (then["posted"], then["version"], then["at"]) == ("10.00", 1, first)
    assert (now["posted"], now["available"], now["version"]) == ("15.00", "15.00", 2)


def test_deposits_and_withdrawals_show_their_reference(platform):
    ada, wallet = platform.funded("10.00")
    body = {"account_id": wallet, "amount": "4.00", "currency": "USD", "reference": "wire 7"}

    paid_out = platform.treasury.post("/v1/withdrawals", json=body, headers=a_key("out"))

    shown = ada.http.get(f"/v1/transfers/{paid_out.json()['id']}").json()
    assert paid_out.json()["idempotency_key"] == "out"
    assert (shown["kind"], shown["reference"]) == ("withdrawal", "wire 7")
    assert "idempotency_key" not in shown
    assert ada.http.get(f"/v1/accounts/{wallet}").json()["balance"]["posted"] == "6.00"


def test_transfers_are_filtered_by_account_kind_time_and_notes(platform):
    ada, wallet = platform.funded("10.00")
    other = ada.wallet()
    body = {
        "source_account_id": wallet,
        "destination_account_id": other,
        "amount": "1.00",
        "currency": "USD",
    }
    notes = [{"order": "1"}, {"order": "2", "x": "y"}]
    sent = [
        ada.http.post("/v1/transfers", json=body | {"metadata": note}, headers=a_key()).json()
        for note in notes
    ]

    def found(**query):
        answer = ada.http.get("/v1/transfers", params=query)
        assert answer.status_code == 200, answer.text
        return [row["id"] for row in answer.json()["data"]]

    first, second = (each["id"] for each in sent)
    assert found(kind="transfer") == [second, first]
    assert found(account_id=other) == [second, first]
    assert found(**{"metadata[order]": "1"}) == [first]
    assert found(**{"metadata[order]": "2", "metadata[x]": "y"}) == [second]
    assert found(**{"metadata[order]": "1", "metadata[x]": "y"}) == []
    assert found(**{"from": sent[1]["posted_at"]}) == [second]
    assert found(kind="transfer", to=sent[1]["posted_at"]) == [first]
