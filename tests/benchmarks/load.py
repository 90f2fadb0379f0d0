"""A load generator that costs little per request, in a process of its own.

Each connection is an asyncio protocol on a raw socket that sends the next prepared request as soon
as the last answer is whole (closed loop). The plan arrives on stdin, the result leaves on stdout,
both as MessagePack: ``python -m tests.benchmarks.load``.
"""

from __future__ import annotations

import asyncio
import gc
import random
import resource
import subprocess
import sys
from array import array
from collections import Counter
from time import perf_counter
from typing import TYPE_CHECKING, Literal

import msgspec
import uvloop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Scenario = Literal["uniform", "hot-debit", "hot-credit"]
SCENARIOS: tuple[Scenario, ...] = ("uniform", "hot-debit", "hot-credit")
DRAIN_SECONDS_MAX = 15  # more than any deadline of either system
KEY_DIGITS = 10
CREATED = b"201"
UNKNOWN = "504"  # "outcome unknown" is an answer, and honest either way


class Plan(msgspec.Struct, frozen=True):
    """What to send where.

    Attributes:
        tokens: The bearer credential of each user.
        accounts: Account ids, and in *owners* each one's place in *tokens*.
        key_prefix: Begins every idempotency key, and belongs to this plan alone.
        answers_max: Ends the load early; with 0 only the time does.
    """

    host: str
    port: int
    path: str
    tokens: list[str]
    accounts: list[str]
    owners: list[int]
    scenario: Scenario
    key_prefix: str
    connections: int
    seconds: float
    currency: str = "USD"
    amount: str = "0.01"
    answers_max: int = 0
    seed: int = 1


class Result(msgspec.Struct, frozen=True):
    """What came back.

    Attributes:
        seconds: From the first request to the last answer.
        latencies_ms: One of each answer.
        created_ids: The transfer id that each 201 named.
        unanswered: Requests that were sent and lost their connection.
        cpu_seconds: What this generator used itself.
    """

    seconds: float
    latencies_ms: list[float]
    codes: dict[str, int]
    created_ids: list[str]
    unanswered: int
    cpu_seconds: float

    @property
    def created(self) -> int:
        """Return how many transfers were acknowledged."""
        return len(self.created_ids)

    @property
    def unknown(self) -> int:
        """Return how many requests may have been done or not."""
        return self.unanswered + self.codes.get(UNKNOWN, 0)

    @property
    def refused(self) -> int:
        """Return how many answers were something else."""
        return sum(self.codes.values()) - self.created


def run(plan: Plan) -> Result:
    """Run *plan* in a child process and return its result.

    Raises:
        subprocess.CalledProcessError: If the child fails.
    """
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.load"],
        input=msgspec.msgpack.encode(plan),
        stdout=subprocess.PIPE,
        check=True,
        timeout=plan.seconds + 2 * DRAIN_SECONDS_MAX,
    )
    return msgspec.msgpack.decode(done.stdout, type=Result)


def requests(plan: Plan) -> Iterator[bytes]:
    """Yield whole requests without end, each under a key of its own."""
    heads, middle, tail = _fragments(plan)
    sides = [account.encode() for account in plan.accounts]
    pairs = _pairs(plan)
    number = 0
    prefix = plan.key_prefix.encode()
    while True:
        number += 1
        source, destination = next(pairs)
        key = b"%b%0*d" % (prefix, KEY_DIGITS, number)
        head = heads[plan.owners[source]]
        yield b"".join((head, key, middle, sides[source], tail[0], sides[destination], tail[1]))


def _fragments(plan: Plan) -> tuple[list[bytes], bytes, tuple[bytes, bytes]]:
    """Return what never changes: heads by user, the middle, and the rest of the body."""
    opening = b'{"source_account_id":"'
    between = b'","destination_account_id":"'
    closing = f'","amount":"{plan.amount}","currency":"{plan.currency}"}}'.encode()
    length = len(opening) + len(between) + len(closing) + 2 * len(plan.accounts[0])
    heads = [
        (
            f"POST {plan.path} HTTP/1.1\r\nHost: {plan.host}:{plan.port}\r\n"
            f"Authorization: Bearer {token}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {length}\r\nIdempotency-Key: "
        ).encode()
        for token in plan.tokens
    ]
    return heads, b"\r\n\r\n" + opening, (between, closing)


def _pairs(plan: Plan) -> Iterator[tuple[int, int]]:
    """Yield places of source and destination, which always differ."""
    pick = random.Random(plan.seed).randrange  # noqa: S311  a load, not a secret
    count = len(plan.accounts)
    while True:
        one = 0 if plan.scenario != "uniform" else pick(count)
        other = (one + pick(1, count)) % count
        yield (other, one) if plan.scenario == "hot-credit" else (one, other)


class Tally:
    """What the connections of one run share."""

    def __init__(self, plan: Plan) -> None:
        self.requests = requests(plan)
        self.ends_at = perf_counter() + plan.seconds
        self.left = plan.answers_max or sys.maxsize
        self.latencies = array("d")
        self.codes: Counter[bytes] = Counter()
        self.created_ids: list[bytes] = []
        self.unanswered = 0


class Connection(asyncio.Protocol):
    """One client: one request in flight, the next when it is answered."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._buffer = b""
        self._sent_at = 0.0
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        head_end = self._buffer.find(b"\r\n\r\n")
        if head_end < 0:
            return
        if len(self._buffer) < head_end + 4 + _content_length(self._buffer[:head_end]):
            return
        self._record(perf_counter())
        self._buffer = b""
        self._send()

    def connection_lost(self, _error: Exception | None) -> None:
        if not self.ended.done():
            self._tally.unanswered += 1
            self.ended.set_result(None)

    def abandon(self) -> None:
        """Stop waiting for an answer that does not come."""
        self._transport.abort()

    def _send(self) -> None:
        tally = self._tally
        self._sent_at = perf_counter()
        if self._sent_at >= tally.ends_at or tally.left <= 0:
            self.ended.set_result(None)
            self._transport.close()
            return
        tally.left -= 1
        self._transport.write(next(tally.requests))

    def _record(self, now: float) -> None:
        tally, code = self._tally, self._buffer[9:12]
        tally.latencies.append((now - self._sent_at) * 1000)
        tally.codes[code] += 1
        if code == CREATED:
            start = self._buffer.index(b'"id":"') + 6
            tally.created_ids.append(self._buffer[start : start + 36])


def _content_length(head: bytes) -> int:
    """Return the length of the body; both systems state it, so chunks need not be read.

    Raises:
        ValueError: If it is not stated.
    """
    lowered = head.lower()
    start = lowered.index(b"\r\ncontent-length:") + 17
    end = lowered.find(b"\r\n", start)
    return int(head[start:] if end < 0 else head[start:end])


async def drive(plan: Plan) -> Result:
    """Run *plan* here and now."""
    loop = asyncio.get_running_loop()
    began = perf_counter()
    tally = Tally(plan)
    make: Callable[[], Connection] = lambda: Connection(tally)  # noqa: E731  typed in one line
    clients = [
        (await loop.create_connection(make, plan.host, plan.port))[1]
        for _ in range(plan.connections)
    ]
    waiting = [client.ended for client in clients]
    await asyncio.wait(waiting, timeout=plan.seconds + DRAIN_SECONDS_MAX)
    seconds = perf_counter() - began
    for client in clients:
        if not client.ended.done():
            client.abandon()
    await asyncio.wait(waiting)
    return Result(
        seconds=seconds,
        latencies_ms=tally.latencies.tolist(),
        codes={code.decode(): count for code, count in tally.codes.items()},
        created_ids=[each.decode() for each in tally.created_ids],
        unanswered=tally.unanswered,
        cpu_seconds=_cpu_seconds(),
    )


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Run the plan on stdin."""
    plan = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Plan)
    gc.disable()  # a pause of ours would be counted as the server's
    before = _cpu_seconds()
    result = uvloop.run(drive(plan))
    result = msgspec.structs.replace(result, cpu_seconds=result.cpu_seconds - before)
    sys.stdout.buffer.write(msgspec.msgpack.encode(result))


if __name__ == "__main__":
    main()
