"""Facts are read in order and without a gap, by one process a lane."""

import asyncio

import psycopg
import pytest

from actors.domain.errors import StoreUnavailable
from actors.ids import new_id
from actors.ports.events import LANES, START, Position
from actors.store import encoding
from actors.store.outbox_reading import READ, PostgresOutbox, rfc3339
from actors.store.pool import Pool
from tests.fixtures.ledger import a_movement

ALL = range(LANES)
FACT = """
INSERT INTO outbox (slot, aggregatetype, aggregateid, type, payload)
SELECT %(slot)s + n, 'account', gen_random_uuid(), 'odd', json_build_object('n', n)
FROM generate_series(0, %(count)s - 1) AS n
"""
CURSORS = "SELECT lane, xid::text::bigint, seq FROM event_cursors WHERE reader = %s ORDER BY lane"


@pytest.fixture
async def pool(database):
    pool = Pool(database.app_dsn, size_max=2, name="reading")
    await pool.open()
    yield pool
    await pool.close()


@pytest.fixture
async def outbox(pool):
    return PostgresOutbox(pool)


@pytest.fixture
def write(owner):
    """Return a way to write so many facts in one transaction, in slots that rise."""

    async def write(count=1, *, slot=0, connection=owner):
        await connection.execute(FACT, {"slot": slot, "count": count})

    return write


async def _all(outbox, *, limit=1_000):
    """Return what lies beyond the cursors of all lanes, read in batches."""
    cursors = await outbox.hold("r", LANES)
    after, found = min(cursors.values()), []
    while batch := await outbox.read(ALL, after, limit=limit):
        found += batch
        after = batch[-1].position
    return found


async def _all_lanes(outbox):
    """Take every lane as soon as the server has noticed that the last holder is gone."""
    async with asyncio.timeout(30):
        while len(cursors := await outbox.hold("r", LANES)) < LANES:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return cursors


async def _cursors(owner, reader="r"):
    rows = await (await owner.execute(CURSORS, (reader,))).fetchall()
    return {lane: Position(xid, seq) for lane, xid, seq in rows}


async def _row(owner, statement, *parameters):
    return await (await owner.execute(statement, parameters)).fetchone()


async def test_a_row_is_read_as_it_is_sent(bank, outbox, owner):
    ada, bob = await bank.wallet(5), await bank.wallet()
    await bank.post(a_movement(ada, bob, 1, description="Phở für 5 €"))
    wanted = await _row(
        owner,
        "SELECT seq, xid::text::bigint, slot %% 8, id::text, type, aggregatetype,"
        " aggregateid::text, to_char(occurred_at AT TIME ZONE 'utc',"
        """ 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), payload::text, trace_parent"""
        " FROM outbox ORDER BY seq DESC LIMIT 1",
    )
    last = (await _all(outbox))[-1]

    assert (last.seq, last.xid, *last[2:8], last.data.decode(), last.trace_parent) == wanted
    assert last.subject_id == str(ada)
    assert "Phở für 5 €" in last.data.decode()


def test_a_time_has_microseconds_and_a_z():
    assert rfc3339("2026-11-26 01:02:03.5+00") == "2026-11-26T01:02:03.500000Z"
    assert rfc3339("2026-11-26 01:02:03+00") == "2026-11-26T01:02:03.000000Z"
    assert rfc3339("2026-11-26 01:02:03.123456+00") == "2026-11-26T01:02:03.123456Z"


async def test_nothing_is_read_that_a_running_transaction_may_still_precede(
    outbox, owner, database, write
):
    await write()
    before = await _all(outbox)
    async with await psycopg.AsyncConnection.connect(database.owner_dsn) as slow:
        await write(connection=slow)
        for number in range(1_000):
            await write(slot=number % 1_000)
        while_open = await _all(outbox)
        await slow.commit()
    afterwards = await _all(outbox)
    written = await (await owner.execute("SELECT seq FROM outbox ORDER BY xid, seq")).fetchall()

    assert while_open == before
    assert len(afterwards) == 1_002
    assert [event.seq for event in afterwards] == [seq for (seq,) in written]
    assert afterwards[1].seq == before[0].seq + 1, "the slow one was the first to write"


async def test_batches_follow_each_other_without_overlap_or_gap(outbox, write):
    for _ in range(30):
        await write(7)
    whole = await _all(outbox)

    assert len(whole) == 210
    assert await _all(outbox, limit=10) == whole
    assert [event.position for event in whole] == sorted(event.position for event in whole)


async def test_only_the_lanes_asked_for_are_read(outbox, write):
    await write(80)
    await outbox.hold("r", LANES)
    found = await outbox.read([2, 5], START, limit=100)

    assert [event.lane for event in found] == [2, 5] * 10


async def test_a_cursor_moves_on_and_never_back(outbox, owner):
    await outbox.hold("r", LANES)
    await outbox.advance("r", {1: Position(5, 7)})
    await outbox.advance("r", {1: Position(5, 6), 2: Position(4, 9)})

    assert await _cursors(owner) == {1: (5, 7), 2: (4, 9)}


async def test_the_cursor_of_a_lane_that_is_idle_follows(outbox, owner, write):
    await outbox.hold("r", LANES)
    for _ in range(5):
        await write(slot=0)
    events = await outbox.read(ALL, START, limit=1_000)
    await outbox.advance("r", {0: events[2].position})
    await outbox.hold("r", LANES)
    half_done = await _cursors(owner)
    await outbox.advance("r", {0: events[4].position})
    done = await _cursors(owner)

    assert half_done[0] == events[2].position, "what was read and is not done stays beyond"
    assert all(half_done[lane] > events[4].position for lane in range(1, LANES))
    assert set(done.values()) == {half_done[lane] for lane in range(1, LANES)}


async def test_two_readers_share_the_lanes_and_never_one(pool):
    first, second = PostgresOutbox(pool), PostgresOutbox(pool)
    held = [await first.hold("r", 5), await second.hold("r", LANES)]

    assert [len(lanes) for lanes in held] == [5, 3]
    assert set(held[0]) | set(held[1]) == set(ALL)
    assert await first.members("r") == await second.members("r") == 2
    assert await first.members("other") == 0
    await first.release(list(held[0])[:2])
    assert len(await second.hold("r", LANES)) == 5
    assert len(await first.hold("r", LANES)) == 3


async def test_another_reader_has_lanes_of_its_own(pool):
    first, second = PostgresOutbox(pool), PostgresOutbox(pool)

    assert set(await first.hold("r", LANES)) == set(await second.hold("s", LANES)) == set(ALL)


async def test_a_lost_connection_loses_the_lanes_and_cannot_move_a_cursor(pool, owner):
    first, second = PostgresOutbox(pool), PostgresOutbox(pool)
    await first.hold("r", LANES)
    await owner.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
    )
    await _all_lanes(second)
    with pytest.raises(StoreUnavailable):
        await first.advance("r", {0: Position(9, 9)})
    with pytest.raises(StoreUnavailable):
        await first.read(ALL, START, limit=1)

    assert await first.hold("r", LANES) == {}
    assert await _cursors(owner) == {}


async def test_a_new_holder_goes_on_where_the_last_one_stood(pool, write):
    await write(8)
    first, second = PostgresOutbox(pool), PostgresOutbox(pool)
    await first.hold("r", LANES)
    events = await first.read(ALL, START, limit=3)
    await first.advance("r", {event.lane: event.position for event in events})
    await first.session.close()

    cursors = await _all_lanes(second)
    assert {lane for lane in ALL if cursors[lane] > START} == {0, 1, 2}


async def test_a_batch_far_behind_is_found_by_the_index_and_not_by_sorting(outbox, owner):
    for day in range(3):
        await owner.execute(
            "INSERT INTO outbox (slot, aggregatetype, aggregateid, type, payload, occurred_at)"
            " SELECT n %% 1024, 'account', %s, 'odd', '{}', now() + %s * interval '1 day'"
            " FROM generate_series(1, 5000) AS n",
            (new_id(), day),
        )
    await owner.execute("ANALYZE outbox")
    await outbox.hold("r", LANES)
    lines = await outbox.session.rows(
        b"EXPLAIN (ANALYZE, COSTS OFF) " + READ, ("0", "0", 0, encoding.numbers(ALL), 100)
    )
    plan = "\n".join(line for (line,) in lines)

    assert "Seq Scan" not in plan, plan
    assert "Merge Append" in plan, plan
    assert "Incremental Sort" in plan, plan
