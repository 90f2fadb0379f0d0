"""Waiting has an end, and only the wait that lasted too long is ended."""

from __future__ import annotations

import asyncio

import pytest

from serve_app.http.patience import Patience


async def test_what_lasts_too_long_is_a_timeout():
    patience = Patience()

    with pytest.raises(TimeoutError), patience.at_most(0):
        await asyncio.Event().wait()

    assert patience.waits == set()


async def test_what_ends_in_time_goes_on_untouched():
    patience = Patience()

    with patience.at_most(3_600):
        await asyncio.sleep(0)

    assert patience.waits == set()
    assert asyncio.current_task().cancelling() == 0


async def test_a_cancelled_task_is_cancelled_and_not_late():
    patience, began = Patience(), asyncio.Event()

    async def wait():
        with patience.at_most(3_600):
            began.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(wait())
    await began.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert patience.waits == set()


async def test_an_inner_wait_ends_without_the_outer_one():
    patience = Patience()

    with patience.at_most(3_600):
        with pytest.raises(TimeoutError), patience.at_most(0):
            await asyncio.Event().wait()
        await asyncio.sleep(0)

    assert asyncio.current_task().cancelling() == 0


async def test_others_are_left_alone():
    patience, leave = Patience(), asyncio.Event()

    async def wait(seconds):
        with patience.at_most(seconds):
            await leave.wait()

    short, long = asyncio.create_task(wait(0)), asyncio.create_task(wait(3_600))
    with pytest.raises(TimeoutError):
        await short
    leave.set()

    assert await long is None
