"""A consumer goes on through everything, commits only what was done, and rests."""

import asyncio
from dataclasses import replace
from itertools import islice

import pytest

from actors.domain.errors import OutcomeUnknown, StoreUnavailable
from actors.domain.events import Event
from actors.ids import new_id
from actors.messaging.consume import Consumer, Polling
from actors.messaging.delivery import Delivery, Patience
from actors.ports.events import Poison, SourceUnavailable
from tests.contracts.bus.parts import a_record, paid


class Script:
    """What happened, in order, and what goes wrong how often."""

    def __init__(self):
        self.happened = []
        self.wrong = {}

    def fail(self, what, *errors):
        """Let the next calls of *what* raise *errors*."""
        self.wrong[what] = list(errors)

    def does(self, what, *facts):
        if self.wrong.get(what):
            raise self.wrong[what].pop(0)
        self.happened.append((what, *facts))


class ScriptedSource:
    def __init__(self, script, *batches):
        self.script = script
        self.batches = list(batches)
        self.is_empty = asyncio.Event()

    async def open(self):
        self.script.does("open")

    async def poll(self, *, limit, timeout_seconds):
        assert limit > 0
        assert timeout_seconds > 0
        self.script.does("poll")
        if not self.batches:
            self.is_empty.set()
            await asyncio.Event().wait()
        return self.batches.pop(0)

    async def commit(self, records):
        self.script.does("commit", len(records))

    async def close(self):
        self.script.does("close")


class ScriptedEffect:
    def __init__(self, script, poison=()):
        self.script = script
        self.poison = set(poison)
        self.applied = []

    async def apply(self, events):
        amounts = [event.data["amount_minor"] for event in events]
        if self.poison & set(amounts):
            raise Poison("not this one")
        self.script.does("apply", *amounts)
        self.applied += amounts


class ScriptedLetters:
    def __init__(self, script):
        self.script = script
        self.letters = []

    async def add(self, letter):
        self.script.does("letter", letter.reason)
        self.letters.append(letter)


class Resting:
    def __init__(self):
        self.worked = []

    async def after(self, worked_seconds):
        self.worked.append(worked_seconds)


class Run:
    """A consumer on scripted parts."""

    def __init__(self, *batches, poison=(), clock=lambda: 0.0):
        self.script = Script()
        self.source = ScriptedSource(self.script, *batches)
        self.effect = ScriptedEffect(self.script, poison)
        self.letters = ScriptedLetters(self.script)
        self.pace = Resting()
        self.slept = []
        delivery = Delivery(
            "notifier", self.effect, self.letters, patience=Patience(), sleep=self._sleep
        )
        self.consumer = Consumer(
            self.source, delivery, pace=self.pace, polling=Polling(500, 1.0), clock=clock
        )

    async def to_the_end(self):
        """Run until everything was polled and handled, then cancel it."""
        task = asyncio.create_task(self.consumer.run())
        async with asyncio.timeout(30):
            await self.source.is_empty.wait()
        self.health = self.consumer.health()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return self.script.happened

    async def _sleep(self, seconds):
        self.slept.append(seconds)


def a_batch(*amounts):
    return [a_record(paid(new_id(), amount)) for amount in amounts]


async def test_a_batch_is_committed_after_its_effect():
    run = Run(a_batch(1, 2, 3), [], a_batch(4))

    assert await run.to_the_end() == [
        ("open",),
        ("poll",),
        ("apply", 1, 2, 3),
        ("commit", 3),
        ("poll",),
        ("poll",),
        ("apply", 4),
        ("commit", 1),
        ("poll",),
        ("close",),
    ]


@pytest.mark.parametrize("error", [StoreUnavailable(), OutcomeUnknown()])
async def test_what_is_uncertain_is_done_again_before_anything_else(error):
    run = Run(a_batch(1, 2), a_batch(3))
    run.script.fail("apply", *[error] * 12)

    happened = await run.to_the_end()

    assert run.effect.applied == [1, 2, 3]
    assert run.letters.letters == []
    assert [name for name, *_ in happened if name != "poll"] == [
        *("open", "apply", "commit", "apply", "commit", "close")
    ]
    assert len(run.slept) == 12


@pytest.mark.parametrize("what", ["open", "poll", "commit"])
async def test_a_source_that_does_not_answer_is_asked_again(what):
    run = Run(a_batch(1))
    run.script.fail(what, SourceUnavailable("no broker"), SourceUnavailable("no broker"))

    await run.to_the_end()

    assert run.effect.applied == [1]
    assert run.health.stalled_by is None
    assert len(run.slept) == 2


async def test_the_one_at_fault_is_found_and_the_others_keep_their_order():
    amounts = list(range(1, 65))
    run = Run(a_batch(*amounts), a_batch(65), poison={7, 40})

    happened = await run.to_the_end()

    assert run.effect.applied == [each for each in [*amounts, 65] if each not in {7, 40}]
    assert [letter.attempts for letter in run.letters.letters] == [5, 5]
    assert [letter.detail for letter in run.letters.letters] == ["not this one"] * 2
    assert happened.index(("commit", 64)) > happened.index(("letter", "poison"))
    assert (run.health.dead, run.health.delivered) == (2, 63)


async def test_the_words_of_a_strange_error_are_not_kept():
    run = Run(a_batch(1))
    run.script.fail("apply", *[ValueError("secret content")] * 5)

    await run.to_the_end()

    (letter,) = run.letters.letters
    assert (letter.reason, letter.detail, letter.attempts) == ("failed", "ValueError", 5)


async def test_a_fault_that_goes_away_is_no_dead_letter():
    run = Run(a_batch(1))
    run.script.fail("apply", *[ValueError("now and then")] * 4)

    await run.to_the_end()

    assert run.letters.letters == []
    assert run.effect.applied == [1]


async def test_an_outage_does_not_count_as_a_try():
    run = Run(a_batch(1))
    run.script.fail("apply", *[ValueError(), StoreUnavailable(), StoreUnavailable()] * 4)

    await run.to_the_end()

    assert run.letters.letters == []
    assert run.effect.applied == [1]


async def test_nothing_is_passed_over_before_its_letter_is_kept():
    run = Run([replace(a_batch(1)[0], value=b"{"), *a_batch(2)])
    run.script.fail("letter", *[SourceUnavailable("no broker")] * 3)

    happened = await run.to_the_end()

    assert [letter.reason for letter in run.letters.letters] == ["json-malformed"]
    assert [name for name, *_ in happened] == [
        *("open", "poll", "letter", "apply", "commit", "poll", "close")
    ]


async def test_what_means_nothing_here_is_skipped():
    unknown = Event("account.painted", "account", new_id(), "{}")
    run = Run([a_record(unknown)], a_batch(1))

    await run.to_the_end()

    assert run.effect.applied == [1]
    assert run.letters.letters == []
    assert (run.health.skipped, run.health.delivered) == (1, 1)


async def test_the_second_copy_in_a_batch_is_skipped():
    event_id = new_id()
    copies = [a_record(paid(new_id(), 1), event_id=event_id) for _ in range(2)]
    run = Run(copies)

    await run.to_the_end()

    assert run.effect.applied == [1]
    assert run.health.skipped == 1


async def test_it_rests_for_its_work_and_not_for_its_waiting():
    seconds = iter(range(1_000))
    run = Run([], a_batch(1), [], clock=lambda: float(next(seconds)))

    await run.to_the_end()

    assert len(run.pace.worked) == 1
    assert run.pace.worked[0] > 0


async def test_pauses_grow_to_their_bound_and_are_never_the_same_for_all():
    patience = Patience(pause_seconds=1.0, pause_max_seconds=8.0)

    pauses = list(islice(patience.pauses(), 8))
    others = list(islice(patience.pauses(), 8))

    bounds = [1, 2, 4, 8, 8, 8, 8, 8]
    assert all(bound / 2 <= pause <= bound for pause, bound in zip(pauses, bounds, strict=True))
    assert pauses != others


async def test_health_says_that_it_runs_and_since_when_it_has_heard_nothing():
    now = [100.0]
    run = Run(a_batch(1), clock=lambda: now[0])

    before = run.consumer.health()
    await run.to_the_end()
    after = run.consumer.health()

    assert (before.alive, before.idle_seconds) == (False, None)
    assert (run.health.alive, run.health.idle_seconds) == (True, 0.0)
    assert after.alive is False
