"""Who may open a stream, what it is sent, and when it ends."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from uuid import UUID

import pytest

from actors.domain.errors import Overloaded, StoreUnavailable, Throttled, Unauthenticated
from actors.ports.notifications import Kept
from serve_app.routes.stream import frame
from serve_app.stream.hub import ASK_SECONDS, HEARTBEAT_SECONDS, NOTICES_PER_POLL, Hub
from serve_app.stream.open_stream import HEARTBEAT, OPENING, WAITING_MAX

ADA, LINH = UUID(int=1), UUID(int=2)
AT = datetime(2026, 1, 31, 12, tzinfo=UTC)
GOOD = b"Bearer good"
PATIENCE_SECONDS = 30


class Ledger:
    """The inboxes of a world without a database: ``News``, and what it was asked."""

    def __init__(self):
        self.kept = {ADA: [], LINH: []}
        self.asked = []
        self.is_down = False

    def tell(self, user_id, times=1):
        for _ in range(times):
            number = len(self.kept[user_id]) + 1
            notice_id = UUID(int=user_id.int << 64 | number)
            self.kept[user_id].append(
                Kept(user_id, number, notice_id, "login.new", "t", "b", "{}", AT, None)
            )

    async def place(self, user_id, last_id):
        if self.is_down:
            raise StoreUnavailable
        found = [kept.number for kept in self.kept[user_id] if kept.id == last_id]
        return found[0] if found else len(self.kept[user_id])

    async def beyond(self, places, *, limit):
        self.asked.append(dict(places))
        if self.is_down:
            raise StoreUnavailable
        return [
            kept
            for user_id, seen in places.items()
            for kept in self.kept[user_id][seen : seen + limit]
        ]


class Gate:
    """Knows which credentials are dead."""

    def __init__(self):
        self.dead = set()
        self.asked = 0

    async def __call__(self, authorization):
        self.asked += 1
        if authorization in self.dead:
            raise Unauthenticated


class World:
    """A hub, and the time it lives in."""

    def __init__(self):
        self.now = 100.0
        self.ledger, self.gate = Ledger(), Gate()
        self.hub = Hub(
            self.ledger, self.gate, frame, of_one_max=2, of_all_max=3, clock=lambda: self.now
        )

    async def open(self, user_id=ADA, authorization=GOOD, last_id=None):
        return Reader(await self.hub.open(user_id, authorization, last_id))


class Reader:
    """Reads a stream when told to."""

    def __init__(self, stream):
        self.stream = stream
        self._parts = aiter(stream)

    async def next(self):
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await anext(self._parts, None)


@pytest.fixture
def world():
    return World()


async def test_a_stream_begins_at_once_and_carries_what_is_new(world):
    world.ledger.tell(ADA)
    reader = await world.open()
    world.ledger.tell(ADA)
    world.ledger.tell(LINH)

    assert await reader.next() == OPENING
    await world.hub.feed()
    part = await reader.next()

    assert part == frame(world.ledger.kept[ADA][1])
    assert part.startswith(
        b"id: 00000000-0000-0001-0000-000000000002\nevent: notification\ndata: {"
    )
    assert part.endswith(b"}\n\n")


async def test_one_question_serves_everybody_and_nobody_twice(world):
    readers = [await world.open(), await world.open(), await world.open(LINH)]
    world.ledger.tell(ADA, 2)
    world.ledger.tell(LINH)

    await world.hub.feed()
    await world.hub.feed()

    assert world.ledger.asked == [{ADA: 0, LINH: 0}, {ADA: 2, LINH: 1}]
    parts = [await reader.next() for reader in readers]
    assert [part.count(b"event:") for part in parts] == [2, 2, 1]


async def test_each_goes_on_from_where_it_was(world):
    world.ledger.tell(ADA, 3)
    old = await world.open(last_id=world.ledger.kept[ADA][0].id)
    new = await world.open()
    world.ledger.tell(ADA)

    await world.hub.feed()

    assert (await old.next()).count(b"event:") == 3
    assert (await new.next()).count(b"event:") == 1


async def test_who_reads_nothing_gets_no_more_than_fits_and_later_all_the_rest(world):
    reader = await world.open()
    world.ledger.tell(ADA, 3 * WAITING_MAX)

    while await world.hub.feed():
        pass

    waited = (await reader.next()).count(b"event:")
    assert waited == WAITING_MAX - 1  # the opening waited as well
    while await world.hub.feed():
        pass
    rest = (await reader.next()).count(b"event:")
    assert rest == WAITING_MAX


async def test_a_full_answer_means_that_there_is_more(world):
    await world.open()
    world.ledger.tell(ADA, NOTICES_PER_POLL)

    assert [await world.hub.feed() for _ in range(2)] == [True, False]


async def test_a_silent_stream_gives_a_sign_of_life(world):
    reader = await world.open()
    await reader.next()
    world.now += HEARTBEAT_SECONDS - 2
    world.hub.beat()
    world.now += 1
    world.hub.beat()
    world.hub.beat()

    assert await reader.next() == HEARTBEAT


async def test_a_stream_that_was_fed_needs_no_sign_of_life(world):
    reader = await world.open()
    world.now += HEARTBEAT_SECONDS - 2
    world.ledger.tell(ADA)
    await world.hub.feed()
    world.now += 2

    world.hub.beat()

    assert HEARTBEAT not in (await reader.next()).removeprefix(OPENING)


async def test_a_stream_ends_with_its_credential_and_no_other(world):
    mine, others = await world.open(), await world.open(authorization=b"Bearer other")
    world.gate.dead.add(GOOD)
    await world.hub.ask()
    assert world.hub.count == 2  # asked about every other second
    world.now += ASK_SECONDS

    await world.hub.ask()

    assert world.hub.count == 1
    assert [await mine.next(), await mine.next()] == [OPENING, None]
    assert await others.next() == OPENING


async def test_while_nobody_can_tell_streams_stay(world):
    await world.open()
    world.now += ASK_SECONDS

    class Silent:
        async def __call__(self, _authorization):
            raise StoreUnavailable

    world.hub._authenticate = Silent()  # noqa: SLF001  a gate without its database
    await world.hub.ask()

    assert world.hub.count == 1


async def test_one_user_and_one_process_have_a_bounded_number(world):
    first = await world.open()
    await world.open()
    with pytest.raises(Throttled):
        await world.open()
    await world.open(LINH)
    with pytest.raises(Overloaded):
        await world.open(LINH)

    first.stream.close()
    first.stream.close()

    assert world.hub.count == 2
    await world.open()


async def test_many_that_come_at_once_are_bounded_too(world):
    opened = await asyncio.gather(*(world.open() for _ in range(5)), return_exceptions=True)

    assert sum(isinstance(each, Throttled) for each in opened) == 3
    assert world.hub.count == 2


async def test_without_a_database_none_is_opened(world):
    world.ledger.is_down = True

    with pytest.raises(StoreUnavailable):
        await world.open()

    assert world.hub.count == 0


async def test_the_hub_asks_nothing_while_nobody_listens_and_ends_all_with_itself(world):
    running = asyncio.create_task(world.hub.run())
    await asyncio.sleep(0)
    assert world.ledger.asked == []
    reader = await world.open()
    world.ledger.tell(ADA)
    assert await reader.next() == OPENING
    assert b"event: notification" in await reader.next()

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert await reader.next() is None
    with pytest.raises(Overloaded):
        await world.open()


async def test_an_outage_ends_no_stream_and_what_came_meanwhile_is_told(world):
    reader = await world.open()
    await reader.next()
    world.ledger.is_down = True
    running = asyncio.create_task(world.hub.run())
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(world.ledger.asked) < 2:  # noqa: ASYNC110  nobody tells
            await asyncio.sleep(0.01)
    world.ledger.tell(ADA)

    world.ledger.is_down = False

    assert b"event: notification" in await reader.next()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
