"""Idempotency keys: missing, bad, repeated, at once (rows B71 to B82), and cursors (B69)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.acceptance.conftest import Pair, assert_problem
from tests.fixtures.platform import a_key

AT_ONCE = 50


def sent(pair, headers, **changes):
    return pair.ada.http.post("/v1/transfers", json=pair.body(**changes), headers=headers)


@pytest.mark.parametrize("path", ["/v1/transfers", "/v1/deposits", "/v1/withdrawals"])
def test_money_does_not_move_without_a_key(platform, without_effect, path):
    client = without_effect.ada.http if path == "/v1/transfers" else platform.treasury

    assert_problem(client.post(path, json={}), 400, "idempotency-key-missing")


@pytest.mark.parametrize("key", ["", "a" * 256, "a b", "a\tb", "é".encode(), "“quoted”".encode()])
def test_a_key_is_1_to_255_visible_ascii_characters(without_effect, key):
    assert_problem(sent(without_effect, {"Idempotency-Key": key}), 400, "idempotency-key-invalid")


def test_two_keys_are_none(without_effect):
    headers = [("Idempotency-Key", "a"), ("Idempotency-Key", "a")]

    assert_problem(sent(without_effect, headers), 400, "idempotency-key-invalid")


def test_the_key_is_checked_after_the_json_and_before_the_body(without_effect):
    client = without_effect.ada.http

    not_json = client.post(
        "/v1/transfers", content=b"{", headers={"Content-Type": "application/json"}
    )

    assert_problem(not_json, 400, "json-malformed")
    assert_problem(client.post("/v1/transfers", json={"x": 1}), 400, "idempotency-key-missing")


@pytest.fixture
def funded(platform):
    """Return a pair of its own, for what moves money."""
    ada, wallet = platform.funded("100.00")
    bob = platform.person("Bob Stone")
    return Pair(ada, wallet, bob, bob.wallet())


def test_the_same_command_later_is_the_first_answer_again(funded):
    key = a_key("a" * 255)
    first = sent(funded, key, amount="10.5", description=None)
    after = funded.balance()

    again = sent(funded, {**key, "X-Request-Id": "another"}, amount="10.50")

    assert first.status_code == again.status_code == 201
    assert first.content == again.content
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["x-request-id"] == "another"
    assert funded.balance() == after == ("89.50", 2)


def test_key_order_and_white_space_make_no_other_command(funded):
    key, body = a_key(), funded.body(metadata={"a": "1", "b": None, "c": "2"})
    first = sent(funded, key, metadata={"a": "1", "c": "2"})
    turned = dict(reversed(list(body.items()))) | {"metadata": {"c": "2", "a": "1"}}

    again = funded.ada.http.post("/v1/transfers", json=turned, headers=key)

    assert (again.status_code, again.content) == (201, first.content)


def test_a_refusal_that_depended_on_the_balance_is_kept_verbatim(platform, funded):
    key = a_key()
    first = sent(funded, {**key, "X-Request-Id": "first"}, amount="500.00")
    platform.deposit(funded.wallet, "900.00")

    again = sent(funded, {**key, "X-Request-Id": "second"}, amount="500.00")

    assert_problem(first, 422, "insufficient-funds")
    assert again.content == first.content
    assert again.json()["request_id"] == "first"
    assert again.headers["idempotent-replayed"] == "true"


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": "0"},
        {"currency": "EUR"},
        {"destination_account_id": "01890a5d-ac96-774b-bcce-b302099a8057"},
        {"source_account_id": "01890a5d-ac96-774b-bcce-b302099a8057"},
    ],
    ids=["amount", "currency-mismatch", "destination-unknown", "not-found"],
)
def test_what_did_not_depend_on_the_balance_frees_the_key(funded, changes):
    key = a_key()
    refused = sent(funded, key, **changes)

    answer = sent(funded, key)

    assert refused.status_code in {404, 422}
    assert answer.status_code == 201


@pytest.mark.parametrize(
    "changes",
    [{"amount": "2.00"}, {"description": "x"}, {"metadata": {"a": "1"}}, {"description": ""}],
)
def test_another_command_under_the_key_is_a_conflict_that_names_the_first(funded, changes):
    key = a_key()
    first = sent(funded, key).json()
    after = funded.balance()

    other = sent(funded, key, **changes)

    assert_problem(other, 409, "idempotency-key-reused")
    assert other.json()["transfer_id"] == first["id"]
    assert other.json()["retryable"] is False
    assert funded.balance() == after


def test_another_route_under_the_key_is_a_conflict(funded):
    key = a_key()
    account = funded.ada.http.post("/v1/accounts", json={"currency": "USD"}, headers=key)

    moved = sent(funded, key)
    opened = funded.ada.http.post("/v1/accounts", json={"currency": "EUR"}, headers=key)

    assert account.status_code == 201
    assert_problem(moved, 409, "idempotency-key-reused")
    assert moved.json()["account_id"] == account.json()["id"]
    assert_problem(opened, 409, "idempotency-key-reused")


def test_an_account_is_opened_once_per_key_and_answered_alike(funded):
    client, key = funded.ada.http, a_key()
    body = {"currency": "JPY", "name": "Trip"}
    first = client.post("/v1/accounts", json=body, headers=key)
    client.patch(f"/v1/accounts/{first.json()['id']}", json={"name": "Other"})

    again = client.post("/v1/accounts", json=body, headers=key)

    assert again.content == first.content
    assert again.headers["idempotent-replayed"] == "true"


def test_the_key_of_another_user_is_another_key(platform, funded):
    key = a_key("shared")
    other, wallet = platform.funded("10.00")
    body = {
        "source_account_id": wallet,
        "destination_account_id": funded.other,
        "amount": "1.00",
        "currency": "USD",
    }

    mine = sent(funded, key)
    theirs = other.http.post("/v1/transfers", json=body, headers=key)

    assert (mine.status_code, theirs.status_code) == (201, 201)


def test_the_same_key_fifty_times_at_once_has_one_effect(funded):
    key = a_key()
    with ThreadPoolExecutor(AT_ONCE) as threads:
        answers = list(threads.map(lambda _: sent(funded, key), range(AT_ONCE)))

    assert {answer.content for answer in answers} == {answers[0].content}
    assert {answer.status_code for answer in answers} == {201}
    assert funded.balance() == ("99.00", 2)


def test_an_account_asked_for_ten_times_at_once_is_opened_once(funded):
    client, key = funded.ada.http, a_key()
    with ThreadPoolExecutor(10) as threads:
        answers = list(
            threads.map(
                lambda _: client.post("/v1/accounts", json={"currency": "KWD"}, headers=key),
                range(10),
            )
        )

    assert {answer.content for answer in answers} == {answers[0].content}
    assert answers[0].status_code == 201


def test_a_hundred_keys_drain_a_balance_exactly(funded):
    with ThreadPoolExecutor(32) as threads:
        answers = list(threads.map(lambda _: sent(funded, a_key(), amount="3.00"), range(100)))

    statuses = [answer.status_code for answer in answers]
    assert statuses.count(201) == 33
    assert statuses.count(422) == 67
    assert funded.balance() == ("1.00", 34)


def test_payments_in_both_directions_at_once_all_end(platform, funded):
    platform.deposit(funded.other, "100.00")
    there = funded.body(amount="0.01")
    back = there | {
        "source_account_id": funded.other,
        "destination_account_id": funded.wallet,
    }
    work = [(funded.ada, there), (funded.bob, back)] * 200

    def pay(one):
        person, body = one
        return person.http.post("/v1/transfers", json=body, headers=a_key()).status_code

    with ThreadPoolExecutor(32) as threads:
        statuses = list(threads.map(pay, work))

    assert set(statuses) == {201}
    assert funded.balance()[0] == "100.00"


def test_freezing_during_payments_divides_them_in_before_and_after(platform, funded):
    def pay(_):
        return sent(funded, a_key(), amount="0.10").status_code

    def freeze(_):
        return platform.treasury.post(
            f"/v1/accounts/{funded.wallet}/freeze", json={"reason": "race"}
        ).status_code

    with ThreadPoolExecutor(16) as threads:
        payments = [threads.submit(pay, n) for n in range(60)]
        frozen = threads.submit(freeze, None).result()
        statuses = [payment.result() for payment in payments]

    assert frozen == 200
    assert set(statuses) <= {201, 422}
    left, version = funded.balance()
    assert version == 1 + statuses.count(201)
    assert left == f"{100 - statuses.count(201) / 10:.2f}"
    assert_problem(sent(funded, a_key(), amount="0.10"), 422, "account-frozen")


def test_a_lost_answer_is_found_by_its_key(funded):
    client = funded.ada.http
    posted = sent(funded, a_key("posted")).json()
    refused = sent(funded, a_key("refused"), amount="500.00").json()

    def found(key, **filters):
        query = {"idempotency_key": key} | filters
        return client.get("/v1/transfers", params=query).json()["data"]

    assert found("posted") == [posted]
    assert found("posted", account_id=funded.wallet, kind="transfer") == [posted]
    assert found("posted", kind="deposit") == []
    assert found("refused") == [{"status": "refused", "problem": refused}]
    assert found("unknown") == []
    assert funded.bob.http.get("/v1/transfers?idempotency_key=posted").json()["data"] == []


def test_a_dry_run_keeps_nothing(funded):
    def rehearsed(**changes):
        return funded.ada.http.post(
            "/v1/transfers?dry_run=true", json=funded.body(**changes), headers=a_key("dry")
        )

    fine, refused = rehearsed(), rehearsed(amount="500.00")

    assert fine.status_code == 200
    assert (fine.json()["id"], fine.json()["amount"]) == (None, "1.00")
    assert_problem(refused, 422, "insufficient-funds")
    assert funded.balance() == ("100.00", 1)
    assert sent(funded, a_key("dry"), amount="2.00").status_code == 201


@pytest.fixture
def listed(funded):
    """Return the pair after three transfers, with the cursor behind the newest."""
    for _ in range(3):
        sent(funded, a_key(), amount="0.01")
    path = f"/v1/accounts/{funded.wallet}/entries"
    page = funded.ada.http.get(path, params={"limit": 1}).json()
    return funded, path, page["next_cursor"]


def test_pages_follow_each_other_without_gap_or_repetition(listed):
    pair, path, _ = listed
    seen, cursor = [], None
    while True:
        query = {"limit": 3} | ({"cursor": cursor} if cursor else {})
        page = pair.ada.http.get(path, params=query).json()
        seen += [entry["version"] for entry in page["data"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert seen == [4, 3, 2, 1]


SPOILT = {
    "shorter": lambda cursor: cursor[:-1],
    "longer": lambda cursor: cursor + "A",
    "another beginning": lambda cursor: ("B" if cursor[0] == "A" else "A") + cursor[1:],
    "another end": lambda cursor: cursor[:-2] + ("BB" if cursor[-2:] == "AA" else "AA"),
    "padded": lambda cursor: cursor + "=",
    "empty": lambda _: "",
    "not ASCII": lambda _: "é",
    "NUL": lambda _: "\x00",
    "huge": lambda _: "A" * 5_000,
    "SQL": lambda _: "' OR 1=1",
}


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
def test_a_changed_cursor_is_malformed(listed, spoil):
    pair, path, cursor = listed

    answer = pair.ada.http.get(path, params={"cursor": spoil(cursor)})

    assert_problem(answer, 400, "cursor-invalid")


def test_a_cursor_counts_for_its_reader_list_and_filters_alone(platform, listed):
    pair, path, cursor = listed
    client = pair.ada.http

    assert client.get(path, params={"cursor": cursor, "limit": 2}).status_code == 200
    for elsewhere in ("/v1/accounts", "/v1/transfers"):
        answer = client.get(elsewhere, params={"cursor": cursor})
        assert_problem(answer, 400, "cursor-invalid")
    assert_problem(platform.treasury.get(path, params={"cursor": cursor}), 400, "cursor-invalid")


def test_a_cursor_of_other_filters_is_malformed(listed):
    pair, _, _ = listed
    client = pair.ada.http
    cursor = client.get("/v1/transfers", params={"limit": 1}).json()["next_cursor"]

    other = client.get("/v1/transfers", params={"cursor": cursor, "kind": "transfer"})

    assert_problem(other, 400, "cursor-invalid")
