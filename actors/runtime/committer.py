"""The committer: a batch of turns against the ledger, and an answer for each whatever happens.

=====================  =====================================================================
the ledger says        the turns are told
=====================  =====================================================================
outcomes               done
``Fenced``             moved: nothing was written, and somebody else owns a slot by now
``StoreUnavailable``   each is tried alone; overloaded if that says the same: nothing was written
``OutcomeUnknown``     the same again under the same keys, which decide; unknown when tries run out
anything else          each is tried alone, so that one bad movement does not take 255 with it
=====================  =====================================================================
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog

from actors.domain.errors import OutcomeUnknown, StoreUnavailable
from actors.ports.ledger import Fence, Fenced
from actors.runtime.messages import MOVED, UNKNOWN, Answer, Status, done, overloaded

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from actors.ports.ledger import Ledger
    from actors.runtime.mailbox import Turn

log = structlog.get_logger()

TRIES_TO_LEARN: Final = 3
"""How often an unknown outcome is looked up before the caller is told so."""

PAUSE_SECONDS: Final = 0.05
"""The wait before the first look-up; a broken connection is often a restarting server."""

FAILURES_IN_A_ROW: Final = 2
"""After so many turns alone met no database, the rest of the batch need not try."""


@dataclass(slots=True)
class CommitCounts:
    """What became of the commits so far."""

    commits: int = 0
    fenced: int = 0
    unknown: int = 0
    unavailable: int = 0
    replayed: int = 0


def _no_fence(_: Sequence[Turn]) -> Fence | None:
    """Return the fence of the ownerless path: the row locks alone decide."""
    return None


def _no_notice(_: Sequence[Turn]) -> None:
    """Take no note: who has no fence is never fenced."""


class Committer:
    """Commits batches, under a fence when it is an owner's.

    Args:
        ledger: Where to.
        fence_of: Returns what a batch may be written under; raises ``Fenced`` when it may not.
        when_fenced: Is told the turns of a batch that was refused.
        pause: Waits so many seconds.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        fence_of: Callable[[Sequence[Turn]], Fence | None] = _no_fence,
        when_fenced: Callable[[Sequence[Turn]], None] = _no_notice,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._ledger = ledger
        self._fence_of = fence_of
        self._when_fenced = when_fenced
        self._pause = pause
        self.counts = CommitCounts()

    async def __call__(self, turns: Sequence[Turn]) -> list[Answer]:
        """Return the answer to each of *turns*, in order."""
        try:
            return await self._commit(turns)
        except StoreUnavailable as trouble:
            if len(turns) == 1:
                return [overloaded(trouble.retry_after_seconds)]
            return await self._one_by_one(turns)
        except Exception:
            log.exception("commit.failed", movements=len(turns))
            if len(turns) == 1:
                return [UNKNOWN]
            return [_doubted(answer) for answer in await self._one_by_one(turns)]

    async def _commit(self, turns: Sequence[Turn]) -> list[Answer]:
        """Commit *turns* together.

        Raises:
            StoreUnavailable: If nothing was written.
        """
        self.counts.commits += 1
        movements = [turn.movement for turn in turns]
        try:
            outcomes = await self._ledger.commit(movements, fence=self._fence_of(turns))
        except Fenced:
            self._fenced(turns)
            return [MOVED] * len(turns)
        except OutcomeUnknown:
            return await self._learn(turns)
        except StoreUnavailable:
            self.counts.unavailable += 1
            raise
        self.counts.replayed += sum(outcome.replayed for outcome in outcomes)
        return [done(outcome) for outcome in outcomes]

    def _fenced(self, turns: Sequence[Turn]) -> None:
        """Take note that another owner has taken a slot of *turns* over."""
        self.counts.fenced += 1
        log.warning("commit.fenced", movements=len(turns))
        self._when_fenced(turns)

    async def _learn(self, turns: Sequence[Turn]) -> list[Answer]:
        """Commit *turns* again under the same keys to learn what the first attempt did.

        Whatever goes wrong from here on, the first attempt may have been written.
        """
        loop = asyncio.get_running_loop()
        movements = [turn.movement for turn in turns]
        for attempt in range(TRIES_TO_LEARN):
            self.counts.unknown += 1
            await self._pause(PAUSE_SECONDS * 2**attempt)
            if all(turn.deadline <= loop.time() for turn in turns):
                break
            try:
                outcomes = await self._ledger.commit(movements, fence=self._fence_of(turns))
            except (OutcomeUnknown, StoreUnavailable):
                continue
            except Fenced:
                self._fenced(turns)
                break
            return [done(outcome) for outcome in outcomes]
        log.error("commit.unknown", movements=len(turns))
        return [UNKNOWN] * len(turns)

    async def _one_by_one(self, turns: Sequence[Turn]) -> list[Answer]:
        """Commit each of *turns* alone, in order, until there is plainly no database."""
        loop = asyncio.get_running_loop()
        answers: list[Answer] = []
        failures = 0
        for turn in turns:
            if failures >= FAILURES_IN_A_ROW or turn.deadline <= loop.time():
                answers.append(overloaded())
                continue
            (answer,) = await self([turn])
            failures = failures + 1 if answer.status is Status.OVERLOADED else 0
            answers.append(answer)
        return answers


def _doubted(answer: Answer) -> Answer:
    """Return *answer*, given that the whole batch may have been written before it."""
    return answer if answer.status is Status.DONE else UNKNOWN
