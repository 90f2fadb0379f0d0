import asyncio

import pytest

from actors.domain.errors import OutcomeUnknown, StoreUnavailable
from actors.ports.ledger import Fence, Fenced
from actors.runtime.committer import TRIES_TO_LEARN, Committer
from actors.runtime.mailbox import Mailbox, Turn
from actors.runtime.messages import Status
from tests.unit.runtime.fakes import FakeLedger, a_movement


class Pauses:
    """Counts pauses in place of waiting."""

    def __init__(self):
        self.seconds = []

    async def __call__(self, seconds):
        self.seconds.append(seconds)


@pytest.fixture
def ledger():
    return FakeLedger()


@pytest.fixture
def pauses():
    return Pauses()


@pytest.fixture
def committer(ledger, pauses):
    return Committer(ledger, pause=pauses)


def some_turns(ledger, count, seconds=60.0):
    b = ledger.open_account()
    loop = asyncio.get_running_loop()
    return [
        Turn(
            a_movement(ledger.open_account(5), b),
            loop.time() + seconds,
            loop.create_future(),
            Mailbox(0),
        )
        for _ in range(count)
    ]


def statuses(answers):
    return [answer.status for answer in answers]


async def test_a_fenced_batch_has_moved_as_a_whole(ledger, pauses):
    told = []
    ledger.slots.epochs[3] = 9
    committer = Committer(
        ledger, fence_of=lambda _: Fence({3: 8}), when_fenced=told.extend, pause=pauses
    )
    turns = some_turns(ledger, 3)
    answers = await committer(turns)

    assert statuses(answers) == [Status.MOVED] * 3
    assert told == turns
    assert ledger.posted() == 0


async def test_a_lost_answer_is_learnt_under_the_same_keys(ledger, committer):
    ledger.fail_after = [OutcomeUnknown()]
    answers = await committer(some_turns(ledger, 3))

    assert [answer.outcome.replayed for answer in answers] == [True] * 3
    assert ledger.posted() == 3
    assert ledger.total_minor() == 15


async def test_a_commit_that_never_happened_happens_once_when_it_is_looked_up(ledger, committer):
    ledger.fail_before = [OutcomeUnknown(), StoreUnavailable()]
    answers = await committer(some_turns(ledger, 2))

    assert statuses(answers) == [Status.DONE] * 2
    assert ledger.posted() == 2


async def test_an_outcome_that_cannot_be_learnt_is_unknown(ledger, committer, pauses):
    ledger.fail_before = [OutcomeUnknown()] * (TRIES_TO_LEARN + 1)
    answers = await committer(some_turns(ledger, 2))

    assert statuses(answers) == [Status.UNKNOWN] * 2
    assert len(pauses.seconds) == TRIES_TO_LEARN


async def test_nobody_learns_for_callers_whose_time_is_up(ledger, committer):
    ledger.fail_before = [OutcomeUnknown()]
    answers = await committer(some_turns(ledger, 2, seconds=0))

    assert statuses(answers) == [Status.UNKNOWN] * 2
    assert len(ledger.commits) == 1


async def test_an_unknown_outcome_is_never_called_moved(ledger, committer):
    ledger.fail_before = [OutcomeUnknown(), Fenced()]
    answers = await committer(some_turns(ledger, 2))

    assert statuses(answers) == [Status.UNKNOWN] * 2


async def test_a_batch_that_met_no_database_is_tried_one_by_one(ledger, committer):
    ledger.fail_before = [StoreUnavailable()]
    answers = await committer(some_turns(ledger, 3))

    assert statuses(answers) == [Status.DONE] * 3
    assert ledger.sizes() == [3, 1, 1, 1]


async def test_without_a_database_a_batch_gives_up_soon(ledger, committer):
    ledger.fail_before = [StoreUnavailable(7) for _ in range(10)]
    answers = await committer(some_turns(ledger, 100))

    assert statuses(answers) == [Status.OVERLOADED] * 100
    assert answers[0].retry_after_seconds == 7
    assert ledger.sizes() == [100, 1, 1]


async def test_one_bad_movement_does_not_take_the_others_with_it(ledger, committer):
    ledger.fail_before = [ValueError(), None, ValueError()]
    answers = await committer(some_turns(ledger, 3))

    assert statuses(answers) == [Status.DONE, Status.UNKNOWN, Status.DONE]


async def test_after_a_surprise_nothing_is_called_not_executed(ledger, committer):
    ledger.fail_after = [ValueError(), *[StoreUnavailable()] * 2]
    answers = await committer(some_turns(ledger, 3))

    assert Status.OVERLOADED not in statuses(answers)
