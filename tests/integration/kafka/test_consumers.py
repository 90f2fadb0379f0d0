"""Consumers on a real broker: poison of every kind, and the whole topic again and again."""

import asyncio
import os

import pytest

from actors.ids import new_id
from actors.messaging.connection import KafkaConnection
from actors.messaging.kafka_dead_letters import LEFT_OUT, PREFIX, KafkaDeadLetters
from actors.messaging.kafka_lag import group_lag
from actors.messaging.kafka_log import KafkaLog
from actors.messaging.kafka_source import KafkaSource
from actors.ports.events import DeadLetter, Record, SourceUnavailable
from actors.ports.replay import Selection
from tests.contracts.bus.parts import (
    GROUP,
    Counted,
    a_bus,
    a_consumer,
    a_pool,
    a_record,
    paid,
    until,
)
from tests.contracts.bus.test_bus import consuming, until_effects

pytestmark = pytest.mark.xdist_group("kafka")

TOO_LARGE_BYTES = 1_100_000
"""More than a broker takes (1,048,588 bytes), and of such that no compression makes smaller."""


@pytest.fixture
def bus(database, kafka, topic_prefix):
    """Return Kafka with nothing on it, and a database for effects."""
    return a_bus(database, topic_prefix, kafka.bootstrap_servers)


@pytest.fixture
async def pool(bus):
    """Yield a pool on the database of the effects, closed before the database is dropped."""
    pool = a_pool(bus)
    await pool.open()
    yield pool
    await pool.close()


@pytest.fixture
def effects(bus):
    """Return a question: what has had its effect, in order, as (subject, amount)?"""
    return bus.effects


def spoilt(subject, **changes):
    """Return a record of a good event with *changes*; a header that is None is left out."""
    good = a_record(paid(subject, 1))
    headers = dict(good.headers)
    value = changes.pop("value", good.value)
    key = changes.pop("key", good.key)
    headers.update({name.replace("__", "-"): text for name, text in changes.items()})
    return Record(
        topic="",
        partition=0,
        offset=0,
        key=key,
        value=value,
        headers=[(name, text) for name, text in headers.items() if text is not None],
    )


def poisons(subject):
    """Return what can be wrong with a record, with the reason it is given up for."""
    nested = b'{"a":' * 5_000 + b"1" + b"}" * 5_000
    return [
        (spoilt(subject, value=b'{"amount_minor": '), "json-malformed"),
        (spoilt(subject, value=b"\xff\xfe\x00"), "json-malformed"),
        (spoilt(subject, value=b""), "value-missing"),
        (spoilt(subject, value=b"[1]"), "data-no-object"),
        (spoilt(subject, value=nested), "json-too-deep"),
        (spoilt(subject, value=b'"' + b"x" * 990_000 + b'"'), "value-too-large"),
        (spoilt(subject, value=b'{"amount_minor": 1}'), "data-invalid"),
        (spoilt(subject, ce_type=b"dev.gopherpay.deposit.posted.v9"), "unknown-version"),
        (spoilt(subject, ce_specversion=b"9.9"), "unknown-version"),
        (spoilt(subject, ce_type=b"com.example.thing.v1"), "unknown-type"),
        (spoilt(subject, ce_id=b"7"), "id-invalid"),
        (spoilt(subject, ce_id=None), "header-missing"),
        (spoilt(subject, ce_time=b"now"), "time-invalid"),
        (spoilt(subject, ce_source=b"\xff"), "header-not-text"),
        (spoilt(subject, content__type=b"text/plain"), "content-type-unknown"),
        (spoilt(subject, key=str(new_id()).encode()), "key-mismatch"),
        (spoilt(subject, key=None), "key-mismatch"),
    ]


async def test_poison_of_every_kind_is_given_up_and_good_events_go_on(bus, pool, effects):
    subject = new_id()
    bad = poisons(subject)
    topic = bus.topics[0]
    records = []
    for number, (record, _) in enumerate(bad, 1):
        records += [(topic, record), (topic, a_record(paid(subject, number)))]
    await asyncio.to_thread(bus.produce, [placed(*each) for each in records])

    async with consuming(a_consumer(bus, pool, Counted(pool))):
        found = await until_effects(effects, len(bad))

    letters = [kept.letter async for page in bus.letter_log(pool).letters() for kept in page]
    assert sorted(amount for _, amount in found) == list(range(1, len(bad) + 1))
    assert sorted(letter.reason for letter in letters) == sorted(reason for _, reason in bad)
    assert {letter.consumer for letter in letters} == {GROUP}
    assert {letter.record.topic for letter in letters} == {topic}


async def test_a_letter_is_the_record_as_it_was_and_headers_that_say_why(bus, pool):
    subject = new_id()
    record = Record(
        "t.account.v1", 3, 41, b"key", b"value", [("ce_id", b"7"), ("other", None)], 1_700
    )
    letters = KafkaDeadLetters(bus.connection, topic=bus.topics[2])

    await letters.add(DeadLetter(GROUP, record, "poison", "not this one", 5, subject))
    await letters.close()

    (written,) = await everything(bus.connection, bus.topics[2])
    assert (written.key, written.value) == (b"key", b"value")
    assert written.headers[:2] == [("ce_id", b"7"), ("other", None)]
    assert {name.removeprefix(PREFIX): text for name, text in written.headers[2:]} == {
        "reason": b"poison",
        "detail": b"not this one",
        "consumer": GROUP.encode(),
        "attempts": b"5",
        "topic": b"t.account.v1",
        "partition": b"3",
        "offset": b"41",
        "timestamp": b"1700",
        "event-id": str(subject).encode(),
    }
    ((kept,),) = [page async for page in bus.letter_log(pool).letters()]
    assert kept.letter == DeadLetter(GROUP, record, "poison", "not this one", 5, subject)


async def test_a_letter_that_is_too_large_is_kept_without_its_content(bus):
    value = os.urandom(TOO_LARGE_BYTES)
    letters = KafkaDeadLetters(bus.connection, topic=bus.topics[2])

    large = Record("t", 0, 1, b"key", value)
    many = Record("t", 0, 2, b"key", b"", [("x", value)])
    await letters.add(DeadLetter(GROUP, large, "value-too-large", "value-too-large"))
    await letters.add(DeadLetter(GROUP, many, "headers-too-many", "headers-too-many"))
    await letters.close()

    written = await everything(bus.connection, bus.topics[2])
    sizes = {dict(each.headers)["dead-letter-offset"]: each for each in written}
    assert sizes[b"1"].value in {None, b""}
    assert dict(sizes[b"1"].headers)[LEFT_OUT] == str(TOO_LARGE_BYTES).encode()
    assert sizes[b"1"].key == b"key"
    assert sizes[b"2"].value in {None, b""}


async def test_the_whole_topic_ten_times_has_no_second_effect(bus, pool, effects):
    subjects = [new_id() for _ in range(10)]
    await bus.tell([paid(subject, number) for number in range(1, 31) for subject in subjects])

    delivered = []
    for time in range(11):
        source = KafkaSource(bus.connection, group=f"{GROUP}-{time}", topics=bus.topics[:2])
        consumer = a_consumer(bus, pool, Counted(pool), source=source, records_max=500)
        async with consuming(consumer):
            await until_delivered(consumer, 300)
            delivered.append(consumer.health().delivered)

    found = await effects()
    assert delivered == [300] * 11
    assert len(found) == 300
    assert len(set(found)) == 300


async def test_lag_is_what_was_not_committed(bus, pool, effects):
    topics = bus.topics[:2]
    none_yet = await asyncio.to_thread(group_lag, bus.connection, GROUP, topics)
    await bus.tell([paid(new_id(), number) for number in range(1, 8)])
    behind = await asyncio.to_thread(group_lag, bus.connection, GROUP, topics)
    async with consuming(a_consumer(bus, pool, Counted(pool))):
        await until_effects(effects, 7)
    after = await asyncio.to_thread(group_lag, bus.connection, GROUP, [*topics, "no-topic"])

    assert (none_yet.events, none_yet.oldest_seconds) == (0, None)
    assert behind.events == 7
    assert behind.oldest_seconds >= 0
    assert (after.events, after.oldest_seconds) == (0, None)


async def test_a_topic_that_is_missing_is_waited_for_and_named(kafka, topic_prefix):
    source = KafkaSource(kafka.connection, group=GROUP, topics=[f"{topic_prefix}.account.v1"])
    await source.open()

    async with asyncio.timeout(60):
        with pytest.raises(SourceUnavailable, match="Unknown topic"):
            await poll_for_ever(source)
    await source.close()


async def test_a_broker_that_is_not_there_is_told():
    source = KafkaSource(KafkaConnection("127.0.0.1:1"), group=GROUP, topics=["t.account.v1"])
    await source.open()

    async with asyncio.timeout(60):
        with pytest.raises(SourceUnavailable):
            await poll_for_ever(source)
    await source.close()


def placed(topic, record):
    """Return *record* in *topic*."""
    return Record(topic, 0, 0, record.key, record.value, record.headers)


async def until_delivered(consumer, count):
    async def enough():
        return consumer.health().delivered >= count

    await until(enough, f"{count} are delivered")


async def poll_for_ever(source):
    while True:
        await source.poll(limit=1, timeout_seconds=0.5)


async def everything(connection, topic):
    """Return every record of *topic*."""
    return [each async for page in KafkaLog(connection).read(Selection((topic,))) for each in page]
