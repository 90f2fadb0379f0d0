import asyncio
from collections import Counter

import pytest
import uvloop

from actors.domain.errors import OutcomeUnknown
from actors.runtime.batcher import Batcher
from actors.runtime.committer import Committer
from actors.runtime.limits import BatchLimits
from actors.runtime.messages import Status
from tests.unit.runtime.fakes import FakeLedger, a_movement, later


@pytest.fixture
def ledger():
    return FakeLedger()


def a_batcher(ledger, **limits):
    return Batcher(Committer(ledger), BatchLimits(**limits))


def soon():
    return asyncio.get_running_loop().time() + 60


def offer_all(batcher, movements):
    return [batcher.offer(movement, soon()) for movement in movements]


async def answers_of(turns):
    return await asyncio.gather(*(turn.answer for turn in turns))


async def test_a_lone_turn_leaves_at_once(ledger):
    ledger.gate.clear()
    a, b = ledger.open_account(10), ledger.open_account()
    offer_all(a_batcher(ledger), [a_movement(a, b)])
    await ledger.begun.acquire()

    assert ledger.sizes() == [1]


async def test_a_burst_is_one_batch(ledger):
    b = ledger.open_account()
    movements = [a_movement(ledger.open_account(1), b) for _ in range(50)]
    await answers_of(offer_all(a_batcher(ledger), movements))

    assert ledger.sizes() == [50]


async def test_no_answer_leaves_before_its_commit(ledger):
    ledger.gate.clear()
    (turn,) = offer_all(
        a_batcher(ledger), [a_movement(ledger.open_account(1), ledger.open_account())]
    )
    await ledger.begun.acquire()
    answered_before = turn.answer.done()
    ledger.gate.set()

    assert (await turn.answer).status is Status.DONE
    assert not answered_before


async def test_an_account_is_decided_in_arrival_order(ledger):
    a, b = ledger.open_account(1_000), ledger.open_account()
    batcher = a_batcher(ledger, batch_movements=7, batches_in_flight=3)
    movements = [a_movement(a, b) for _ in range(50)]
    await answers_of(offer_all(batcher, movements))

    assert [movement for commit in ledger.commits for movement in commit] == movements


async def test_turns_that_travel_together_keep_their_order_across_accounts(ledger):
    a, b, c = ledger.open_account(10), ledger.open_account(), ledger.open_account()
    movements = [a_movement(a, b, 10), a_movement(b, c, 10), a_movement(c, a, 10)] * 3
    movements = [a_movement(m.source_id, m.destination_id, 10) for m in movements]
    answers = await answers_of(offer_all(a_batcher(ledger), movements))

    assert {answer.outcome.verdict for answer in answers} == {"posted"}


async def test_an_account_need_not_wait_for_its_last_batch_to_come_back(ledger):
    ledger.gate.clear()
    a, b = ledger.open_account(10), ledger.open_account()
    batcher = a_batcher(ledger, batches_in_flight=2)
    first = offer_all(batcher, [a_movement(a, b)])
    await ledger.begun.acquire()
    second = offer_all(batcher, [a_movement(a, b), a_movement(a, b)])
    await ledger.begun.acquire()
    under_way = [list(commit) for commit in ledger.commits]
    ledger.gate.set()
    await answers_of(first + second)

    assert under_way == [[first[0].movement], [turn.movement for turn in second]]


async def test_every_caller_is_told_by_its_own_deadline(ledger):
    ledger.gate.clear()
    a, b = ledger.open_account(10), ledger.open_account()
    batcher = a_batcher(ledger, batches_in_flight=1)
    now = asyncio.get_running_loop().time()
    sent = batcher.offer(a_movement(a, b), now + 3_600)
    await ledger.begun.acquire()
    waiting = batcher.offer(a_movement(a, b), now + 0.01)
    patient = batcher.offer(a_movement(a, b), now + 3_600)

    assert (await waiting.answer).status is Status.OVERLOADED
    assert not sent.answer.done()
    assert not patient.answer.done()
    ledger.gate.set()
    assert [each.status for each in await answers_of([sent, patient])] == [Status.DONE] * 2
    assert ledger.sizes() == [1, 1]


async def test_no_more_batches_are_under_way_than_allowed(ledger):
    ledger.gate.clear()
    b = ledger.open_account()
    batcher = a_batcher(ledger, batches_in_flight=2, batch_movements=1)
    turns = offer_all(batcher, [a_movement(ledger.open_account(1), b) for _ in range(5)])
    await ledger.begun.acquire()
    await ledger.begun.acquire()
    waiting = batcher.waiting
    ledger.gate.set()
    await answers_of(turns)

    assert waiting == 3


async def test_a_hot_account_fills_only_what_the_others_leave(ledger):
    hot, b = ledger.open_account(1_000), ledger.open_account()
    cold = [ledger.open_account(1) for _ in range(5)]
    batcher = a_batcher(ledger, batch_movements=10, batches_in_flight=1)
    movements = [a_movement(hot, b) for _ in range(100)] + [a_movement(c, b) for c in cold]
    await answers_of(offer_all(batcher, movements))
    first = Counter(movement.source_id for movement in ledger.commits[0])

    assert first == {hot: 5, **dict.fromkeys(cold, 1)}


async def test_a_cold_account_waits_for_at_most_one_batch_of_a_hot_one(ledger):
    ledger.gate.clear()
    hot, cold, b = ledger.open_account(1_000), ledger.open_account(1), ledger.open_account()
    batcher = a_batcher(ledger, batch_movements=10, batches_in_flight=1)
    turns = offer_all(batcher, [a_movement(hot, b) for _ in range(100)])
    await ledger.begun.acquire()
    turns += offer_all(batcher, [a_movement(cold, b)])
    ledger.gate.set()
    await answers_of(turns)

    assert cold in {movement.source_id for movement in ledger.commits[1]}


async def test_a_full_account_is_told_so_at_once(ledger):
    a, b = ledger.open_account(10), ledger.open_account()
    batcher = a_batcher(ledger, waiting_per_account=2)
    *_, turned_away = offer_all(batcher, [a_movement(a, b) for _ in range(3)])

    assert turned_away.answer.result().status is Status.OVERLOADED
    assert batcher.waiting == 2


async def test_a_full_queue_is_told_so_at_once(ledger):
    b = ledger.open_account()
    batcher = a_batcher(ledger, waiting=2)
    *_, turned_away = offer_all(batcher, [a_movement(ledger.open_account(1), b) for _ in range(3)])

    assert turned_away.answer.result().status is Status.OVERLOADED
    assert not turned_away.sent


async def test_a_turn_whose_time_is_up_before_it_left_is_never_executed(ledger):
    a, b = ledger.open_account(10), ledger.open_account()
    turn = a_batcher(ledger).offer(a_movement(a, b), asyncio.get_running_loop().time())

    assert (await turn.answer).status is Status.OVERLOADED
    assert ledger.commits == []


async def test_a_caller_that_left_before_its_turn_is_not_executed(ledger):
    a, b = ledger.open_account(10), ledger.open_account()
    batcher = a_batcher(ledger)
    gone, stays = offer_all(batcher, [a_movement(a, b), a_movement(a, b)])
    gone.answer.cancel()
    await stays.answer

    assert ledger.sizes() == [1]


async def test_a_caller_that_left_does_not_stop_its_commit(ledger):
    ledger.gate.clear()
    a, b = ledger.open_account(10), ledger.open_account()
    batcher = a_batcher(ledger)
    movement = a_movement(a, b)
    (turn,) = offer_all(batcher, [movement])
    await ledger.begun.acquire()
    turn.answer.cancel()
    ledger.gate.set()
    await batcher.flush()

    assert ledger.posted() == 1


async def test_a_flush_of_a_slot_waits_for_its_turns_alone(ledger):
    ledger.gate.clear()
    a, b = ledger.open_account(1), ledger.open_account()
    batcher = a_batcher(ledger)
    (turn,) = offer_all(batcher, [a_movement(a, b)])
    await batcher.flush({turn.mailbox.slot + 1})
    flush = asyncio.create_task(batcher.flush({turn.mailbox.slot}))
    await ledger.begun.acquire()
    flushed_early = flush.done()
    ledger.gate.set()
    await flush

    assert not flushed_early
    assert turn.answer.done()


async def test_a_flush_ends_when_the_last_turn_expires(ledger):
    batcher = a_batcher(ledger)
    batcher.offer(a_movement(ledger.open_account(1), ledger.open_account()), 0.0)
    await batcher.flush()

    assert batcher.waiting == 0


async def test_a_repeated_key_in_one_batch_has_one_effect(ledger):
    a, b = ledger.open_account(10), ledger.open_account()
    movement = a_movement(a, b, 4)
    answers = await answers_of(offer_all(a_batcher(ledger), [movement, later(movement)]))

    assert [answer.outcome.replayed for answer in answers] == [False, True]
    assert ledger.accounts[a].balance_minor == 6


async def test_a_send_that_breaks_its_promise_leaves_an_unknown_outcome(ledger):
    async def broken(_turns):
        raise OutcomeUnknown

    batcher = Batcher(broken, BatchLimits())
    turn = batcher.offer(a_movement(ledger.open_account(1), ledger.open_account()), soon())

    assert (await turn.answer).status is Status.UNKNOWN


def test_turns_whose_time_is_up_already_are_told_so_by_every_kind_of_loop(ledger):
    async def offer_late():
        batcher, late = a_batcher(ledger), asyncio.get_running_loop().time() - 1
        movements = [a_movement(ledger.open_account(1), ledger.open_account()) for _ in range(3)]
        return await answers_of([batcher.offer(movement, late) for movement in movements])

    for loop_factory in (asyncio.new_event_loop, uvloop.new_event_loop):
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            answers = runner.run(offer_late())

        assert [answer.status for answer in answers] == [Status.OVERLOADED] * 3
    assert ledger.commits == []
