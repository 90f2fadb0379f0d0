"""The batcher: many turns, few journeys.

The next batch leaves when an earlier one has returned; there is no timer.
A lone turn therefore leaves at once, and the busier it is the larger the batches become.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter, deque
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Final, Protocol

import structlog

from actors.runtime.mailbox import Mailbox, Mailboxes, Turn, answered
from actors.runtime.messages import UNKNOWN, Answer, overloaded

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from actors.domain.transfers import Movement
    from actors.runtime.limits import BatchLimits

log = structlog.get_logger()

PUNCTUAL_SECONDS: Final = 0.05
"""An alarm that is due so soon after an earlier deadline serves that one too."""


class Send(Protocol):
    """Takes a batch to where it is decided."""

    async def __call__(self, turns: Sequence[Turn]) -> list[Answer]:
        """Return the answer to each turn, in order; every failure is one of the answers."""
        ...


@dataclass(slots=True)
class Counts:
    """What a batcher did so far."""

    batches: int = 0
    sent: int = 0
    turned_away: int = 0
    expired: int = 0


class Batcher:
    """Gathers turns by account and sends them in batches.

    Per account: arrival order. With several batches under way it is the one they are sent to that
    keeps it, by deciding them in the order in which they come.
    Between accounts: turn about, so a hot account fills what the others leave.
    A caller that goes away never stops a batch: it runs in a task of the batcher's own.
    One timer watches over all deadlines.
    """

    def __init__(self, send: Send, limits: BatchLimits) -> None:
        self._send = send
        self._limits = limits
        self._mailboxes = Mailboxes(accounts=limits.accounts, idle_seconds=limits.idle_seconds)
        self._ready: deque[Mailbox] = deque()
        self._pending_by_slot: Counter[int] = Counter()
        self._waiting = 0
        self._arrivals = 0
        self._pump_is_due = False
        self._under_way: set[asyncio.Task[None]] = set()
        self._open: set[Turn] = set()
        self._alarm: asyncio.Handle | None = None
        self._alarm_at = math.inf
        self._known_loop: asyncio.AbstractEventLoop | None = None
        self._returned = asyncio.Event()
        self.counts = Counts()

    @property
    def _loop(self) -> asyncio.AbstractEventLoop:
        """Return the event loop; asking for the running one costs a system call (Python 3.11)."""
        if self._known_loop is None:
            self._known_loop = asyncio.get_running_loop()
        return self._known_loop

    @property
    def waiting(self) -> int:
        """Return how many turns wait to be sent."""
        return self._waiting

    @property
    def accounts(self) -> int:
        """Return how many accounts are in memory."""
        return len(self._mailboxes)

    @property
    def passivated(self) -> int:
        """Return how many idle accounts were forgotten so far."""
        return self._mailboxes.passivated

    def offer(self, movement: Movement, deadline: float) -> Turn:
        """Queue *movement* and return its turn; a full queue answers at once.

        Args:
            movement: What is wished.
            deadline: When its caller stops waiting, by the event loop's clock.
        """
        loop = self._loop
        mailbox = self._mailboxes.of(movement.source_id, loop.time())
        if (
            self._waiting >= self._limits.waiting
            or len(mailbox) >= self._limits.waiting_per_account
        ):
            self.counts.turned_away += 1
            return answered(movement, overloaded())
        turn = Turn(movement, deadline, loop.create_future(), mailbox)
        self._open.add(turn)
        if deadline < self._alarm_at - PUNCTUAL_SECONDS:
            self._set_alarm(deadline)
        self._enqueue(turn)
        return turn

    def _set_alarm(self, at: float) -> None:
        """Look at the deadlines at *at*, by the event loop's clock, and not before."""
        if self._alarm is not None:
            self._alarm.cancel()
        # Kept beside the handle: that of uvloop does not know when, if the time has come already.
        self._alarm_at = at
        self._alarm = self._loop.call_at(at, self._ring)

    def _ring(self) -> None:
        """Tell those whose time is up what is certain: only what was sent may have happened."""
        self._alarm, self._alarm_at = None, math.inf
        now = self._loop.time()
        for turn in self._open:
            if turn.deadline <= now:
                turn.tell(UNKNOWN if turn.sent else overloaded())
        coming = [turn.deadline for turn in self._open if turn.deadline > now]
        if coming:
            self._set_alarm(min(coming))

    def _enqueue(self, turn: Turn) -> None:
        """Let *turn* wait in its mailbox and see to it that somebody looks."""
        self._arrivals += 1
        turn.arrival = self._arrivals
        mailbox = turn.mailbox
        if mailbox.idle:  # else it stands in the line already
            self._ready.append(mailbox)
        mailbox.put(turn)
        self._waiting += 1
        self._pending_by_slot[mailbox.slot] += 1
        self._pump_soon()

    def _pump_soon(self) -> None:
        """Send at the end of this turn of the loop, so that one burst is one batch."""
        if not self._pump_is_due:
            self._pump_is_due = True
            self._loop.call_soon(self._pump)

    def _pump(self) -> None:
        """Send as many batches as may be under way."""
        self._pump_is_due = False
        while self._ready and len(self._under_way) < self._limits.batches_in_flight:
            turns = self._gather()
            if turns:
                task = self._loop.create_task(self._carry(turns))
                self._under_way.add(task)
                task.add_done_callback(self._returning)

    def _gather(self) -> list[Turn]:
        """Take the next batch out of the mailboxes, one turn of each account in turn."""
        turns: list[Turn] = []
        now = self._loop.time()
        while self._ready and len(turns) < self._limits.batch_movements:
            mailbox = self._ready.popleft()
            turn = mailbox.take()
            self._waiting -= 1
            if mailbox.waiting:
                self._ready.append(mailbox)
            if self._lives(turn, now):
                turns.append(turn)
        turns.sort(key=attrgetter("arrival"))
        return turns

    def _lives(self, turn: Turn, now: float) -> bool:
        """Tell whether *turn* is still wanted, and mark it sent if so.

        One whose time is up, or whose caller went away, has not been executed and never will.
        """
        if turn.deadline > now and not turn.answer.done():
            turn.sent = True
            return True
        self.counts.expired += 1
        turn.tell(overloaded())
        self._forget(turn)
        return False

    async def _carry(self, turns: list[Turn]) -> None:
        """Send *turns* and only then give out the answers."""
        self.counts.batches += 1
        self.counts.sent += len(turns)
        try:
            answers = await self._send(turns)
        except Exception:
            log.exception("batch.failed", turns=len(turns))
            answers = [UNKNOWN] * len(turns)
        finally:
            for turn in turns:
                self._forget(turn)
        for turn, answer in zip(turns, answers, strict=True):
            turn.tell(answer)

    def _forget(self, turn: Turn) -> None:
        """Count *turn* out of its slot."""
        self._open.discard(turn)
        slot = turn.mailbox.slot
        self._pending_by_slot[slot] -= 1
        if not self._pending_by_slot[slot]:
            del self._pending_by_slot[slot]
        self._returned.set()

    def _returning(self, task: asyncio.Task[None]) -> None:
        """Make room for the next batch."""
        self._under_way.discard(task)
        self._pump_soon()

    async def flush(self, slots: Iterable[int] | None = None) -> None:
        """Wait until no turn of *slots*, or of any slot, waits or is under way."""
        wanted = None if slots is None else set(slots)
        while self._has_pending(wanted):
            self._returned.clear()
            await self._returned.wait()

    def _has_pending(self, slots: set[int] | None) -> bool:
        """Tell whether turns of *slots* are not answered yet."""
        if slots is None:
            return bool(self._pending_by_slot)
        return not slots.isdisjoint(self._pending_by_slot)

    def passivate(self, *, at_most: int = 10_000) -> int:
        """Forget idle accounts and return how many."""
        return self._mailboxes.passivate(self._loop.time(), at_most=at_most)
