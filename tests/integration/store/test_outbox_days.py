"""Days of the outbox come and go whole; parked events and lag are known to the database."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from actors.domain.errors import StoreUnavailable
from actors.ids import new_id
from actors.ports.events import LANES, START
from actors.store.outbox_horizon import Horizon
from actors.store.outbox_partitions import drop_old, ensure_partitions, make_ahead
from actors.store.outbox_reading import PostgresOutbox, lag
from actors.store.parked import PostgresParked, give_up_first, parked_subjects, try_now
from actors.store.pool import Pool
from tests.fixtures.ledger import assert_books_are_right

FACT = """
INSERT INTO outbox (slot, aggregatetype, aggregateid, type, payload, occurred_at)
VALUES (%s, 'account', %s, 'odd', '{}', now() - make_interval(days => %s))
"""
DAYS = """
SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'outbox'::regclass AND c.relname < to_char(now() AT TIME ZONE 'utc',
    '"outbox_"YYYYMMDD') ORDER BY 1
"""
MAKE_DAY = "CREATE TABLE {0} PARTITION OF outbox FOR VALUES FROM ('{1}') TO ('{2}')"
ALL = range(LANES)


@pytest.fixture
async def pool(database):
    pool = Pool(database.app_dsn, size_max=3, name="days")
    await pool.open()
    yield pool
    await pool.close()


@pytest.fixture
async def outbox(pool):
    return PostgresOutbox(pool)


@pytest.fixture
async def past_days(owner):
    """Make the last ten days, with one event in each, and return how to name a day."""
    today = datetime.now(UTC).date()

    def name(days_ago):
        return f"outbox_{today - timedelta(days=days_ago):%Y%m%d}"

    for days_ago in range(2, 11):
        day = today - timedelta(days=days_ago)
        until = day + timedelta(days=1)
        await owner.execute(
            MAKE_DAY.format(name(days_ago), f"{day} 00:00+00", f"{until} 00:00+00").encode()
        )
        await owner.execute(f"ALTER TABLE {name(days_ago)} OWNER TO gopherpay_owner".encode())
    for days_ago in range(10, 0, -1):
        await owner.execute(FACT, (days_ago, new_id(), days_ago))
    return name


async def _days(owner):
    return [name for (name,) in await (await owner.execute(DAYS)).fetchall()]


async def _read_all(outbox, reader="relay"):
    """Read everything as *reader*, and let its cursors say so."""
    await outbox.hold(reader, LANES)
    events = await outbox.read(ALL, START, limit=1_000)
    await outbox.advance(reader, dict.fromkeys(ALL, events[-1].position))
    await outbox.hold(reader, LANES)
    return events


async def test_old_days_that_everybody_has_read_are_dropped_whole(
    pool, outbox, owner, past_days, database
):
    await _read_all(outbox)
    dropped = await drop_old(pool, ["relay"], days_kept=7)

    assert [f"outbox_{day:%Y%m%d}" for day in dropped] == [past_days(n) for n in (10, 9, 8)]
    assert await _days(owner) == [past_days(n) for n in range(7, 0, -1)]
    assert await drop_old(pool, ["relay"], days_kept=7) == []
    await assert_books_are_right(database.owner_dsn)


@pytest.mark.usefixtures("past_days")
async def test_a_day_that_one_reader_has_not_read_stays(pool, outbox, owner):
    await _read_all(outbox)

    assert await drop_old(pool, ["relay", "webhooks"], days_kept=1) == []
    assert await drop_old(pool, [], days_kept=1) == []
    assert len(await _days(owner)) == 10


async def test_a_day_with_a_parked_event_stays_and_so_do_the_days_after_it(
    pool, outbox, owner, past_days
):
    events = await _read_all(outbox)
    parked = PostgresParked(outbox.session)
    await parked.park("relay", [events[1]], "too large")

    assert len(await drop_old(pool, ["relay"], days_kept=1)) == 1
    assert (await _days(owner))[0] == past_days(9)
    await parked.told("relay", [events[1]])
    assert len(await drop_old(pool, ["relay"], days_kept=1)) == 8


async def test_no_day_is_dropped_that_shall_be_kept(pool, outbox, owner, past_days):
    await _read_all(outbox)
    await drop_old(pool, ["relay"], days_kept=-5)

    assert await _days(owner) == [past_days(1)]


@pytest.mark.usefixtures("past_days")
async def test_a_transaction_that_reads_the_outbox_is_waited_for_only_a_moment(
    pool, outbox, database
):
    await _read_all(outbox)
    async with await psycopg.AsyncConnection.connect(database.owner_dsn) as reading:
        await reading.execute("SELECT count(*) FROM outbox")
        with pytest.raises(StoreUnavailable):
            await drop_old(pool, ["relay"], days_kept=7)
        await reading.rollback()

    assert len(await drop_old(pool, ["relay"], days_kept=7)) == 3


async def test_the_application_makes_the_coming_days_and_nothing_else(pool, owner, database):
    [(name,)] = await (
        await owner.execute("SELECT 'outbox_' || to_char(now() + interval '3 days', 'YYYYMMDD')")
    ).fetchall()
    await owner.execute(f"DROP TABLE {name}".encode())

    assert await make_ahead(pool) == 1
    assert await make_ahead(pool) == 0
    with psycopg.connect(database.app_dsn) as connection:
        connection.execute("SET SESSION AUTHORIZATION gopherpay_app")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(f"DROP TABLE {name}".encode())


async def test_a_day_whose_rows_lie_in_the_default_partition_is_passed_over(
    owner, database, outbox
):
    [(name,)] = await (
        await owner.execute("SELECT 'outbox_' || to_char(now() AT TIME ZONE 'utc', 'YYYYMMDD')")
    ).fetchall()
    await owner.execute(f"DROP TABLE {name}".encode())
    await owner.execute(FACT, (1, new_id(), 0))
    with psycopg.connect(database.owner_dsn) as connection:
        assert ensure_partitions(connection) == 0

    assert len(await _read_all(outbox)) == 1


@pytest.mark.usefixtures("past_days")
async def test_lag_counts_what_each_reader_has_not_done(pool, outbox, owner):
    assert [each.events for each in await lag(pool) if each.reader == "relay"] == []
    events = await _read_all(outbox)
    for _ in range(5):
        await owner.execute(FACT, (1, new_id(), 0))
    await PostgresParked(outbox.session).park("relay", events[:2], "too large")
    found = {each.reader: each for each in await lag(pool)}

    assert (found["relay"].events, found["relay"].parked) == (5, 2)
    assert 0 <= found["relay"].oldest_seconds < 60
    assert found["notifier"].events == 15
    assert found["notifier"].oldest_seconds > 9 * 86_400


async def test_lag_of_a_long_backlog_is_about_right(pool, outbox, owner):
    await outbox.hold("relay", LANES)
    await owner.execute(FACT, (1, new_id(), 0))
    await outbox.read(ALL, START, limit=10)
    await outbox.advance("relay", dict.fromkeys(ALL, START))
    await owner.execute(
        "INSERT INTO outbox (slot, aggregatetype, aggregateid, type, payload)"
        " SELECT n %% 1024, 'account', %s, 'odd', '{}' FROM generate_series(1, 12000) AS n",
        (new_id(),),
    )
    found = {each.reader: each.events for each in await lag(pool)}

    assert 11_900 <= found["relay"] <= 12_010


async def test_a_transaction_that_keeps_readers_waiting_is_seen(pool, owner, database):
    times = iter(range(100))
    horizon = Horizon(pool, clock=lambda: next(times))
    assert await horizon.held_seconds() == 0
    async with await psycopg.AsyncConnection.connect(database.owner_dsn) as slow:
        await slow.execute(FACT, (1, new_id(), 0))
        assert await horizon.held_seconds() == 0, "nobody waits yet"
        await owner.execute(FACT, (1, new_id(), 0))
        first = await horizon.held_seconds()
        second = await horizon.held_seconds()
        await slow.rollback()

    assert second > first > 0
    assert await horizon.held_seconds() == 0


async def test_parked_events_are_due_in_order_and_wait_longer_after_each_failure(
    pool, outbox, owner
):
    subject_id = new_id()
    for _ in range(3):
        await owner.execute(FACT, (1, subject_id, 0))
    events = await _read_all(outbox)
    parked = PostgresParked(outbox.session)
    await parked.park("relay", events, "too large", wait_seconds=100)
    await parked.park("relay", events, "again")
    assert await parked.subjects("relay", ALL) == {str(subject_id)}
    assert await parked.subjects("relay", [0]) == frozenset()
    assert await parked.due("relay", ALL, limit=10) == []

    assert await try_now(pool, subject_id) == 1
    assert await parked.due("relay", ALL, limit=10) == events
    await parked.refused("relay", events[0], "still too large")
    assert await parked.due("relay", ALL, limit=10) == []
    [listed] = await parked_subjects(pool)
    assert (listed.subject_id, listed.events, listed.seq) == (subject_id, 3, events[0].seq)
    assert (listed.attempts, listed.error, listed.type) == (1, "still too large", "odd")

    assert await give_up_first(pool, subject_id) == [events[0].seq]
    assert await parked.due("relay", ALL, limit=10) == events[1:]
    await parked.told("relay", events[1:])
    assert await parked_subjects(pool) == []
