"""One contract for both buses: in order, at least once, once in effect, and never stopped."""

import asyncio
import sys
from collections import defaultdict
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from actors.domain.events import Event
from actors.ids import new_id
from actors.ports.events import SourceUnavailable
from tests.contracts.bus.parts import POISON_MINOR, a_consumer, paid, until

ROOT = Path(__file__).parents[3]
END_SESSIONS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'bus'
"""
POINTS = ("polled", "before-commit", "after-effect")


@asynccontextmanager
async def consuming(*consumers):
    """Run *consumers* beside the block."""
    tasks = [asyncio.create_task(each.run()) for each in consumers]
    try:
        yield
        assert not [task for task in tasks if task.done()]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def until_effects(effects, count):
    """Wait until at least *count* effects are there, and return all."""

    async def enough():
        found = await effects()
        return found if len(found) >= count else None

    return await until(enough, f"{count} effects")


async def polled(source, count):
    """Return *count* records, after as many polls as that takes."""
    records = []

    async def enough():
        records.extend(await source.poll(limit=count - len(records), timeout_seconds=0.5))
        return len(records) >= count

    await until(enough, f"{count} records")
    return records


def by_subject(found):
    """Return the amounts of each subject in the order found."""
    amounts = defaultdict(list)
    for subject, amount_minor in found:
        amounts[subject].append(amount_minor)
    return amounts


async def test_events_of_one_key_have_their_effect_in_order(bus, pool, counted, effects):
    subjects = [new_id() for _ in range(5)]
    events = [paid(subject, number) for number in range(1, 61) for subject in subjects]

    async with consuming(a_consumer(bus, pool, counted)):
        for begin in range(0, len(events), 50):
            await bus.tell(events[begin : begin + 50])
        found = await until_effects(effects, len(events))

    assert by_subject(found) == {subject: list(range(1, 61)) for subject in subjects}


async def test_what_was_not_committed_comes_again(bus, pool):
    await bus.tell([paid(new_id(), number) for number in range(1, 11)])
    first, second = bus.source(pool), bus.source(pool)

    await first.open()
    before = await polled(first, 10)
    await first.close()
    await second.open()
    again = await polled(second, 10)
    await second.commit(again)
    await second.close()

    assert sorted(record.value for record in before) == sorted(record.value for record in again)


async def test_what_was_committed_does_not_come_again(bus, pool):
    subject = new_id()
    await bus.tell([paid(subject, number) for number in range(1, 11)])
    first, second = bus.source(pool), bus.source(pool)

    await first.open()
    await first.commit(await polled(first, 10))
    await first.close()
    await bus.tell([paid(subject, 11)])
    await second.open()
    fresh = await polled(second, 1)
    await second.close()

    assert [b'"amount_minor": 11' in record.value for record in fresh] == [True]


async def test_a_poison_event_is_given_up_and_those_after_it_come(bus, pool, counted, effects):
    subject = new_id()
    amounts = [*range(1, 20), POISON_MINOR, *range(20, 40)]
    await bus.tell([paid(subject, amount_minor) for amount_minor in amounts])
    consumer = a_consumer(bus, pool, counted)

    async with consuming(consumer):
        found = await until_effects(effects, 39)
        health = consumer.health()

    letters = [kept async for page in bus.letter_log(pool).letters() for kept in page]
    assert by_subject(found) == {subject: list(range(1, 40))}
    assert [(kept.letter.reason, kept.letter.attempts) for kept in letters] == [("poison", 5)]
    assert letters[0].letter.detail == "nobody can pay that"
    assert b"666" in letters[0].letter.record.value
    assert letters[0].letter.record.key == str(subject).encode()
    assert (health.alive, health.dead, health.delivered) == (True, 1, 39)


async def test_what_is_no_event_is_given_up_at_once(bus, pool, counted, effects):
    subject = new_id()
    broken = Event("deposit.posted", "account", subject, '{"amount_minor": "much"}')
    await bus.tell([broken, paid(subject, 2)])

    async with consuming(a_consumer(bus, pool, counted)):
        found = await until_effects(effects, 1)

    letters = [kept async for page in bus.letter_log(pool).letters() for kept in page]
    assert by_subject(found) == {subject: [2]}
    assert [(kept.letter.reason, kept.letter.attempts) for kept in letters] == [("data-invalid", 1)]


async def test_two_of_a_group_never_read_one_partition(bus, pool):
    first, second = bus.source(pool), bus.source(pool)
    await first.open()
    await second.open()
    everything = _partitions(bus)

    async def shared():
        for source in (first, second):
            await source.poll(limit=10, timeout_seconds=0.2)
        mine, yours = _owned(bus, first), _owned(bus, second)
        assert not mine & yours
        return mine and yours and mine | yours == everything

    await until(shared, "both read, and all is read")
    await first.close()
    await second.close()


async def test_the_commit_of_a_lost_partition_is_harmless(bus, pool):
    # On both topics: it is not ours to say which partitions move.
    await bus.tell([paid(new_id(), number) for number in range(1, 41)])
    await bus.tell([Event("user.verified", "user", new_id(), "{}") for _ in range(40)])
    first, second = bus.source(pool), bus.source(pool)
    await first.open()
    held = await polled(first, 80)

    again = await _lose(bus, second)
    lost = [record for record in held if _place(bus, record) in _owned(bus, second)]
    await _commit(first, held)
    again += await polled(second, len(lost) - len(again))
    await first.close()
    await second.close()

    assert lost
    assert {(each.partition, each.offset) for each in again} >= {
        (each.partition, each.offset) for each in lost
    }


@pytest.mark.slow
@pytest.mark.xdist_group("kafka")
@pytest.mark.parametrize("point", POINTS)
async def test_a_death_loses_nothing_and_doubles_nothing(point, bus, pool, counted, effects):
    subjects = [new_id() for _ in range(8)]
    events = [paid(subject, number) for number in range(1, 6) for subject in subjects]
    await bus.tell(events)

    mortal = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.contracts.bus.mortal", bus.as_text(), point, cwd=ROOT
    )
    async with asyncio.timeout(60):
        code = await mortal.wait()
    async with consuming(a_consumer(bus, pool, counted)):
        found = await until_effects(effects, len(events))
        await bus.tell([paid(subject, 6) for subject in subjects])
        found = await until_effects(effects, len(events) + len(subjects))

    assert code == -9
    assert by_subject(found) == {subject: list(range(1, 7)) for subject in subjects}


async def test_a_database_that_failed_comes_back(bus, pool, counted, effects):
    subject = new_id()
    consumer = a_consumer(bus, pool, counted)

    async with consuming(consumer):
        await bus.tell([paid(subject, 1)])
        await until_effects(effects, 1)
        for number in range(2, 12):
            await bus.tell([paid(subject, number)])
            await bus.as_owner(END_SESSIONS)
        found = await until_effects(effects, 11)

    assert by_subject(found) == {subject: list(range(1, 12))}


def _partitions(bus):
    if bus.kind == "outbox":
        return set(range(8))
    return {(topic, number) for topic in bus.topics[:2] for number in range(4)}


def _owned(bus, source):
    return set(source.lanes if bus.kind == "outbox" else source.assigned)


def _place(bus, record):
    return record.partition if bus.kind == "outbox" else (record.topic, record.partition)


async def _commit(source, records):
    """Commit as a consumer does: again while it is not certain."""

    async def certain():
        try:
            await source.commit(records)
        except SourceUnavailable:
            return False
        return True

    await until(certain, "the commit is certain")


async def _lose(bus, second):
    """Let *second* have partitions that another has polled; return what it polls of them first."""
    if bus.kind == "outbox":
        await bus.as_owner(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
    await second.open()
    records = []

    async def taken():
        records.extend(await second.poll(limit=1, timeout_seconds=0.2))
        return _owned(bus, second)

    await until(taken, "the second has some")
    return records
