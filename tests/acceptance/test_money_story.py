"""The way of money through HTTP, as a customer lives it."""

from __future__ import annotations

from tests.fixtures.platform import a_key


def a_transfer(source, destination, amount="10.50", currency="USD", **more):
    return {
        "source_account_id": source,
        "destination_account_id": destination,
        "amount": amount,
        "currency": currency,
        **more,
    }


def test_money_moves_and_both_sides_see_it(platform):
    ada, wallet = platform.funded("100.00")
    bob = platform.person("Bob Stone")
    other = bob.wallet()

    body = a_transfer(wallet, other, description="Lunch", metadata={"b": "2", "a": "1"})
    answer = ada.http.post("/v1/transfers", json=body, headers=a_key("k1"))
    sent = answer.json()
    received = bob.http.get(f"/v1/transfers/{sent['id']}").json()

    assert answer.status_code == 201
    assert sent["amount"] == "10.50"
    assert sent["metadata"] == {"a": "1", "b": "2"}
    assert sent["idempotency_key"] == "k1"
    assert received["metadata"] == {}
    assert "idempotency_key" not in received
    assert ada.http.get(f"/v1/accounts/{wallet}").json()["balance"]["available"] == "89.50"
    assert bob.http.get(f"/v1/accounts/{other}").json()["balance"]["posted"] == "10.50"
