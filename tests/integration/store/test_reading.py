"""Reads that share a connection, and know nothing of each other."""

import asyncio
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from actors.domain.errors import StoreUnavailable
from actors.store.pool import Pool
from actors.store.reading import CONNECTIONS_MAX, GROUP_READS_MAX, statement

NAME = "reading"
SLEEPERS = "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s AND wait_event = %s"


@pytest.fixture
async def pool(database):
    pool = Pool(database.app_dsn, size_max=2, name=NAME, wait_seconds=20)
    await pool.open()
    try:
        yield pool
    finally:
        await pool.close()


async def _end_sessions(owner):
    await owner.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = %s",
        (NAME,),
    )


async def _until_asleep(owner, count=1):
    """Wait until so many reads sleep in the server."""
    async with asyncio.timeout(60):
        while (await (await owner.execute(SLEEPERS, (NAME, "PgSleep"))).fetchone())[0] < count:
            pass


async def _error_of(awaitable):
    with pytest.raises(StoreUnavailable) as caught:
        await awaitable
    return caught.value.__cause__


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("uuid", UUID(int=2**127 + 5)),
        ("text", 'Zoë\'s \\ "sum" \N{SNOWMAN}'),
        ("text", ""),
        ("smallint", -7),
        ("bigint", 2**63 - 1),
        ("bigint", -(2**63)),
        ("boolean", True),
        ("bytea", b"\x00\xff\\"),
        ("timestamptz", datetime(2026, 2, 3, 4, 5, 6, 789, tzinfo=UTC)),
        ("numeric", Decimal("12345678901234567890.5")),
        ("uuid[]", [UUID(int=1), None]),
        ("text[]", ["a,b", '"', "NULL"]),
    ],
)
async def test_what_is_asked_comes_back_as_it_was(pool, kind, value):
    assert await pool.rows(f"SELECT %s::{kind}, NULL::{kind}", (value,)) == [(value, None)]


async def test_json_comes_back_as_python_has_it(pool):
    rows = await pool.rows("""SELECT '{"a": [1, null]}'::json, '{"b": "c"}'::jsonb""")

    assert rows == [({"a": [1, None]}, {"b": "c"})]


async def test_names_stand_for_parameters_and_two_percent_signs_for_one(pool):
    question = "SELECT %(b)s::int, %(a)s::text, %(b)s::int, 'x' LIKE '%%x'"

    assert await pool.rows(question, {"a": "one", "b": 2}) == [(2, "one", 2, True)]
    assert statement("%s %(s)%").text == b"$1 %"
    assert await pool.rows("SELECT 1 WHERE false") == []


async def test_one_statement_takes_values_of_any_size_and_none(pool):
    numbers = [None, 1, 2**20, 2**40, None]

    assert [await pool.rows("SELECT %s::bigint", (n,)) for n in numbers] == [
        [(n,)] for n in numbers
    ]


async def test_many_reads_at_once_get_their_own_rows(pool, owner):
    count = 3 * CONNECTIONS_MAX * GROUP_READS_MAX + 1
    reads = [
        pool.rows("SELECT g FROM generate_series(%s::int, %s::int) g", (n, n + n % 3))
        for n in range(count)
    ]

    for n, rows in enumerate(await asyncio.gather(*reads)):
        assert rows == [(n + k,) for k in range(n % 3 + 1)]
    sessions = await owner.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s", (NAME,)
    )
    assert (await sessions.fetchone())[0] <= 1 + CONNECTIONS_MAX  # one is the pool's own


async def test_rows_larger_than_any_buffer_arrive_whole(pool):
    sizes = [200_000 + n for n in range(20)]
    asked = "x" * 300_000
    reads = [pool.rows("SELECT repeat('y', %s), length(%s::text)", (n, asked)) for n in sizes]

    assert await asyncio.gather(*reads) == [[("y" * n, len(asked))] for n in sizes]


async def test_an_error_of_one_read_does_not_touch_its_neighbours(pool):
    reads = [pool.rows("SELECT 6 / %s::int", (n % 3,)) for n in range(30)]
    reads += [pool.rows("SELECT no_such_column"), pool.rows("SELECT 'after'")]
    *divided, refused, after = await asyncio.gather(*reads, return_exceptions=True)

    for n, answer in enumerate(divided):
        if n % 3:
            assert answer == [(6 // (n % 3),)]
        else:
            assert answer.__cause__.sqlstate == "22012"
    assert refused.__cause__.sqlstate == "42703"
    assert after == [("after",)]


async def test_a_refused_statement_may_be_asked_again(pool, owner):
    assert (await _error_of(pool.rows("SELECT * FROM made_later"))).sqlstate == "42P01"
    await owner.execute("CREATE TABLE made_later AS SELECT 5 AS five")
    await owner.execute("GRANT SELECT ON made_later TO PUBLIC")

    assert await pool.rows("SELECT * FROM made_later") == [(5,)]


async def test_what_cannot_be_sent_is_refused_and_nothing_else(pool):
    wrong = [pool.rows("SELECT %s::text", ("a\0b",)), pool.rows("SELECT %s::int", (1, 2))]
    *refused, right = await asyncio.gather(
        *wrong, pool.rows("SELECT 'right'"), return_exceptions=True
    )

    assert [type(each) for each in refused] == [StoreUnavailable] * 2
    assert right == [("right",)]


async def test_a_killed_read_is_unavailable_once_and_the_next_is_answered(pool, owner):
    read = asyncio.create_task(pool.rows("SELECT pg_sleep(60)"))
    await _until_asleep(owner)
    await _end_sessions(owner)

    await _error_of(read)
    assert await pool.rows("SELECT 'next'") == [("next",)]


async def test_sessions_that_ended_while_idle_are_nobodys_trouble(pool, owner):
    for n in range(4):
        assert await pool.rows("SELECT %s::int", (n,)) == [(n,)]
        await _end_sessions(owner)


async def test_a_slow_read_is_passed_by_others(pool, owner):
    slow = asyncio.create_task(pool.rows("SELECT 'slow' FROM pg_sleep(60)"))
    await _until_asleep(owner)

    assert await pool.rows("SELECT 'quick'") == [("quick",)]
    assert not slow.done()
    slow.cancel()


async def test_a_read_that_was_given_up_leaves_the_rest_in_order(pool):
    reads = [asyncio.create_task(pool.rows("SELECT %s::int", (n,))) for n in range(9)]
    await asyncio.sleep(0)
    for read in reads[::2]:
        read.cancel()

    assert await asyncio.gather(*reads[1::2]) == [[(n,)] for n in range(1, 9, 2)]
    assert await pool.rows("SELECT 9") == [(9,)]


async def test_a_statement_ends_after_its_time(pool):
    assert (await _error_of(pool.rows("SELECT pg_sleep(60)"))).sqlstate == "57014"


async def test_a_closed_pool_answers_those_who_wait_and_nobody_later(pool, owner):
    slow = [asyncio.create_task(pool.rows("SELECT pg_sleep(60)")) for _ in range(2)]
    await _until_asleep(owner)
    waiting = asyncio.create_task(pool.rows("SELECT 1"))
    await asyncio.sleep(0)
    await pool.close()

    for read in (*slow, pool.rows("SELECT 1")):
        await _error_of(read)
    await asyncio.gather(waiting, return_exceptions=True)
    assert waiting.done()


async def _copy(source, target):
    with suppress(ConnectionError):
        while part := await source.read(65536):
            target.write(part)
            await target.drain()
    target.close()
    with suppress(ConnectionError):
        await target.wait_closed()


@asynccontextmanager
async def _a_door_to(dsn):
    """Yield an address that leads to the database of *dsn*, and the door, which can be shut."""
    to, carried = conninfo_to_dict(dsn), []

    async def carry(reader, writer):
        carried.append(asyncio.current_task())
        server_reader, server_writer = await asyncio.open_connection(to["host"], to["port"])
        await asyncio.gather(_copy(reader, server_writer), _copy(server_reader, writer))

    async with await asyncio.start_server(carry, "127.0.0.1", 0) as door:
        yield make_conninfo(dsn, port=door.sockets[0].getsockname()[1]), door
    await asyncio.gather(*carried)


async def test_without_a_database_a_read_is_unavailable(database):
    async with _a_door_to(database.app_dsn) as (dsn, door):
        pool = Pool(dsn, size_max=1, name="refused", wait_seconds=20)
        await pool.open()
        try:
            door.close()
            causes = [await _error_of(pool.rows("SELECT 1")) for _ in range(2)]
        finally:
            await pool.close()

    assert [type(cause) for cause in causes] == [psycopg.OperationalError] * 2
