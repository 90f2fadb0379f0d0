"""Amounts, currencies and accounts that cannot be (rows B23 to B35)."""

from __future__ import annotations

import pytest

from tests.acceptance.conftest import assert_problem
from tests.fixtures.platform import FILL_CURRENCY, a_key

UNKNOWN_ID = "01890a5d-ac96-774b-bcce-b302099a8057"
MOST = "10000000000000.00"
"""10^15 minor units of a currency with two decimals."""


def sent(pair, **changes):
    return pair.ada.http.post("/v1/transfers", json=pair.body(**changes), headers=a_key())


AMOUNTS = {
    "B23 zero": "0",
    "B23 zero with decimals": "0.00",
    "B24 negative": "-1.00",
    "B24 negative zero": "-0",
    "B25 three decimals": "10.001",
    "B25 too many zeros": "10.000",
    "B26 float": 0.1,
    "B26 whole float": 1.0,
    "B26 exponent": 1e2,
    "B26 integer": 100,
    "B26 exponent in a text": "1e2",
    "B27 true": True,
    "B27 array": [],
    "B27 object": {},
    "B28 underscore": "1_000",
    "B28 spaces": " 12 ",
    "B28 full-width digits": "１２",  # noqa: RUF001  the point
    "B28 arabic digits": "١٢",
    "B28 hexadecimal": "0x10",
    "B28 plus": "+5",
    "B28 comma": "1,000",
    "B28 decimal comma": "1,00",
    "B28 leading zero": "01.00",
    "B28 no whole part": ".50",
    "B28 no decimals after the dot": "1.",
    "B28 two dots": "1.0.0",
    "B28 newline": "1.00\n",
    "B28 empty": "",
    "B28 words": "NaN",
    "B29 one minor unit over the limit": "10000000000000.01",
    "B29 2^53 + 1": "9007199254740993.00",
    "B29 2^63 - 1": "9223372036854775807",
    "B29 2^63": "9223372036854775808",
    "B29 10^30": "1" + "0" * 30,
    "B29 5,000 digits": "9" * 5_000,
    "B29 as a number": 9223372036854775807,
}


@pytest.mark.parametrize("amount", AMOUNTS.values(), ids=AMOUNTS)
def test_an_amount_that_cannot_be_is_invalid(without_effect, amount):
    assert_problem(sent(without_effect, amount=amount), 422, "amount-invalid")


@pytest.mark.parametrize(
    ("currency", "amount", "is_amount"),
    [
        ("JPY", "1.5", False),
        ("JPY", "1.0", False),
        ("VND", "1000.", False),
        ("VND", "1000", True),
        ("KWD", "1.0005", False),
        ("KWD", "1.005", True),
        ("EUR", "1.5", True),
    ],
)
def test_a_currency_has_so_many_decimals_and_no_more(platform, currency, amount, is_amount):
    ada, wallet = platform.funded("5000", currency)
    other = ada.wallet(currency)
    body = {
        "source_account_id": wallet,
        "destination_account_id": other,
        "amount": amount,
        "currency": currency,
    }

    answer = ada.http.post("/v1/transfers", json=body, headers=a_key())

    assert answer.status_code == (201 if is_amount else 422)


def test_the_greatest_amount_is_taken_and_one_more_is_not(without_effect):
    assert_problem(sent(without_effect, amount=MOST), 422, "insufficient-funds")
    assert_problem(sent(without_effect, amount="10000000000000.01"), 422, "amount-invalid")


def test_a_credit_that_leaves_64_bits_is_refused(platform):
    rich = platform.person()
    wallet = rich.wallet(FILL_CURRENCY)
    platform.fill(wallet)
    body = {"account_id": wallet, "amount": "1", "currency": FILL_CURRENCY, "reference": "1"}

    answer = platform.treasury.post("/v1/deposits", json=body, headers=a_key())

    assert_problem(answer, 422, "balance-overflow")
    shown = rich.http.get(f"/v1/accounts/{wallet}").json()
    assert shown["balance"]["posted"] == str(2**63 - 1)


@pytest.mark.parametrize(
    "currency",
    [
        "usd",
        "Usd",
        "US",
        "USDD",
        "XAU",
        "XXX",
        "XTS",
        "BTC",
        "U\u200bSD",
        "USD\u200b",
        "US\u0044\u0301",
        "\uff35\uff33\uff24",
        "USD ",
        "",
        "840",
        "U\u0405D",
    ],
)
def test_a_currency_that_is_none_is_unknown(without_effect, currency):
    assert_problem(sent(without_effect, currency=currency), 422, "currency-unknown")
    opened = without_effect.ada.http.post("/v1/accounts", json={"currency": currency})
    assert_problem(opened, 422, "currency-unknown")


@pytest.mark.parametrize("currency", [5, True, ["USD"], {}])
def test_a_currency_that_is_no_text_is_wrong(without_effect, currency):
    answer = sent(without_effect, currency=currency)

    assert_problem(answer, 422, "validation-failed", field="currency")


def test_the_currency_must_be_that_of_both_accounts(without_effect):
    euros = without_effect.bob.wallet("EUR")

    assert_problem(sent(without_effect, currency="EUR"), 422, "currency-mismatch")
    assert_problem(sent(without_effect, destination_account_id=euros), 422, "currency-mismatch")


def test_an_account_pays_nothing_to_itself(without_effect):
    answer = sent(without_effect, destination_account_id=without_effect.wallet)

    assert_problem(answer, 422, "same-account")


def test_more_than_the_balance_is_refused_with_both_amounts(without_effect):
    available, _ = without_effect.balance()

    answer = sent(without_effect, amount="100.01")

    assert_problem(answer, 422, "insufficient-funds")
    problem = answer.json()
    assert (problem["available"], problem["requested"]) == (available, "100.01")
    assert problem["currency"] == "USD"
    assert problem["retryable"] is False


def test_a_closed_or_missing_receiver_is_the_same_unknown_destination(without_effect):
    closed = without_effect.bob.wallet()
    without_effect.bob.http.post(f"/v1/accounts/{closed}/close")

    to_closed = sent(without_effect, destination_account_id=closed)
    to_missing = sent(without_effect, destination_account_id=UNKNOWN_ID)

    assert_problem(to_closed, 422, "destination-unknown")
    assert_problem(to_missing, 422, "destination-unknown")
    ignore = {"request_id": None}
    assert to_closed.json() | ignore == to_missing.json() | ignore


def test_a_frozen_account_gives_nothing_and_still_receives(platform):
    ada, wallet = platform.funded("10.00")
    bob, other = platform.funded("10.00")
    frozen = platform.treasury.post(f"/v1/accounts/{wallet}/freeze", json={"reason": "asked"})
    out = {"source_account_id": wallet, "destination_account_id": other}
    back = {"source_account_id": other, "destination_account_id": wallet}
    rest = {"amount": "1.00", "currency": "USD"}

    sent_out = ada.http.post("/v1/transfers", json=out | rest, headers=a_key())
    sent_back = bob.http.post("/v1/transfers", json=back | rest, headers=a_key())

    assert frozen.json()["status"] == "frozen"
    assert_problem(sent_out, 422, "account-frozen")
    assert sent_back.status_code == 201


def test_a_closed_account_gives_nothing(platform):
    ada, wallet = platform.funded("1.00")
    other = ada.wallet()
    body = {
        "source_account_id": wallet,
        "destination_account_id": other,
        "amount": "1.00",
        "currency": "USD",
    }
    ada.http.post("/v1/transfers", json=body, headers=a_key())
    ada.http.post(f"/v1/accounts/{wallet}/close")

    answer = ada.http.post("/v1/transfers", json=body, headers=a_key())

    assert_problem(answer, 422, "account-closed")


@pytest.mark.parametrize("path", ["/v1/deposits", "/v1/withdrawals"])
def test_the_treasury_is_held_to_the_same_rules(platform, path):
    bob, wallet = platform.funded("5.00")
    body = {"account_id": wallet, "amount": "1.00", "currency": "USD", "reference": "x"}

    def tried(**changes):
        return platform.treasury.post(path, json=body | changes, headers=a_key())

    assert_problem(tried(amount="0"), 422, "amount-invalid")
    assert_problem(tried(currency="XAU"), 422, "currency-unknown")
    assert_problem(tried(currency="EUR"), 422, "currency-mismatch")
    assert_problem(tried(account_id=UNKNOWN_ID), 404, "not-found")
    assert_problem(tried(reference="x" * 141), 422, "validation-failed", field="reference")
    assert bob.http.get(f"/v1/accounts/{wallet}").json()["balance"]["posted"] == "5.00"


def test_a_withdrawal_takes_no_more_than_there_is(platform):
    _, wallet = platform.funded("5.00")
    body = {"account_id": wallet, "amount": "5.01", "currency": "USD", "reference": "x"}

    answer = platform.treasury.post("/v1/withdrawals", json=body, headers=a_key())

    assert_problem(answer, 422, "insufficient-funds")


@pytest.mark.parametrize(
    "text",
    [
        "'; DROP TABLE transfers; --",
        '{"$gt": ""}',
        "100%_",
        "\\",
        "<script>alert(1)</script>",
        "=cmd|' /C calc'!A0",
        "\u202e123\u2066",
        "😀 e\u0301",
        "%00",
        "${jndi:ldap://x}",
    ],
)
def test_a_text_is_kept_literally(platform, text):
    ada, wallet = platform.funded("1.00")
    other = ada.wallet(name=text)
    body = {
        "source_account_id": wallet,
        "destination_account_id": other,
        "amount": "1.00",
        "currency": "USD",
        "description": text,
        "metadata": {text[:40]: text},
    }

    sent_id = ada.http.post("/v1/transfers", json=body, headers=a_key()).json()["id"]
    shown = ada.http.get(f"/v1/transfers/{sent_id}").json()
    found = ada.http.get("/v1/transfers", params={f"metadata[{text[:40]}]": text}).json()["data"]
    not_found = ada.http.get("/v1/transfers", params={f"metadata[{text[:40]}]": "other"}).json()

    assert (shown["description"], shown["metadata"]) == (text, {text[:40]: text})
    assert [each["id"] for each in found] == [sent_id]
    assert not_found["data"] == []
    assert ada.http.get(f"/v1/accounts/{other}").json()["name"] == text
