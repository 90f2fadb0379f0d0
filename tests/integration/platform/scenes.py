"""A fault in the middle of load, and what must be true of the money afterwards."""

from __future__ import annotations

import asyncio
from collections import defaultdict

import psycopg
import pytest

from tests.integration.platform.load import CREATED, Load
from tests.integration.platform.town import ACCOUNTS_EACH, OPENING_MINOR, PEOPLE

ENOUGH = 300
marks = [
    pytest.mark.ray,
    pytest.mark.slow,
    pytest.mark.xdist_group("ray"),
    pytest.mark.timeout(400),  # the platform starts in the setup of whichever test is the first
]
both_places = pytest.mark.parametrize("up", ["ingress", "deployment"], indirect=True)
in_the_ingress = pytest.mark.parametrize("up", ["ingress"], indirect=True)
in_a_deployment = pytest.mark.parametrize("up", ["deployment"], indirect=True)


async def under_load(up, fault, rest_seconds=0):
    """Make *fault* while money moves, and hold that all of it is there, once, afterwards."""
    up.town.log_in()
    load = Load(up.address, up.town.pairs(), rest_seconds)
    async with load.running():
        await load.more(ENOUGH)
        await asyncio.to_thread(fault)
        await load.more(ENOUGH)
    await load.settle()
    assert load.codes()[500] == 0
    assert_told_the_truth(up, load)
    assert_money_is_whole(up)
    return load


def assert_told_the_truth(up, load):
    """Hold that each key has one effect, which is what every definite answer said."""
    written = defaultdict(list)
    for key, transfer_id in up.rows("SELECT idempotency_key, id::text FROM transfers"):
        written[key].append(transfer_id)
    for wish in load.wishes:
        answers = set(wish.definite)
        assert len(answers) == 1, wish
        [answer] = answers
        assert written[wish.key] == ([answer.transfer_id] if answer.status == CREATED else []), wish


def assert_money_is_whole(up):
    [(total,)] = up.rows("SELECT sum(balance_minor)::bigint FROM accounts WHERE kind = 'customer'")
    assert total == PEOPLE * ACCOUNTS_EACH * OPENING_MINOR
    assert list(up.findings()) == []


def is_back(up):
    """Tell whether the database answers."""
    try:
        return up.rows("SELECT 1") == [(1,)]
    except psycopg.OperationalError:
        return False
