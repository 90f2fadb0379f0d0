"""The load generator counts what a server did, and sends what it says."""

import asyncio
import json
from contextlib import asynccontextmanager
from itertools import islice
from uuid import UUID

import pytest

from tests.benchmarks.load import Plan, drive, requests, run

TRANSFER_ID = str(UUID(int=7))
CREATED = (
    b"HTTP/1.1 201 Created\r\nserver: test\r\nContent-Length: 45\r\n\r\n"
    b'{"id":"' + TRANSFER_ID.encode() + b'"}'
)
REFUSED = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n"
UNKNOWN = b"HTTP/1.1 504 Gateway Timeout\r\ncontent-length: 0\r\n\r\n"


def a_plan(port=0, **changes):
    accounts = [str(UUID(int=number)) for number in range(1, 6)]
    fields = {
        "host": "127.0.0.1",
        "port": port,
        "path": "/v1/transfers",
        "tokens": ["ada", "bob"],
        "accounts": accounts,
        "owners": [0, 1, 0, 1, 0],
        "scenario": "uniform",
        "key_prefix": "test-",
        "connections": 2,
        "seconds": 30,
        "answers_max": 6,
    }
    return Plan(**{**fields, **changes})


def parsed(request):
    head, body = request.split(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    return dict(line.split(": ", 1) for line in lines[1:]), body


@asynccontextmanager
async def a_server(*answers, pieces=1):
    """Serve *answers* in turn to whoever asks; None hangs up instead."""
    left = list(answers)

    async def serve(reader, writer):
        while await _request(reader):
            answer = left.pop(0)
            if answer is None:
                break
            await _send(writer, answer, pieces)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def _request(reader):
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""
    headers, _ = parsed(head)
    return head + await reader.readexactly(int(headers["Content-Length"]))


async def _send(writer, answer, pieces):
    size = -(-len(answer) // pieces)
    for start in range(0, len(answer), size):
        writer.write(answer[start : start + size])
        await writer.drain()
        await asyncio.sleep(0)


def test_every_request_has_a_key_of_its_own():
    keys = [parsed(each)[0]["Idempotency-Key"] for each in islice(requests(a_plan()), 500)]

    assert len(set(keys)) == 500
    assert all(key.startswith("test-") for key in keys)


def test_the_stated_length_is_the_length_of_the_body():
    headers, body = parsed(next(requests(a_plan())))

    assert int(headers["Content-Length"]) == len(body)
    assert set(json.loads(body)) == {
        "source_account_id",
        "destination_account_id",
        "amount",
        "currency",
    }


def test_the_owner_of_the_source_pays_a_different_account():
    plan = a_plan()
    for headers, body in map(parsed, islice(requests(plan), 500)):
        wish = json.loads(body)
        owner = plan.owners[plan.accounts.index(wish["source_account_id"])]

        assert headers["Authorization"] == f"Bearer {plan.tokens[owner]}"
        assert wish["source_account_id"] != wish["destination_account_id"]


@pytest.mark.parametrize(
    ("scenario", "side"),
    [("hot-debit", "source_account_id"), ("hot-credit", "destination_account_id")],
)
def test_a_hot_load_names_one_account_on_its_side_every_time(scenario, side):
    plan = a_plan(scenario=scenario)
    wishes = [json.loads(parsed(each)[1]) for each in islice(requests(plan), 200)]

    assert {wish[side] for wish in wishes} == {plan.accounts[0]}


@pytest.mark.parametrize("pieces", [1, 2, 200])
async def test_an_answer_counts_once_in_however_many_pieces_it_comes(pieces):
    async with a_server(*[CREATED] * 6, pieces=pieces) as port:
        result = await drive(a_plan(port))

    assert result.created_ids == [TRANSFER_ID] * 6
    assert result.codes == {"201": 6}
    assert len(result.latencies_ms) == 6


async def test_refusals_are_counted_apart():
    async with a_server(CREATED, REFUSED, REFUSED, CREATED) as port:
        result = await drive(a_plan(port, connections=1, answers_max=4))

    assert result.codes == {"201": 2, "503": 2}
    assert (result.created, result.refused, result.unknown) == (2, 2, 0)


async def test_an_unknown_outcome_that_is_answered_counts_as_one():
    async with a_server(CREATED, UNKNOWN) as port:
        result = await drive(a_plan(port, connections=1, answers_max=2))

    assert (result.created, result.unknown) == (1, 1)


async def test_a_request_whose_connection_is_lost_is_an_unknown_outcome():
    async with a_server(CREATED, None) as port:
        result = await drive(a_plan(port, connections=1))

    assert (result.created, result.unknown) == (1, 1)


async def test_a_child_process_runs_the_same_plan():
    async with a_server(*[CREATED] * 6) as port:
        result = await asyncio.to_thread(run, a_plan(port))

    assert result.created == 6
    assert result.cpu_seconds > 0
