"""Transfers from many connections at once, and what each client was told."""

from __future__ import annotations

import asyncio
import json
import random
import secrets
from collections import Counter
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field

CONNECTIONS = 32
ANSWER_SECONDS = 10
DEFINITE_SECONDS = 60
BACK_OFF_SECONDS = 0.1
TOO_MUCH = "9999999.00"
CREATED, REFUSED = 201, 422
NO_ANSWER = 0


@dataclass(frozen=True, slots=True)
class Told:
    """An answer; none at all has the status 0."""

    status: int
    body: bytes = b""

    @property
    def is_definite(self):
        return self.status in {CREATED, REFUSED}

    @property
    def transfer_id(self):
        return json.loads(self.body)["id"] if self.status == CREATED else None


@dataclass(slots=True)
class Wish:
    """A transfer under its own key, and every answer that it got."""

    head: bytes
    body: bytes
    key: str
    told: list[Told] = field(default_factory=list)

    @property
    def definite(self):
        return [told for told in self.told if told.is_definite]


class Line:
    """One client's connection, made anew when it broke."""

    def __init__(self, address, answer_seconds=ANSWER_SECONDS):
        self._address = address
        self._answer_seconds = answer_seconds
        self._streams = None

    async def ask(self, request):
        """Return the answer to *request*, or that there was none."""
        try:
            async with asyncio.timeout(self._answer_seconds):
                if self._streams is None:
                    self._streams = await asyncio.open_connection(*self._address)
                return await self._exchange(request, *self._streams)
        except (OSError, EOFError, TimeoutError):
            self.close()
            return Told(NO_ANSWER)

    async def _exchange(self, request, reader, writer):
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"\r\ncontent-length: ")[2].partition(b"\r\n")[0])
        told = Told(int(head[9:12]), await reader.readexactly(length))
        if b"\r\nconnection: close" in head:
            self.close()
        return told

    def close(self):
        if self._streams is not None:
            self._streams[1].close()
        self._streams = None


class Load:
    """What was wished, by whom, and what came of it."""

    def __init__(self, address, pairs, rest_seconds=0):
        self._address = address
        self._pairs = pairs
        self._rest_seconds = rest_seconds
        self._pick = random.Random(7)  # noqa: S311  a load, not a secret
        self.wishes = []

    @asynccontextmanager
    async def running(self):
        """Move money beside the block."""
        ended = asyncio.Event()
        async with asyncio.TaskGroup() as clients:
            for number in range(CONNECTIONS):
                clients.create_task(self._client(ended, keeps_line=number % 2 == 0))
            try:
                yield self
            finally:
                ended.set()

    async def more(self, count):
        """Wait until *count* more transfers were acknowledged or refused."""
        enough = self.answered + count
        async with asyncio.timeout(DEFINITE_SECONDS):
            while self.answered < enough:  # noqa: ASYNC110  the clients count, nobody is told
                await asyncio.sleep(BACK_OFF_SECONDS)

    @property
    def answered(self):
        return sum(bool(wish.definite) for wish in self.wishes)

    @property
    def in_doubt(self):
        return [wish for wish in self.wishes if not wish.told[0].is_definite]

    def codes(self):
        """Return how often each status was the first answer."""
        return Counter(wish.told[0].status for wish in self.wishes if wish.told)

    async def settle(self):
        """Repeat everything in doubt until it is definite, and the newest of the rest once."""
        doubted = self.in_doubt
        known = [wish for wish in self.wishes if wish.told[0].is_definite][-100:]
        lines = [Line(self._address) for _ in range(CONNECTIONS)]
        left = iter([*doubted, *doubted, *known])  # in doubt twice: their answer must not change
        async with asyncio.timeout(DEFINITE_SECONDS):
            await asyncio.gather(*(_repeat(line, left) for line in lines))

    async def _client(self, ended, *, keeps_line):
        with closing(Line(self._address)) as line:
            while not ended.is_set():
                wish = self._wish()
                self.wishes.append(wish)
                wish.told.append(await line.ask(wish.head + wish.body))
                if not keeps_line:
                    line.close()
                if self._rest_seconds or not wish.definite:
                    await asyncio.sleep(max(self._rest_seconds, BACK_OFF_SECONDS))

    def _wish(self):
        (source, person), (destination, _) = self._pick.sample(self._pairs, 2)
        too_much = len(self.wishes) % 16 == 0
        body = {
            "source_account_id": source,
            "destination_account_id": destination,
            "amount": TOO_MUCH if too_much else "0.01",
            "currency": "USD",
        }
        return _wish(json.dumps(body).encode(), person.token, secrets.token_hex(12))


def _wish(body, token, key):
    lines = [
        "POST /v1/transfers HTTP/1.1",
        "Host: localhost",
        f"Authorization: Bearer {token}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        f"Idempotency-Key: {key}",
    ]
    return Wish("\r\n".join(lines).encode() + b"\r\n\r\n", body, key)


async def _repeat(line, left):
    with closing(line):
        for wish in left:
            while not (told := await line.ask(wish.head + wish.body)).is_definite:
                wish.told.append(told)
                await asyncio.sleep(BACK_OFF_SECONDS)
            wish.told.append(told)
