"""Many transfers in one call."""

from __future__ import annotations

import secrets

import pytest

from tests.acceptance.conftest import Pair, assert_problem


@pytest.fixture
def funded(platform):
    ada, wallet = platform.funded("10.00")
    bob = platform.person("Bob Stone")
    return Pair(ada, wallet, bob, bob.wallet())


def item(pair, **changes):
    return {"idempotency_key": secrets.token_hex(8)} | pair.body(**changes)


def sent(pair, *items, mode="independent"):
    body = {"mode": mode, "transfers": list(items)}
    return pair.ada.http.post("/v1/transfers/bulk", json=body)


WRONG_ITEMS = {
    "insufficient-funds": {"amount": "50.00"},
    "amount-invalid": {"amount": 5},
    "currency-unknown": {"currency": "XAU"},
    "validation-failed": {"description": "a\x00"},
    "idempotency-key-missing": {"idempotency_key": None},
    "idempotency-key-invalid": {"idempotency_key": "a b"},
    "not-found": {"source_account_id": "01890a5d-ac96-774b-bcce-b302099a8057"},
}
STATUSES = [422, 422, 422, 422, 400, 400, 404]


def test_what_is_wrong_with_an_item_is_its_own_result(funded):
    wrong = [item(funded) | changes for changes in WRONG_ITEMS.values()]

    results = sent(funded, item(funded), *wrong, "not an object").json()["results"]

    assert [each["status"] for each in results] == [201, *STATUSES, 422]
    assert [each["problem"]["code"] for each in results[1:-1]] == list(WRONG_ITEMS)
    assert results[-1]["problem"]["code"] == "validation-failed"
    assert funded.balance() == ("9.00", 2)


def test_a_key_used_twice_in_one_bulk_is_a_replay_or_a_conflict(funded):
    once = item(funded)

    first, same, other = sent(funded, once, once, once | {"amount": "2.00"}).json()["results"]

    assert (first["replayed"], same["replayed"]) == (False, True)
    assert first["transfer"] == same["transfer"]
    assert (other["status"], other["problem"]["code"]) == (409, "idempotency-key-reused")
    assert funded.balance() == ("9.00", 2)


def test_all_of_an_atomic_bulk_happen(funded):
    answer = sent(funded, item(funded), item(funded, amount="9.00"), mode="atomic")

    assert [each["status"] for each in answer.json()["results"]] == [201, 201]
    assert funded.balance() == ("0.00", 3)


@pytest.mark.parametrize(
    ("culprit", "status", "code"),
    [
        ({"amount": "9.50"}, 422, "insufficient-funds"),
        ({"amount": "0"}, 422, "amount-invalid"),
        ({"source_account_id": "01890a5d-ac96-774b-bcce-b302099a8057"}, 404, "not-found"),
    ],
)
def test_one_culprit_undoes_an_atomic_bulk_and_keeps_no_key(funded, culprit, status, code):
    innocent, guilty = item(funded), item(funded, **culprit)

    results = sent(funded, innocent, guilty, mode="atomic").json()["results"]
    after = funded.balance()
    alone = sent(funded, innocent).json()["results"][0]

    assert (results[0]["status"], results[0]["problem"]["code"]) == (424, "bulk-aborted")
    assert (results[1]["status"], results[1]["problem"]["code"]) == (status, code)
    assert after == ("10.00", 1)
    assert (alone["status"], alone["replayed"]) == (201, False)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"mode": "independent"}, "transfers"),
        ({"transfers": [{}]}, "mode"),
        ({"mode": "both", "transfers": [{}]}, "mode"),
        ({"mode": "atomic", "transfers": []}, "transfers"),
        ({"mode": "atomic", "transfers": [{}] * 1_001}, "transfers"),
        ({"mode": "atomic", "transfers": {}}, "transfers"),
        ({"mode": "atomic", "transfers": [{}], "x": 1}, ""),
    ],
)
def test_a_bulk_that_is_none_names_its_field(pair, body, field):
    answer = pair.ada.http.post("/v1/transfers/bulk", json=body)

    assert_problem(answer, 422, "validation-failed", field=field)


def test_a_thousand_in_one_call(funded):
    items = [item(funded, amount="0.01") for _ in range(1_000)]

    results = sent(funded, *items).json()["results"]

    assert {each["status"] for each in results} == {201}
    assert funded.balance() == ("0.00", 1_001)
