"""The program that we compare with keeps its books as carefully as ours."""

import asyncio
from collections import Counter
from uuid import uuid4

import httpx
import psycopg
import pytest

from tests.benchmarks.plain_system import PlainSystem
from tests.benchmarks.systems import OPENING_MINOR

DATABASE = "plain_service"


@pytest.fixture(scope="module")
def plain(postgres, tmp_path_factory):
    with psycopg.connect(postgres.dsn("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {DATABASE}")
    system = PlainSystem(postgres.dsn(DATABASE), tmp_path_factory.mktemp("plain"), workers=1)
    system.make_schema()
    system.start()
    yield system
    system.stop()
    with psycopg.connect(postgres.dsn("postgres"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")


@pytest.fixture(scope="module")
def target(plain):
    return plain.prepare(16)


@pytest.fixture
def send(target):
    def post(key=None, *, token=None, **changes):
        body = {
            "source_account_id": target.accounts[0],
            "destination_account_id": target.accounts[1],
            "amount": "0.01",
            "currency": "USD",
            **changes,
        }
        headers = {
            "Authorization": f"Bearer {token or target.tokens[0]}",
            "Idempotency-Key": key or uuid4().hex,
        }
        url = f"http://{target.host}:{target.port}{target.path}"
        return httpx.post(url, json=body, headers=headers, timeout=30)

    return post


def test_a_transfer_is_committed_under_its_key(plain, send):
    answer = send("first-1")

    assert answer.status_code == 201
    assert plain.committed("first-") == {answer.json()["id"]}
    assert plain.discrepancies() == []


def test_a_repeated_key_gets_the_first_answer(plain, send):
    first, second = send("again-1"), send("again-1")

    assert second.json() == first.json()
    assert second.headers["Idempotent-Replayed"] == "true"
    assert len(plain.committed("again-")) == 1


def test_a_key_of_another_command_is_refused(send):
    send("taken-1")

    assert send("taken-1", amount="0.02").status_code == 409


@pytest.fixture
def read(target):
    def get(path, *, token=None):
        headers = {"Authorization": f"Bearer {token or target.tokens[0]}"}
        return httpx.get(f"http://{target.host}:{target.port}{path}", headers=headers, timeout=30)

    return get


def test_what_was_moved_is_read_by_its_owner_alone(target, send, read):
    moved = send("read-1", amount="0.03").json()
    place = f"/v1/accounts/{target.accounts[0]}"
    account, entries = read(place).json(), read(f"{place}/entries?limit=1").json()

    assert read(f"/v1/transfers/{moved['id']}").json() == moved
    assert entries["data"][0]["transfer_id"] == moved["id"]
    assert entries["data"][0]["amount"] == "-0.03"
    assert entries["data"][0]["counterparty_account_id"] == target.accounts[1]
    assert entries["data"][0]["balance_after"] == account["balance"]
    assert entries["next_before"] == account["version"]
    for path in (place, f"{place}/entries", f"/v1/transfers/{moved['id']}"):
        assert read(path, token=target.tokens[2]).status_code == 404


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"amount": f"{OPENING_MINOR}.00"}, 422),
        ({"amount": "0.00"}, 422),
        ({"amount": "1e3"}, 422),
        ({"currency": "EUR"}, 422),
        ({"destination_account_id": str(uuid4())}, 422),
        ({"source_account_id": str(uuid4())}, 404),
        ({"token": "guessed"}, 401),
    ],
)
def test_a_refusal_leaves_nothing_behind(plain, send, changes, status):
    answer = send("refused-1", **changes)

    assert answer.status_code == status
    assert plain.committed("refused-") == set()


async def test_one_key_at_once_has_one_effect(plain, send):
    answers = await asyncio.gather(*[asyncio.to_thread(send, "twins-1") for _ in range(20)])

    assert Counter(each.status_code for each in answers) == {201: 20}
    assert {each.json()["id"] for each in answers} == plain.committed("twins-")
    assert plain.discrepancies() == []


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ("accounts SET balance_minor = balance_minor + %s WHERE id = %s", "1 accounts wrong"),
        ("accounts SET version = version + %s WHERE id = %s", "1 accounts wrong"),
        (
            "transfers SET amount_minor = amount_minor + %s WHERE destination_account_id = %s",
            "1 transfers wrong",
        ),
    ],
)
def test_a_falsified_book_is_found(plain, target, change, found):
    untouched = target.accounts[2]
    with psycopg.connect(plain.dsn, autocommit=True) as connection:
        connection.execute(f"UPDATE {change}".encode(), (1, untouched))
        seen = plain.discrepancies()
        connection.execute(f"UPDATE {change}".encode(), (-1, untouched))

    assert seen == [found]
    assert plain.discrepancies() == []
