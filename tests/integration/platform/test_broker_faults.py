"""The brokers are away or hang while money moves: no payment notices, and nothing is untold."""

from __future__ import annotations

import asyncio
import json
import time

import pytest

from tests.integration.platform.load import CREATED, REFUSED
from tests.integration.platform.scenes import assert_money_is_whole, marks, under_load
from tests.integration.platform.up import wait_for

pytestmark = marks

AWAY_SECONDS = 60
"""As issue and fault table ask (F08, F13): longer than a client of Kafka is patient."""

EACH_REST_SECONDS = 0.2
TOLD_SECONDS_MAX = 240
UNTOLD = """
SELECT count(*) FROM outbox o
WHERE NOT EXISTS (
    SELECT FROM consumed_events c WHERE c.consumer = %s AND c.event_id = o.id
)
"""


async def under_load_with(up, fault):
    """Make *fault* under a load that a relay has to catch up with, not one that ends the day."""
    load = await under_load(up, fault, rest_seconds=EACH_REST_SECONDS)
    assert set(load.codes()) <= {CREATED, REFUSED}
    return load


def away(broker):
    """Take *broker* away for a while."""
    broker.stop()
    time.sleep(AWAY_SECONDS)  # the length of the fault is the fault
    broker.start()


def hanging(broker):
    """Let *broker* hang for a while: its connections stay open and nothing comes back."""
    broker.pause()
    time.sleep(AWAY_SECONDS)
    broker.resume()


def assert_everything_is_told(up):
    """Hold that every fact reaches its consumers, in order, each with one effect."""
    wait_for(lambda: up.rows(UNTOLD, "notifier") == [(0,)], TOLD_SECONDS_MAX)
    assert_money_is_whole(up)
    told = json.loads(up.verb("verify", "--events", "--json").splitlines()[-1])
    assert told["events"]["discrepancies"] == 0


@pytest.mark.timeout(900)
@pytest.mark.parametrize("fault", [away, hanging])
async def test_no_payment_fails_while_the_broker_is_gone_and_all_of_it_is_told_later(
    with_kafka, fault
):
    up, broker = with_kafka

    await under_load_with(up, lambda: fault(broker))

    await asyncio.to_thread(assert_everything_is_told, up)


@pytest.mark.timeout(900)
async def test_a_killed_broker_loses_nothing_that_it_had_acknowledged(with_kafka):
    up, broker = with_kafka

    def kill():
        broker.kill()
        broker.start()

    await under_load_with(up, kill)

    await asyncio.to_thread(assert_everything_is_told, up)
