"""How servers are called."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from random import Random
from threading import Event

import pytest

from gopherpay_operator.backends.ports import BackendFailure, Forbidden, Rejected, Unavailable
from gopherpay_operator.engine.breaker import PAUSE_MAX_SECONDS, Breaker
from gopherpay_operator.engine.ports import Key
from gopherpay_operator.engine.servers import IDLE_SECONDS, Servers
from gopherpay_operator.engine.things import Access
from gopherpay_operator.plans.observed import Found
from tests.unit.operator.engine.looping import Threads, simulate
from tests.unit.operator.engine.simulated_world import Counts

KAFKA = Key("KafkaConnection", "shop", "kafka")


class Client:
    """A client that says of each wish what it is told to, and how it was called."""

    def __init__(self, failures=None):
        self.failures = failures or {}
        self.looks = []
        self.applied = 0
        self.is_away = False
        self.closed = 0

    def observe(self, wishes, *, is_leaving=False):
        self.looks.append((list(wishes), is_leaving))
        if self.is_away:
            raise Unavailable("It is away.")
        for each in wishes:
            if each in self.failures:
                raise self.failures[each]
        return {each: Found(each) for each in wishes if each != "unknown"}

    def apply(self, actions):  # noqa: ARG002 - the client's signature
        self.applied += 1
        if self.is_away:
            raise Unavailable("It is away.")

    def close(self):
        self.closed += 1


def made(client, counts=None, seconds=0.01, **access):
    loop = asyncio.get_running_loop()
    servers = Servers(
        counts or Counts(),
        clock=loop.time,
        random=Random(0),  # noqa: S311 - no secret
        threads=lambda _: Threads(seconds),
    )
    return servers, servers.of("EventTopic", KAFKA, Access("1", lambda: client, **access))


def test_looks_of_one_moment_are_one_call():
    async def main():
        client = Client()
        _, server = made(client)

        found = await asyncio.gather(*(server.observe(str(n), str(n)) for n in range(30)))

        assert [each.state for each in found] == [str(n) for n in range(30)]
        assert len(client.looks) == 1

    simulate(main())


def test_a_batch_has_a_limit_and_one_wish_of_a_name_and_one_way_of_looking():
    async def main():
        client = Client()
        _, server = made(client, batch_max=10)

        await asyncio.gather(
            *(server.observe(str(n), str(n)) for n in range(25)),
            server.observe("24", "24"),
            server.observe("leaving", "leaving", is_leaving=True),
        )

        sizes = sorted((len(names), leaving) for names, leaving in client.looks)
        assert sizes == [(1, False), (1, True), (5, False), (10, False), (10, False)]

    simulate(main())


def test_a_wish_that_is_refused_does_not_harm_the_others():
    async def main():
        client = Client({"bad": Rejected("No."), "worse": ZeroDivisionError()})
        _, server = made(client)

        names = ["one", "bad", "two", "worse", "unknown"]
        found = await asyncio.gather(
            *(server.observe(name, name) for name in names), return_exceptions=True
        )

        kinds = [type(each) for each in found]
        assert kinds == [Found, Rejected, Found, ZeroDivisionError, BackendFailure]

    simulate(main())


def test_a_server_that_lets_nobody_in_is_asked_once():
    async def main():
        client = Client({"1": Forbidden("No.")})
        _, server = made(client)

        found = await asyncio.gather(
            *(server.observe(str(n), str(n)) for n in range(9)), return_exceptions=True
        )

        assert {type(each) for each in found} == {Forbidden}
        assert len(client.looks) == 1

    simulate(main())


def test_calls_under_way_have_a_limit():
    async def main():
        threads = Threads(1.0)
        servers = Servers(
            Counts(), clock=asyncio.get_running_loop().time, threads=lambda _: threads
        )
        server = servers.of("EventTopic", KAFKA, Access("1", Client, concurrency=3))
        await server.apply([])  # makes the client
        began = asyncio.get_running_loop().time()

        await asyncio.gather(*(server.apply([]) for _ in range(9)))

        assert asyncio.get_running_loop().time() - began == pytest.approx(3.0, abs=0.1)

    simulate(main())


def test_who_does_not_answer_is_left_alone_then_asked_by_one():
    async def main():
        client = Client()
        backs = []
        servers, server = made(client)
        servers.tell(backs.append)
        client.is_away = True

        async def refused():
            with pytest.raises(Unavailable, match=r"It is away\."):
                await server.apply([])

        await refused()
        await asyncio.gather(*(refused() for _ in range(20)))
        assert client.applied == 1
        await asyncio.sleep(1.1)
        await asyncio.gather(*(refused() for _ in range(20)))
        assert client.applied == 2
        client.is_away = False
        await asyncio.sleep(2.1)
        await server.apply([])
        assert backs == [KAFKA]
        await asyncio.gather(*(server.apply([]) for _ in range(20)))
        assert client.applied == 23

    simulate(main())


def test_the_pause_of_a_breaker_grows_to_its_limit():
    now = [0.0]
    breaker = Breaker(lambda: now[0], Random(0))  # noqa: S311 - no secret
    pauses = []
    for _ in range(10):
        breaker.enter()
        breaker.unanswered("It is away.")
        began = now[0]
        while True:
            now[0] += 0.1
            try:
                breaker.enter()
            except Unavailable:
                continue
            breaker.left()
            break
        pauses.append(now[0] - began)

    assert max(pauses) <= PAUSE_MAX_SECONDS + 0.2
    assert pauses[0] <= 1.2
    assert min(pauses[5:]) > PAUSE_MAX_SECONDS / 2 - 0.2


def test_a_client_is_closed_after_its_last_call_when_its_connection_is_another():
    async def main():
        old, new = Client(), Client()
        servers, server = made(old, seconds=1.0)
        await server.apply([])
        calling = asyncio.gather(server.apply([]), server.observe("1", "1"))
        await asyncio.sleep(0.01)

        other = servers.of("EventTopic", KAFKA, Access("2", lambda: new))
        await other.apply([])
        assert old.closed == 0
        await calling
        await asyncio.sleep(1.1)

        assert (old.applied, new.applied, old.closed, new.closed) == (2, 1, 1, 0)
        assert servers.of("EventTopic", KAFKA, Access("2", Client)) is other
        servers.forget(KAFKA)
        await asyncio.sleep(1.1)
        assert new.closed == 1

    simulate(main())


def test_a_client_that_nobody_uses_any_more_is_closed():
    async def main():
        client = Client()
        servers, server = made(client)
        await server.apply([])

        await asyncio.sleep(IDLE_SECONDS + 1)
        servers.of("EventTopic", Key("KafkaConnection", "shop", "other"), Access("1", Client))
        await asyncio.sleep(0.1)

        assert client.closed == 1

    simulate(main())


def test_calls_are_counted_with_what_came_of_them():
    async def main():
        client, counts = Client(), Counts()
        _, server = made(client, counts)
        await server.observe("1", "1")
        client.is_away = True
        with pytest.raises(Unavailable):
            await server.apply([])

        told = [(backend, operation, failed) for backend, operation, _, failed in counts.calls]
        assert told == [
            ("kafka", "make", False),
            ("kafka", "observe", False),
            ("kafka", "apply", True),
        ]

    simulate(main())


async def test_a_call_that_blocks_does_not_block_the_loop():
    released, began = Event(), Event()

    class Blocking(Client):
        def apply(self, actions):
            began.set()
            assert released.wait(60)
            super().apply(actions)

    client = Blocking()
    servers = Servers(Counts(), threads=ThreadPoolExecutor)
    server = servers.of("EventTopic", KAFKA, Access("1", lambda: client, concurrency=2))
    calling = asyncio.create_task(server.apply([]))
    await asyncio.to_thread(began.wait, 60)

    found = await server.observe("1", "1")  # the loop runs, and another thread looks
    assert found.state == "1"
    assert not calling.done()
    released.set()
    await calling
    servers.close()
    async with asyncio.timeout(60):
        while not client.closed:  # noqa: ASYNC110 - another thread does it
            await asyncio.sleep(0.01)
