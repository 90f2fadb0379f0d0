"""The batcher: many turns, few journeys.

The next batch leaves when an earlier one has returned; there is no timer.
A lone turn therefore leaves at once, and the busier it is the larger the batches become.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Protocol

import structlog

from actors.runtime.mailbox import Mailbox, Mailboxes, Turn, answered
from actors.runtime.messages import UNKNOWN, Answer, overloaded

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from actors.domain.transfers import Movement
    from actors.runtime.limits import BatchLimits

log = structlog.get_logger()


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

    Per account: arrival order, and one batch at a time.
    Between accounts: turn about, so a hot account fills what the others leave.
    A caller that goes away never stops a batch: it runs in a task of the batcher's own.
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
        self._returned = asyncio.Event()
        self.counts = Counts()

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
        loop = asyncio.get_running_loop()
        mailbox = self._mailboxes.of(movement.source_id, loop.time())
        if (
            self._waiting >= self._limits.waiting
            or len(mailbox) >= self._limits.waiting_per_account
        ):
            self.counts.turned_away += 1
            return answered(movement, overloaded())
        turn = Turn(movement, deadline, loop.create_future(), mailbox)
        self._enqueue(turn)
        return turn

    def _enqueue(self, turn: Turn) -> None:
        """Let *turn* wait in its mailbox and see to it that somebody looks."""
        self._arrivals += 1
        turn.arrival = self._arrivals
        mailbox = turn.mailbox
        if mailbox.idle:
            self._ready.append(mailbox)
        mailbox.put(turn)
        self._waiting += 1
        self._pending_by_slot[mailbox.slot] += 1
        self._pump_soon()

    def _pump_soon(self) -> None:
        """Send at the end of this turn of the loop, so that one burst is one batch."""
        if not self._pump_is_due:
            self._pump_is_due = True
            asyncio.get_running_loop().call_soon(self._pump)

    def _pump(self) -> None:
        """Send as many batches as may be under way."""
        self._pump_is_due = False
        while self._ready and len(self._under_way) < self._limits.batches_in_flight:
            turns = self._gather()
            if turns:
                task = asyncio.create_task(self._carry(turns))
                self._under_way.add(task)
                task.add_done_callback(self._returning)

    def _gather(self) -> list[Turn]:
        """Take the next batch out of the mailboxes, one turn of each account in turn."""
        turns: list[Turn] = []
        taken: dict[int, Mailbox] = {}
        now = asyncio.get_running_loop().time()
        while self._ready and len(turns) < self._limits.batch_movements:
            mailbox = self._ready.popleft()
            turn = mailbox.take()
            self._waiting -= 1
            if mailbox.waiting:
                self._ready.append(mailbox)
            if self._lives(turn, now):
                taken[id(mailbox)] = mailbox
                turns.append(turn)
        for mailbox in taken.values():
            mailbox.in_flight = True
        if taken:
            self._ready = deque(box for box in self._ready if not box.in_flight)
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
            self._settle(turns)
        for turn, answer in zip(turns, answers, strict=True):
            turn.tell(answer)

    def _settle(self, turns: list[Turn]) -> None:
        """Let the accounts of *turns* take their next ones."""
        for turn in turns:
            self._forget(turn)
            mailbox = turn.mailbox
            if mailbox.in_flight:
                mailbox.in_flight = False
                if mailbox.waiting:
                    self._ready.append(mailbox)

    def _forget(self, turn: Turn) -> None:
        """Count *turn* out of its slot."""
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
        return self._mailboxes.passivate(asyncio.get_running_loop().time(), at_most=at_most)
