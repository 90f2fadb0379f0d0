"""Tasks end, also when a call to end is lost."""

import asyncio

from actors.ending import ended


async def for_ever():
    await asyncio.Event().wait()


async def test_what_misses_one_call_to_end_hears_the_next():
    heard = []

    async def deaf_once():
        while True:
            try:
                await for_ever()
            except asyncio.CancelledError:
                heard.append("called")
                if len(heard) > 1:
                    raise

    task = asyncio.create_task(deaf_once())
    await asyncio.sleep(0)

    async with asyncio.timeout(30):
        await ended(task)

    assert heard == ["called", "called"]
    assert task.cancelled()


async def test_what_has_ended_already_is_waited_for_no_more():
    task = asyncio.create_task(asyncio.sleep(0))
    await task

    async with asyncio.timeout(30):
        await ended(task)

    assert not task.cancelled()


async def test_all_of_several_end():
    tasks = [asyncio.create_task(for_ever()) for _ in range(3)]
    await asyncio.sleep(0)

    async with asyncio.timeout(30):
        await ended(*tasks)

    assert [task.cancelled() for task in tasks] == [True, True, True]
