"""The players of these tests: shards that can be frozen and killed, and clients they must serve."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGKILL

from actors.domain.transfers import Verdict
from actors.runtime.limits import CallLimits, RuntimeLimits, TenancyLimits
from actors.runtime.messages import Call, Status, decode_answers, encode_call
from actors.runtime.transports import OwnerUnreachable
from tests.integration.runtime.books import again
from tests.integration.runtime.shard_process import HEALTH, SocketTransport, ask

ROOT = Path(__file__).parents[3]
LEASE_SECONDS = 1.0
FOR_EVER_SECONDS = 3_600
LIMITS = RuntimeLimits(
    tenancy=TenancyLimits(lease_seconds=LEASE_SECONDS),
    calls=CallLimits(call_seconds=0.5, avoid_seconds=0.2, refresh_seconds=0.2),
)


@dataclass
class Shards:
    """The processes, by their addresses."""

    home: str
    dsn: str
    folder: Path
    processes: dict = field(default_factory=dict)

    def start(self, name, believed_seconds=LEASE_SECONDS):
        """Start a shard and return its address when it answers."""
        address = str(self.folder / name)
        program = "tests.integration.runtime.shard_process"
        arguments = [self.home, self.dsn, address, LEASE_SECONDS, believed_seconds]
        process = subprocess.Popen(
            [sys.executable, "-m", program, *map(str, arguments)], cwd=ROOT, stdout=subprocess.PIPE
        )
        self.processes[address] = process
        while (line := process.stdout.readline()) != b"ready\n":
            assert line, "the shard did not start"
        return address

    def signal(self, address, number):
        self.processes[address].send_signal(number)

    def kill(self, address):
        self.signal(address, SIGKILL)
        self.processes[address].wait()

    def stop(self):
        for process in self.processes.values():
            process.kill()
            process.wait()
            process.stdout.close()


class Client:
    """Callers as the world sees them: one ingress fails, they repeat the key at another."""

    def __init__(self, home, directory):
        self.home = home
        self.directory = directory
        self.entrances = ()
        self.told = []
        self.expected = 0
        self.under_way = asyncio.Event()

    def enter_at(self, *ingresses):
        """Try these processes first, where processes are ingresses."""
        if self.home == "ingress":
            self.entrances = ingresses

    async def told_so_many(self, count):
        """Wait until *count* answers were given."""
        self.expected = count
        await self.under_way.wait()

    async def submit(self, movement):
        """Return the outcome of *movement*, whatever happens on the way."""
        for entrance in self.entrances:
            call = encode_call(Call([movement], [5_000]))
            try:
                data = await SocketTransport().send(entrance, call, 1)
            except OwnerUnreachable:
                continue
            (answer,) = decode_answers(data)
            if answer.status is Status.DONE:
                return self._remember(movement, answer.outcome)
        return self._remember(movement, await self.directory.submit(movement, 10))

    def _remember(self, movement, outcome):
        assert outcome.verdict is Verdict.POSTED, outcome
        self.told.append((movement, outcome))
        if len(self.told) >= self.expected > 0:
            self.under_way.set()
        return outcome

    def untrue(self, posted):
        """Return the answers that the books do not bear out."""
        return [
            outcome
            for movement, outcome in self.told
            if posted.get(movement.idempotency_key) != str(outcome.transfer.id)
        ]

    async def changed(self):
        """Return the answers that are not the same when they are asked for again."""
        repeated = await self.directory.submit_many([again(one) for one, _ in self.told], 20)
        return [
            outcome
            for outcome, (_, before) in zip(repeated, self.told, strict=True)
            if outcome.transfer != before.transfer
        ]


class Nowhere:
    """The transport of an ingress whose neighbours cannot be called."""

    async def send(self, _address, _call, _deadline_seconds):
        raise OwnerUnreachable


async def ask_directly(address, movements):
    """Return the answers of the process at *address*, and of no other."""
    call = encode_call(Call(list(movements), [5_000] * len(movements)))
    return decode_answers(await SocketTransport().send(address, call, 10))


async def health_of(address):
    return json.loads(await ask(address, HEALTH))


async def load(client, movements, callers=16):
    """Submit all of *movements* from so many callers."""
    waiting = iter(movements)

    async def caller():
        for movement in waiting:
            await client.submit(movement)

    await asyncio.gather(*(caller() for _ in range(callers)))
