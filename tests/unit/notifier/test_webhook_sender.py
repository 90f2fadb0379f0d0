"""The sender's loop where a database would only be in the way."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from actors.domain.webhooks import RETRY_SECONDS
from actors.notifier.webhooks.sender import Sender
from actors.ports.webhooks import Due, SealedSecret, Told

SECRET = SealedSecret(UUID(int=1), UUID(int=2), b"", "", b"")


def due(number, webhook=1, attempts=1):
    at = datetime(2026, 7, 1, tzinfo=UTC)
    return Due(UUID(int=number), UUID(int=webhook), "", "", attempts, at, SECRET)


class Queue:
    """Gives what it was given, and keeps what it is told."""

    def __init__(self, *claims):
        self.claims = list(claims)
        self.asked = []
        self.results = []

    async def claim(self, room, sending, after):
        self.asked.append((room, dict(sending), after.int))
        return self.claims.pop(0)[:room] if self.claims else []

    async def record(self, results):
        self.results += results
        return []

    async def sweep(self):
        return 0


class Posts:
    """Answers every attempt alike."""

    def __init__(self, told):
        self._told = told

    async def post(self, _due):
        return self._told


async def result_of(told, attempts=1):
    queue = Queue([due(1, attempts=attempts)])
    sender = Sender(queue, Posts(told), luck=lambda: 0.0)
    await sender.turn()
    await sender.settle()
    [result] = queue.results
    return result.status, result.retry_seconds, result.is_gone


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_every_2xx_is_a_success(status):
    assert await result_of(Told(status, None)) == ("delivered", None, False)


@pytest.mark.parametrize("status", [301, 400, 401, 404, 429, 500, 503])
async def test_every_other_answer_is_tried_again(status):
    assert await result_of(Told(status, f"http-{status}")) == ("pending", 5, False)


async def test_no_answer_is_tried_again_until_the_schedule_ends():
    last = len(RETRY_SECONDS)

    assert await result_of(Told(None, "timeout"), last) == ("pending", RETRY_SECONDS[-1], False)
    assert await result_of(Told(None, "timeout"), last + 1) == ("failed", None, False)


async def test_gone_is_the_end_of_the_delivery_and_of_the_webhook():
    assert await result_of(Told(410, "http-410")) == ("failed", None, True)


async def test_a_sender_asks_for_no_more_than_it_has_room_for_and_says_who_has_some():
    queue = Queue([due(1), due(2)], [due(3)])
    sender = Sender(queue, Posts(Told(200, None)), in_flight_max=3)

    is_busy = await sender.turn()
    again = await sender.turn()
    full = await sender.turn()
    await sender.settle()

    assert queue.asked == [(3, {}, 0), (1, {UUID(int=1): 2}, 1)]
    assert (is_busy, again, full) == (True, False, False)
    assert sender.health().delivered == 3
    assert sender.health().in_flight == 0


async def test_turns_go_round_all_webhooks():
    queue = Queue([due(1, webhook=5), due(2, webhook=7)], [due(3, webhook=9), due(4, webhook=2)])
    sender = Sender(queue, Posts(Told(200, None)))

    for _ in range(3):
        await sender.turn()
        await sender.settle()

    assert [after for _, _, after in queue.asked] == [0, 7, 2]
