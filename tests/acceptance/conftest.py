"""Everything here talks HTTP to one running platform."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from tests.fixtures.platform import Person, platform

__all__ = ["platform"]

CPU_SECONDS_MAX = 0.5
PROBLEM_MEMBERS = {"type", "title", "status", "detail", "code", "retryable", "request_id"}


@dataclass(frozen=True, slots=True)
class Pair:
    """Somebody with money, and somebody to send it to."""

    ada: Person
    wallet: str
    bob: Person
    other: str

    def body(self, **changes):
        """Return the body of a transfer that would succeed but for *changes*."""
        body = {
            "source_account_id": self.wallet,
            "destination_account_id": self.other,
            "amount": "1.00",
            "currency": "USD",
        }
        return body | changes

    def balance(self):
        """Return what is left, and the number of postings."""
        account = self.ada.http.get(f"/v1/accounts/{self.wallet}").json()
        return account["balance"]["available"], account["version"]


@pytest.fixture(scope="module")
def pair(platform):
    """Return a funded sender and a receiver, shared by tests that change nothing."""
    ada, wallet = platform.funded("100.00")
    bob = platform.person("Bob Stone")
    return Pair(ada, wallet, bob, bob.wallet())


@pytest.fixture
def without_effect(pair):
    """Yield the pair, and hold that not a cent has moved meanwhile."""
    before = pair.balance()
    yield pair
    assert pair.balance() == before


@contextmanager
def costing_little():
    """Hold that the block takes little of a processor, however long it had to wait for one."""
    before = time.process_time()
    yield
    assert time.process_time() - before < CPU_SECONDS_MAX


def assert_problem(answer, status, code, *, field=None):
    """Hold that *answer* is this problem, whole, and says nothing else."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["code"] == code, answer.text
    assert problem["status"] == status
    assert problem.keys() >= PROBLEM_MEMBERS
    assert problem["type"] == f"https://gopherpay.dev/problems/{code}"
    assert answer.headers["cache-control"] == "no-store"
    if field is not None:
        assert [error["field"] for error in problem["errors"]] == [field]
