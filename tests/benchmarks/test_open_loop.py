"""In an open loop the clock decides, and what waits is felt."""

import asyncio
from contextlib import asynccontextmanager
from uuid import UUID

import pytest

from tests.benchmarks.load import Plan, drive
from tests.benchmarks.open_loop import OpenLoop, arrivals
from tests.benchmarks.overload import judge, phases
from tests.benchmarks.plan import Phase, Result
from tests.benchmarks.requests import requests
from tests.benchmarks.tally import Tally

CREATED = (
    b'HTTP/1.1 201 Created\r\ncontent-length: 45\r\n\r\n{"id":"%b"}' % str(UUID(int=7)).encode()
)


def a_plan(port, *parts, connections=2):
    accounts = [str(UUID(int=number)) for number in range(1, 6)]
    return Plan(
        host="127.0.0.1",
        port=port,
        tokens=["ada"],
        accounts=accounts,
        owners=[0] * 5,
        scenario="uniform",
        key_prefix="test-",
        connections=connections,
        seconds=0,
        phases=list(parts),
    )


@asynccontextmanager
async def a_server(together=1):
    """Answer every request, but none before so many are there *together*."""
    gate, arrived, serving = asyncio.Event(), [], []

    async def serve(reader, writer):
        serving.append(asyncio.current_task())
        while request := await reader.read(65_536):
            arrived.append(request)
            if len(arrived) >= together:
                gate.set()
            await gate.wait()
            writer.write(CREATED)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
        gate.set()
        await asyncio.gather(*serving, return_exceptions=True)


def test_requests_are_due_evenly():
    assert list(arrivals(Phase(4, 0.75), 10.0)) == [10.0, 10.25, 10.5]


async def test_one_phase_follows_the_other():
    async with a_server() as port:
        result = await drive(a_plan(port, Phase(20, 0.1), Phase(100, 0.03)))
    starts = sorted(result.starts_seconds)

    assert [round((start - starts[0]) * 100) for start in starts] == [0, 5, 10, 11, 12]
    assert len(result.phase_cpu_seconds) == 2


async def test_everything_is_sent_when_answers_come():
    async with a_server() as port:
        result = await drive(a_plan(port, Phase(200, 0.1)))

    assert (result.created, result.not_sent, result.unknown) == (20, 0, 0)


async def test_what_finds_every_connection_in_use_is_not_sent():
    async with a_server(together=3) as port:
        plan = a_plan(port, Phase(100, 0.1), connections=2)
        tally = Tally(plan.api)
        arriving = OpenLoop(
            (plan.host, port), requests(plan, tally.recent), tally, plan.phases, connections_max=2
        )
        await arriving.run(drain_seconds=0)
    result = tally.result(1, {})

    assert (result.created, result.unknown, result.not_sent) == (0, 2, 8)


async def test_a_latency_counts_from_when_the_request_was_due():
    async with a_server(together=5) as port:
        result = await drive(a_plan(port, Phase(10, 0.5), connections=5))
    dues, last = result.starts_seconds, max(result.starts_seconds)
    waits = [(last - due) * 1000 for due in dues]

    assert sorted(round(wait) for wait in waits) == [0, 100, 200, 300, 400]
    assert all(ms >= wait for ms, wait in zip(result.latencies_ms, waits, strict=True))


async def test_nobody_listening_is_not_sent():
    async with a_server() as port:
        pass
    result = await drive(a_plan(port, Phase(100, 0.05)))

    assert (result.created, result.not_sent) == (0, 5)


def answers(*parts):
    """Return a result of (begin, count, every, latency, status) in seconds and milliseconds."""
    rows = [
        (begin + number * every, latency, status)
        for begin, count, every, latency, status in parts
        for number in range(count)
    ]
    starts, latencies, statuses = (list(column) for column in zip(*rows, strict=True))
    return Result(
        seconds=20,
        latencies_ms=latencies,
        starts_seconds=starts,
        statuses=statuses,
        created=0,
        created_ids=[],
        codes={},
        phase_cpu_seconds=[0.1, 1.5, 0.1],
    )


@pytest.mark.parametrize(
    ("after", "seconds_to_normal"),
    [
        ([(4, 120, 0.1, 12.0, 201)], 0.0),
        ([(4, 15, 0.1, 50.0, 201), (5.5, 105, 0.1, 12.0, 201)], 1.5),
        ([(4, 10, 0.1, 10.0, 503), (5, 110, 0.1, 12.0, 201)], 1.0),
        ([(4, 120, 0.1, 50.0, 201)], None),
        ([(4, 1, 0.1, 12.0, 201)], None),
    ],
)
def test_normal_is_a_second_of_answers_no_slower_than_twice_before(after, seconds_to_normal):
    result = answers((0, 20, 0.1, 10.0, 201), (2, 40, 0.05, 900.0, 201), *after)
    judged = judge(result, phases(20, 2, 2), [201])

    assert judged.usual_p99_ms == 10.0
    assert judged.seconds_to_normal == seconds_to_normal


def test_goodput_is_what_was_acknowledged_while_the_overload_lasted():
    result = answers(
        (0, 20, 0.1, 10.0, 201),
        (2, 30, 0.05, 10.0, 201),
        (2, 10, 0.05, 10.0, 503),
        (3.5, 10, 0.05, 900.0, 201),
    )
    judged = judge(result, phases(20, 2, 2), [201])

    assert judged.offered_per_second == 40
    assert judged.load_cores == 0.75
    assert judged.goodput_per_second == 15
