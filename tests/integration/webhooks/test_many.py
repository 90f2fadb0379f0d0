"""Many deliveries, many receivers, many senders: each once, and none at the cost of another."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import AsyncExitStack

from actors.domain.errors import StoreUnavailable
from actors.notifier.webhooks.sender import Sender
from actors.store.webhook_deliveries import EACH_MAX
from tests.integration.webhooks.conftest import running, until


async def all_delivered(town):
    """Tell whether nothing is pending."""
    return not await town.query("SELECT 1 FROM webhook_deliveries WHERE status = 'pending'")


async def test_two_senders_at_once_send_each_once(town, receiver):
    await town.listening(f"{receiver.url}/ada", "ada", due=60)
    await town.listening(f"{receiver.url}/bob", "bob", due=60)

    async with AsyncExitStack() as stack:
        for _ in range(2):
            sender = await stack.enter_async_context(town.sender())
            await stack.enter_async_context(running(sender))
        await until(lambda: all_delivered(town))

    sent = Counter(request.id for request in receiver.requests)
    assert len(sent) == 120
    assert set(sent.values()) == {1}
    assert {row[2] for row in await town.deliveries()} == {1}


async def test_a_slow_receiver_holds_only_its_own(town, receiver):
    receiver.held["/slow"] = threading.Event()
    await town.listening(f"{receiver.url}/slow", "ada", due=40)
    await town.listening(f"{receiver.url}/quick", "bob", due=40)

    options = {"in_flight_max": 2 * EACH_MAX, "timeout_seconds": 100}
    async with town.sender(**options) as sender, running(sender):
        await until(lambda: _count(receiver, "/quick", 40))
        waiting = len(receiver.at("/slow"))
        receiver.held["/slow"].set()
        await until(lambda: all_delivered(town))

    assert waiting <= EACH_MAX
    assert receiver.together["/slow"] <= EACH_MAX


async def test_a_receiver_that_fails_is_tried_one_at_a_time(town, receiver):
    receiver.status["/"] = [500]
    await town.listening(f"{receiver.url}/", due=10)
    await town.query("UPDATE webhooks SET failing_since = now()")

    await town.send_due()

    assert len(receiver.requests) == 1


async def test_webhooks_take_turns_where_there_is_no_room_for_all(town, receiver):
    for name in ("ada", "bob", "carol"):
        await town.listening(f"{receiver.url}/{name}", name, due=3)

    async with town.sender(in_flight_max=EACH_MAX) as sender:
        for _ in range(3):
            await sender.turn()
            await sender.settle()

    assert {request.path for request in receiver.requests} == {"/ada", "/bob", "/carol"}
    assert len(receiver.requests) == 9


async def test_a_sender_lives_through_an_outage_of_the_database(town, receiver):
    await town.listening(f"{receiver.url}/", due=5)
    queue = _Stuttering(town.queue)

    async with town.poster() as poster:
        sender = Sender(queue, poster, poll_seconds=0.02)
        async with running(sender):
            await until(lambda: all_delivered(town))

    assert queue.refused == {"claim", "record", "sweep"}
    assert sender.health().is_store_reachable
    assert sender.health().delivered == 5
    assert len({request.id for request in receiver.requests}) == len(receiver.requests) == 5


async def _count(receiver, path, number):
    return len(receiver.at(path)) >= number


class _Stuttering:
    """The real queue, but the first of each kind of call finds no database."""

    def __init__(self, queue):
        self._queue = queue
        self.refused = set()

    def __getattr__(self, name):
        if name not in self.refused:
            self.refused.add(name)
            raise StoreUnavailable
        return getattr(self._queue, name)
