"""Facts reach a real broker: all of them, in the order of each subject."""

import asyncio
import json
import secrets

import psycopg
import pytest
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from actors.messaging import envelope
from actors.store.parked import parked_subjects, try_now
from actors.store.pool import Pool
from tests.fixtures.ledger import a_bank, a_deposit, a_movement
from tests.integration.kafka.relaying import (
    WAIT_SECONDS,
    assert_told_in_order,
    ids,
    make_topics,
    relaying,
    stored,
    told,
    until,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.xdist_group("kafka")]

FACT = """
INSERT INTO outbox (slot, aggregatetype, aggregateid, type, payload)
VALUES (%s, 'account', %s, 'dev.gopherpay.transfer.posted.v1', %s) RETURNING id::text
"""
SUBJECTS = [f"00000000-0000-4000-8000-00000000000{number}" for number in range(8)]


@pytest.fixture
async def bank(database):
    async with a_bank(database.app_dsn) as bank:
        yield bank


@pytest.fixture
async def owner(database):
    async with await psycopg.AsyncConnection.connect(database.owner_dsn, autocommit=True) as owner:
        yield owner


@pytest.fixture
async def pool(database):
    pool = Pool(database.app_dsn, size_max=2, name="relay")
    await pool.open()
    yield pool
    await pool.close()


@pytest.fixture
def write(owner):
    """Return a way to write a fact of a subject, with a payload of twice so many bytes."""

    async def write(place, size=10):
        payload = json.dumps({"text": secrets.token_hex(size)})  # nothing to compress
        found = await owner.execute(FACT, (place, SUBJECTS[place], payload))
        return (await found.fetchone())[0]

    return write


async def _all_told(owner, connection, topics):
    """Wait until every row of the outbox is told, and return the records."""
    rows = await stored(owner)

    async def done():
        records = await asyncio.to_thread(told, connection, topics)
        return records if len(ids(records)) == len(rows) else None

    return rows, await until(done)


def _allow(connection, topic, size):
    """Let *topic* take messages of up to *size* bytes."""
    entry = ConfigEntry("max.message.bytes", str(size), incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    administration = AdminClient(connection.admin())  # it must outlive the answers
    answers = administration.incremental_alter_configs([resource])
    for answer in answers.values():
        answer.result(WAIT_SECONDS)


async def test_every_fact_is_told_in_the_order_of_its_account(
    kafka, topic_prefix, bank, owner, pool
):
    topics = make_topics(kafka.connection, topic_prefix)
    wallets = [await bank.wallet(10_000) for _ in range(6)]
    async with relaying(pool, kafka.connection, topic_prefix) as relay:
        for number in range(60):
            await bank.post(
                *(
                    a_movement(w, wallets[(number + i) % 6], 1)
                    for i, w in enumerate(wallets)
                    if w != wallets[(number + i) % 6]
                ),
                a_deposit(wallets[number % 6], 5),
            )
        rows, records = await _all_told(owner, kafka.connection, topics)

    assert_told_in_order(rows, records)
    assert len(records) == len(rows) == relay.health().told
    assert {envelope.parse(record).name for record in records} >= {
        "account.opened",
        "deposit.posted",
        "transfer.posted",
    }


async def test_a_record_that_the_broker_refuses_parks_its_subject_alone(
    kafka, topic_prefix, owner, pool, write
):
    topics = make_topics(kafka.connection, topic_prefix)
    _allow(kafka.connection, topics[0], 4_000)
    async with relaying(pool, kafka.connection, topic_prefix):
        for _ in range(5):
            for place in range(8):
                await write(place)
        too_large = await write(3, 20_000)
        behind = [await write(place) for place in range(8)]
        parked = await until(lambda: _parked(pool, 2))

        async def others():
            records = await asyncio.to_thread(told, kafka.connection, topics)
            return set(behind) - {behind[3]} <= set(ids(records)) and records

        records = await until(others)
        assert too_large not in ids(records)
        assert behind[3] not in ids(records)
        assert str(parked[0].subject_id) == SUBJECTS[3]
        assert parked[0].error == "MSG_SIZE_TOO_LARGE"

        _allow(kafka.connection, topics[0], 1_000_000)
        assert await try_now(pool, parked[0].subject_id) == 1
        rows, records = await _all_told(owner, kafka.connection, topics)
        await until(lambda: _parked(pool, 0))

    assert_told_in_order(rows, records)


async def _parked(pool, count):
    """Return what is parked, once it is one subject with so many events (or none)."""
    found = await parked_subjects(pool)
    if count == 0:
        return not found
    return found if [subject.events for subject in found] == [count] else None


async def test_a_broker_that_stops_and_hangs_loses_nothing(
    own_kafka, topic_prefix, owner, pool, write
):
    broker = own_kafka()
    topics = make_topics(broker.connection, topic_prefix)
    async with relaying(pool, broker.connection, topic_prefix, patience_seconds=2) as relay:
        for place in range(8):
            await write(place)
        await _all_told(owner, broker.connection, topics)
        broker.pause()
        for place in range(8):
            await write(place)
        await until(lambda: _stalled(relay))
        broker.resume()
        await until(lambda: _going(relay))
        await asyncio.to_thread(broker.stop)
        for _ in range(3):
            for place in range(8):
                await write(place)
        await until(lambda: _stalled(relay))
        await asyncio.to_thread(broker.start)
        rows, records = await _all_told(owner, broker.connection, topics)

    assert_told_in_order(rows, records)


async def _stalled(relay):
    return relay.health().stalled_by


async def _going(relay):
    return relay.health().stalled_by is None
