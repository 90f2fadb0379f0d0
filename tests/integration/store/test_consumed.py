"""What a consumer has done is remembered with its effect, or not at all."""

import asyncio

import pytest

from actors.ids import new_id
from actors.ports.events import DeadLetter, Record
from actors.store import consumed
from actors.store.consumed import DAYS_KEPT, ConsumedEvents
from actors.store.dead_letters import DeadLetterTable
from tests.contracts.bus.parts import until


class GivesUp(Exception):
    """The effect did not come about."""


async def test_an_event_is_new_once_for_each_consumer(bank):
    ids = [new_id() for _ in range(3)]

    async with bank.pool.transaction() as connection:
        first = await consumed.begin(connection, "notifier", [ids[0], ids[1], ids[1]])
        second = await consumed.begin(connection, "notifier", ids)
        other = await consumed.begin(connection, "webhooks", ids)

    assert first == {ids[0], ids[1]}
    assert second == {ids[2]}
    assert other == set(ids)


async def test_what_is_rolled_back_is_new_again(bank):
    event_id = new_id()

    async def given_up():
        async with bank.pool.transaction() as connection:
            await consumed.begin(connection, "notifier", [event_id])
            raise GivesUp

    with pytest.raises(GivesUp):
        await given_up()
    async with bank.pool.transaction() as connection:
        again = await consumed.begin(connection, "notifier", [event_id])

    assert again == {event_id}


async def test_who_does_the_same_waits_and_finds_it_done(bank, sessions):
    ids = [new_id() for _ in range(50)]

    async def second():
        async with bank.pool.transaction() as connection:
            return await consumed.begin(connection, "notifier", reversed(ids))

    async with bank.pool.transaction() as connection:
        await consumed.begin(connection, "notifier", ids)
        waiting = asyncio.create_task(second())
        await until(lambda: sessions("Lock"), "the second waits")

    assert await waiting == set()


async def test_only_what_is_long_done_is_forgotten(bank, owner):
    old, fresh = new_id(), new_id()
    async with bank.pool.transaction() as connection:
        await consumed.begin(connection, "notifier", [old, fresh])
    await owner.execute(
        "UPDATE consumed_events SET consumed_at = now() - make_interval(days => %s)"
        " WHERE event_id = %s",
        (DAYS_KEPT + 1, old),
    )
    events = ConsumedEvents(bank.pool)

    went = await events.sweep()

    assert went == 1
    assert await events.known("notifier", [old, fresh]) == {fresh}
    assert await events.sweep() == 0


async def test_a_letter_comes_back_as_it_was_given(bank):
    record = Record("t.account.v1", 3, 41, b"\xff\x00", None, [("a", b"\xfe"), ("b", None)], 1_700)
    letter = DeadLetter("notifier", record, "poison", "why", 5, new_id())
    table = DeadLetterTable(bank.pool)

    await table.add(letter)
    ((kept,),) = [page async for page in table.letters(consumer="notifier", reason="poison")]
    others = [page async for page in table.letters(consumer="webhooks")]

    assert kept.letter == letter
    assert kept.replayed_at is None
    assert others == []


async def test_a_record_given_up_again_is_the_same_letter_open_again(bank):
    letter = DeadLetter("notifier", Record("t", 0, 1, None, b"1"), "poison", "why", 5, new_id())
    table = DeadLetterTable(bank.pool)
    await table.add(letter)
    ((first,),) = [page async for page in table.letters()]
    await table.mark_replayed([first])
    ((marked,),) = [page async for page in table.letters()]

    await table.add(letter)
    ((again,),) = [page async for page in table.letters()]

    assert marked.replayed_at is not None
    assert (again.number, again.replayed_at, again.letter.attempts) == (first.number, None, 10)
