"""Loops are kept running together, and one that ends is noticed."""

import asyncio

from serve_app.supervision import supervised
from tests.fixtures.logs import captured


async def for_ever():
    await asyncio.Event().wait()


async def broken():
    raise ValueError("spoiled")


async def until(condition):
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0)


async def test_loops_are_alive_while_all_of_them_run():
    async with supervised(for_ever, for_ever) as loops:
        await asyncio.sleep(0)

        assert loops.alive


async def test_one_that_ends_is_the_end_of_all_and_says_why():
    with captured() as said:
        async with supervised(for_ever, broken) as loops:
            await until(lambda: not loops.alive)

    assert [line["error"] for line in said] == ["ValueError('spoiled')"]


async def test_loops_end_with_the_block_and_say_nothing():
    ended = []

    async def noticing():
        try:
            await for_ever()
        finally:
            ended.append("ended")

    with captured() as said:
        async with supervised(noticing):
            await asyncio.sleep(0)

    assert ended == ["ended"]
    assert said == []
