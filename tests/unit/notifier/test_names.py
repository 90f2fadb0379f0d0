"""Names of the other side, opened a bounded number at a time."""

from __future__ import annotations

from uuid import UUID

import pytest

from actors.notifier.names import OPENED_PER_BATCH_MAX, REMEMBERED_SECONDS, NameMemory

ADA, LINH = UUID(int=1), UUID(int=2)


class Registry:
    """Knows everybody but LINH, and what it was asked."""

    def __init__(self):
        self.asked = []

    async def masked(self, user_ids):
        self.asked.append(tuple(user_ids))
        return {user_id: f"A*** {user_id.int}." for user_id in self.asked[-1] if user_id != LINH}


@pytest.fixture
def registry():
    return Registry()


async def test_a_name_is_asked_for_once(registry):
    memory = NameMemory(registry)

    found = [await memory.of([ADA, ADA]), await memory.of([ADA])]

    assert found == [{ADA: "A*** 1."}] * 2
    assert registry.asked == [(ADA,)]


async def test_who_has_no_name_is_left_out(registry):
    assert await NameMemory(registry).of([LINH]) == {}


async def test_a_flood_of_strangers_opens_a_bounded_number_of_names(registry):
    strangers = [UUID(int=number) for number in range(10, 20 + OPENED_PER_BATCH_MAX)]

    found = await NameMemory(registry).of(strangers)

    assert list(found) == strangers[:OPENED_PER_BATCH_MAX]
    assert [len(asked) for asked in registry.asked] == [OPENED_PER_BATCH_MAX]


async def test_a_name_is_asked_for_anew_when_it_is_old_or_has_changed(registry):
    now = 0.0
    memory = NameMemory(registry, lambda: now)
    await memory.of([ADA])
    now = REMEMBERED_SECONDS + 1
    await memory.of([ADA])
    memory.forget([ADA, LINH])

    await memory.of([ADA])

    assert registry.asked == [(ADA,)] * 3
