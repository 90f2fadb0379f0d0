"""The load generator counts what a server did, and sends what it says."""

import asyncio
import json
from collections import Counter
from contextlib import asynccontextmanager
from itertools import islice
from uuid import UUID

import pytest
from msgspec import structs

from tests.benchmarks.connection import Connection
from tests.benchmarks.load import LoadLost, Plan, drive, read_result, run
from tests.benchmarks.plan import SCENARIOS, Api, LogIns, Template, bulk_size
from tests.benchmarks.requests import Recent, pairs, requests
from tests.benchmarks.systems import READS
from tests.benchmarks.tally import Tally

TRANSFER_ID = str(UUID(int=7))
CREATED = (
    b"HTTP/1.1 201 Created\r\nserver: test\r\nContent-Length: 45\r\n\r\n"
    b'{"id":"' + TRANSFER_ID.encode() + b'"}'
)
CHUNKED = (
    b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n"
    b'2d\r\n{"id":"' + TRANSFER_ID.encode() + b'"}\r\n0\r\n\r\n'
)
READ = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
REFUSED = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n"
UNKNOWN = b"HTTP/1.1 504 Gateway Timeout\r\ncontent-length: 0\r\n\r\n"


def a_plan(port=0, **changes):
    accounts = [str(UUID(int=number)) for number in range(1, 6)]
    fields = {
        "host": "127.0.0.1",
        "port": port,
        "tokens": ["ada", "bob"],
        "accounts": accounts,
        "owners": [0, 1, 0, 1, 0],
        "scenario": "uniform",
        "api": Api(
            bulk=Template("/v1/transfers/bulk", body='{"transfers":[{items}]}'), reads=READS
        ),
        "key_prefix": "test-",
        "connections": 2,
        "seconds": 30,
        "answers_max": 6,
    }
    return Plan(**{**fields, **changes})


def payloads(plan, count):
    return [each.payload for each in islice(requests(plan, Recent()), count)]


def a_bulk_answer(*statuses):
    results = [
        {"status": status, **({"transfer": {"id": TRANSFER_ID}} if status == 201 else {})}
        for status in statuses
    ]
    body = json.dumps({"results": results}).encode()
    return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)


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
    return head + await reader.readexactly(int(headers.get("Content-Length", 0)))


async def _send(writer, answer, pieces):
    size = -(-len(answer) // pieces)
    for start in range(0, len(answer), size):
        writer.write(answer[start : start + size])
        await writer.drain()
        await asyncio.sleep(0)


def test_every_request_has_a_key_of_its_own():
    keys = [parsed(each)[0]["Idempotency-Key"] for each in payloads(a_plan(), 500)]

    assert len(set(keys)) == 500
    assert all(key.startswith("test-") for key in keys)


def test_the_stated_length_is_the_length_of_the_body():
    headers, body = parsed(payloads(a_plan(), 1)[0])

    assert int(headers["Content-Length"]) == len(body)
    assert set(json.loads(body)) == {
        "source_account_id",
        "destination_account_id",
        "amount",
        "currency",
    }


def test_the_owner_of_the_source_pays_a_different_account():
    plan = a_plan()
    for headers, body in map(parsed, payloads(plan, 500)):
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
    wishes = [json.loads(parsed(each)[1]) for each in payloads(plan, 200)]

    assert {wish[side] for wish in wishes} == {plan.accounts[0]}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_no_load_moves_money_from_an_account_to_itself(scenario):
    drawn = list(islice(pairs(a_plan(scenario=scenario)), 2_000))

    assert all(source != destination for source, destination in drawn)


def test_the_zipf_load_wants_the_second_account_half_as_often_as_the_first():
    plan = a_plan(scenario="zipf", accounts=[str(n) for n in range(1_000)], owners=[0] * 1_000)
    sources = Counter(source for source, _ in islice(pairs(plan), 50_000))

    assert 1.6 < sources[0] / sources[1] < 2.4
    assert 7 < sources[0] / sources[9] < 13


def test_the_ping_pong_load_returns_what_it_sent():
    assert list(islice(pairs(a_plan(scenario="ping-pong")), 4)) == [(0, 1), (1, 0)] * 2


@pytest.mark.parametrize("scenario", ["bulk-10", "bulk-100"])
def test_a_bulk_pays_from_accounts_of_one_user_under_keys_of_their_own(scenario):
    plan = a_plan(scenario=scenario)
    keys = set()
    for headers, body in map(parsed, payloads(plan, 4)):
        items = json.loads(body)["transfers"]
        owners = {plan.owners[plan.accounts.index(item["source_account_id"])] for item in items}
        keys |= {item["idempotency_key"] for item in items}

        assert int(headers["Content-Length"]) == len(body)
        assert headers["Authorization"] == f"Bearer {plan.tokens[owners.pop()]}"
        assert not owners

    assert len(keys) == 4 * bulk_size(scenario)


def test_the_mixed_load_reads_four_times_for_each_transfer():
    asked = list(islice(requests(a_plan(scenario="mixed"), Recent()), 500))

    assert sum(each.transfers for each in asked) == 100


def test_a_read_asks_for_a_recent_transfer_as_its_owner():
    recent = Recent()
    recent.add(TRANSFER_ID.encode(), 1)
    asked = islice(requests(a_plan(scenario="mixed"), recent), 20)
    reads = [each for each in asked if TRANSFER_ID.encode() in each.payload]

    assert reads
    assert all(each.owner == 1 and b"Bearer bob\r\n" in each.payload for each in reads)


@pytest.mark.parametrize("answer", [CREATED, CHUNKED])
@pytest.mark.parametrize("pieces", [1, 2, 200])
async def test_an_answer_counts_once_in_however_many_pieces_it_comes(pieces, answer):
    async with a_server(*[answer] * 6, pieces=pieces) as port:
        result = await drive(a_plan(port))

    assert result.created_ids == [TRANSFER_ID] * 6
    assert result.codes == {"201": 6}
    assert len(result.latencies_ms) == 6


async def test_refusals_are_counted_apart():
    async with a_server(CREATED, REFUSED, REFUSED, CREATED) as port:
        result = await drive(a_plan(port, connections=1, answers_max=4))

    assert result.codes == {"201": 2, "503": 2}
    assert (result.created, result.refused, result.unknown) == (2, 2, 0)


async def test_a_farewell_to_an_idle_connection_is_no_answer():
    tally, ended = Tally(Api()), asyncio.Event()

    async def part(reader, writer):
        writer.write(REFUSED)
        await writer.drain()
        assert await reader.read() == b""
        writer.close()
        ended.set()

    async with await asyncio.start_server(part, "127.0.0.1", 0) as server:
        address = server.sockets[0].getsockname()
        loop = asyncio.get_running_loop()
        _, idle = await loop.create_connection(lambda: Connection(tally, lambda _: None), *address)
        await idle.ended
        await ended.wait()

    assert not idle.is_open
    assert tally.result(1, {}).codes == {}


async def test_an_unknown_outcome_that_is_answered_counts_as_one():
    async with a_server(CREATED, UNKNOWN) as port:
        result = await drive(a_plan(port, connections=1, answers_max=2))

    assert (result.created, result.unknown) == (1, 1)


async def test_a_request_whose_connection_is_lost_is_an_unknown_outcome():
    async with a_server(CREATED, None) as port:
        result = await drive(a_plan(port, connections=1))

    assert (result.created, result.unknown) == (1, 1)


async def test_the_items_of_a_bulk_are_counted_one_by_one():
    plan = a_plan(scenario="bulk-10", connections=1, answers_max=2)
    async with a_server(a_bulk_answer(*[201] * 7, 422, 422, 504), REFUSED) as port:
        result = await drive(structs.replace(plan, port=port))

    assert result.codes == {"201": 7, "422": 2, "504": 1, "503": 10}
    assert (result.created, result.unknown, len(result.latencies_ms)) == (7, 1, 2)


async def test_reads_are_counted_apart_from_transfers():
    plan = a_plan(scenario="mixed", connections=1, answers_max=5)
    async with a_server(CREATED, READ, READ, REFUSED, READ) as port:
        result = await drive(structs.replace(plan, port=port))

    assert (result.created, result.reads, result.codes) == (1, 3, {"201": 1})


async def test_log_ins_beside_the_load_have_a_count_of_their_own():
    log_ins = LogIns(["{}"], per_second=50)
    async with a_server(*[CREATED] * 100) as port:
        result = await drive(a_plan(port, seconds=0.2, log_ins=log_ins))

    assert result.log_in_codes == {"201": 10}
    assert result.created == 6


async def test_a_child_process_runs_the_same_plan():
    async with a_server(*[CREATED] * 6) as port:
        result = await asyncio.to_thread(run, a_plan(port))

    assert result.created == 6
    assert result.cpu_seconds > 0


@pytest.mark.parametrize("left", [None, b"", b"\x8d\xa7seconds"])
def test_a_load_without_a_whole_result_is_lost(tmp_path, left):
    written = tmp_path / "result"
    if left is not None:
        written.write_bytes(left)

    with pytest.raises(LoadLost, match="left"):
        read_result(written)
