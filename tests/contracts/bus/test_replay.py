"""``gopherpay events`` on both buses: what is due is done once, and it says so before."""

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from actors.ids import new_id
from actors.store.pool import Pool
from serve_app.cli.events import events_app
from serve_app.cli.events_bus import EventsRefused
from tests.contracts.bus.parts import GROUP, POISON_MINOR, Counted, a_consumer, paid, until
from tests.contracts.bus.test_bus import consuming, until_effects


@asynccontextmanager
async def counted(settings, consumer):
    """Yield an effect that can be counted, on the database of *settings*."""
    pool = Pool(settings.app_dsn, size_max=2, name="replay")
    await pool.open()
    try:
        yield Counted(pool, consumer)
    finally:
        await pool.close()


@asynccontextmanager
async def mended(settings, consumer):
    """Yield an effect that can do what another could not."""
    async with counted(settings, consumer) as effect:
        effect.fears = None
        yield effect


@pytest.fixture
def events(bus, monkeypatch, capsys):
    """Return a function that runs ``gopherpay events`` and returns its code and its output."""
    monkeypatch.setenv("GOPHERPAY_POSTGRES_URL", bus.owner_dsn)
    monkeypatch.setenv("GOPHERPAY_KAFKA_TOPIC_PREFIX", bus.prefix)
    if bus.kind == "kafka":
        monkeypatch.setenv("GOPHERPAY_KAFKA_BOOTSTRAP_SERVERS", bus.bootstrap_servers)

    async def run(*words, effects=counted):
        app = events_app(effects)
        code = await asyncio.to_thread(app, [*map(str, words)], standalone_mode=False)
        return code, capsys.readouterr().out

    return run


async def test_a_replay_does_what_is_due_and_a_second_one_nothing(bus, events, effects):
    subject = new_id()
    await bus.tell([paid(subject, number) for number in range(1, 11)])

    dry, said_dry = await events("replay", "--topic", "account", "--dry-run")
    before = await effects()
    code, said = await events("replay", "--topic", f"{bus.prefix}.account.v1", "--yes")
    after = await effects()
    again, said_again = await events("replay", "--topic", "account", "--yes")

    assert (dry, code, again) == (0, 0, 0)
    assert before == []
    assert "What a replay would do" in said_dry
    assert "20 events had their effect, 0 failed." in said
    assert sorted(amount for _, amount in after) == sorted([*range(1, 11), *range(1, 11)])
    assert "had their effect" not in said_again
    assert await effects() == after


async def test_without_a_terminal_nothing_is_done_before_yes(bus, events, effects):
    await bus.tell([paid(new_id(), 1)])

    code, _ = await events("replay", "--since", "1h")

    assert code == 0
    assert await effects() == []


async def test_the_lag_of_each_consumer_is_shown(bus, events):
    await bus.tell([paid(new_id(), number) for number in range(1, 6)])

    code, before = await events("lag")

    assert not code
    assert {"notifier", "webhooks"} <= set(before.split())
    assert before.split().count("5") == 2


async def test_one_consumer_alone_can_do_it_again(bus, events, effects):
    await bus.tell([paid(new_id(), 1)])

    await events("replay", "--topic", "account", "--consumer", "webhooks", "--yes")

    rows = await bus.as_owner("SELECT consumer FROM consumed_events")
    assert rows == [("webhooks",)]
    assert len(await effects()) == 1


async def test_a_replay_begins_where_it_is_told(bus, events, effects, pool):
    subject = new_id()
    await bus.tell([paid(subject, number) for number in range(1, 6)])
    source = bus.source(pool)
    await source.open()
    records = []

    async def all_polled():
        records.extend(await source.poll(limit=10, timeout_seconds=0.5))
        return len(records) == 5

    await until(all_polled, "all is polled")
    await source.close()
    third = records[2]

    await events(
        *("replay", "--topic", "account", "--partition", third.partition),
        *("--offset", third.offset, "--consumer", "notifier", "--yes"),
    )

    assert [amount for _, amount in await effects()] == [3, 4, 5]


async def test_one_event_can_be_replayed_by_its_id(bus, events, effects):
    await bus.tell([paid(new_id(), number) for number in range(1, 6)])
    await events("replay", "--topic", "account", "--consumer", "webhooks", "--yes")
    ((event_id,),) = await bus.as_owner("SELECT event_id FROM effects WHERE amount_minor = 4")

    await events("replay", "--event-id", event_id, "--consumer", "notifier", "--yes")

    done = await bus.as_owner("SELECT event_id FROM consumed_events WHERE consumer = 'notifier'")
    assert done == [(event_id,)]
    assert [amount for _, amount in await effects()].count(4) == 2


async def test_what_was_told_at_another_time_is_left_alone(bus, events, effects):
    await bus.tell([paid(new_id(), 1)])
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()

    await events("replay", "--topic", "account", "--since", tomorrow, "--yes")
    await events("replay", "--topic", "account", "--until", "3650d", "--yes")

    assert await effects() == []


async def test_a_dead_letter_can_be_replayed_once_its_cause_is_mended(bus, events, effects, pool):
    subject = new_id()
    await bus.tell([paid(subject, POISON_MINOR), paid(subject, 2)])
    async with consuming(a_consumer(bus, pool, Counted(pool))):
        await until_effects(effects, 1)
    _, listed = await events("dead-letters")

    failed, said_failed = await events("replay", "--dead-letters", "--yes")
    code, said = await events(
        "replay", "--dead-letters", "--reason", "poison", "--yes", effects=mended
    )
    _, said_again = await events("replay", "--dead-letters", "--yes", effects=mended)
    _, listed_after = await events("dead-letters", "--consumer", GROUP)

    assert failed == 1
    assert "failed: poison: nobody can pay that" in said_failed
    assert code == 0
    assert "1 events had their effect, 0 failed." in said
    assert "had their effect" not in said_again
    assert sorted(amount for _, amount in await effects()) == [2, POISON_MINOR]
    assert "open" in listed
    assert "done" in listed_after
    assert "open" not in listed_after


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "Say what to replay"),
        (("--topic", "nothing"), "There is no topic 'nothing' of events"),
        (("--since", "yesterday"), "--since is no time; write 2026-01-31T12:00:00Z"),
        (("--since", "999999d"), "--since is no time"),
        (("--event-id", "7"), "--event-id is no event id"),
        (("--topic", "user", "--partition", "99"), "partitions 0 to"),
        (("--topic", "user", "--offset", "1"), "--offset needs --partition"),
        (("--partition", "1"), "--partition needs --topic"),
        (("--reason", "poison", "--topic", "user"), "--reason goes with --dead-letters"),
        (("--dead-letters", "--topic", "user"), "--dead-letters does not go with --topic"),
        (("--topic", "user", "--consumer", "me"), "--consumer is one of notifier and webhooks"),
    ],
)
async def test_a_wish_that_cannot_be_is_refused_in_a_sentence(words, sentence, events):
    with pytest.raises(EventsRefused, match=sentence):
        await events("replay", *words)


def test_a_database_that_is_not_there_is_said(monkeypatch):
    monkeypatch.setenv("GOPHERPAY_POSTGRES_URL", "postgresql://nobody@127.0.0.1:1/none")
    words = ["replay", "--topic", "user"]

    with pytest.raises(EventsRefused, match="The database does not answer"):
        events_app(counted)(words, standalone_mode=False)
