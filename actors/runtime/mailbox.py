"""The virtual account actors: a mailbox for each account that was touched of late.

An account takes turns: its movements are decided in the order of their arrival.
An idle mailbox weighs a few hundred bytes; the least recently used are passivated.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from actors.domain.slots import slot_of
from actors.domain.transfers import Movement
from actors.runtime.messages import Answer

if TYPE_CHECKING:
    from uuid import UUID


@dataclass(slots=True, eq=False)
class Turn:
    """A movement that waits for its turn, and where its answer goes.

    Attributes:
        deadline: When its caller stops waiting, by the event loop's clock.
        arrival: Its place among all turns of this process.
        sent: Whether it has left; until then it is certain that nothing happened.
    """

    movement: Movement
    deadline: float
    answer: asyncio.Future[Answer]
    mailbox: Mailbox
    arrival: int = 0
    sent: bool = False

    def tell(self, answer: Answer) -> None:
        """Give the answer, if somebody still waits for it."""
        if not self.answer.done():
            self.answer.set_result(answer)


class Mailbox:
    """The turns that wait for one debited account."""

    __slots__ = ("slot", "touched_at", "waiting")

    def __init__(self, slot: int) -> None:
        self.slot = slot
        self.touched_at = 0.0
        self.waiting: deque[Turn] | None = None

    def __len__(self) -> int:
        return 0 if self.waiting is None else len(self.waiting)

    @property
    def idle(self) -> bool:
        """Tell whether nothing would be lost by forgetting it."""
        return self.waiting is None

    def put(self, turn: Turn) -> None:
        """Add *turn* behind the others."""
        if self.waiting is None:
            self.waiting = deque()
        self.waiting.append(turn)

    def take(self) -> Turn:
        """Remove and return the first turn; the queue of an idle mailbox costs nothing."""
        if self.waiting is None:
            msg = "nothing waits here"
            raise LookupError(msg)
        turn = self.waiting.popleft()
        if not self.waiting:
            self.waiting = None
        return turn


def answered(movement: Movement, answer: Answer) -> Turn:
    """Return a turn that never waits: it has its answer already."""
    future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
    future.set_result(answer)
    return Turn(movement, 0.0, future, Mailbox(0))


class Mailboxes:
    """The mailboxes of a process: made on first use, forgotten when idle."""

    def __init__(self, *, accounts: int, idle_seconds: float) -> None:
        self._accounts = accounts
        self._idle_seconds = idle_seconds
        # By the account's number: a UUID hashes in Python, an int in C.
        self._by_account: OrderedDict[int, Mailbox] = OrderedDict()
        self.passivated = 0

    def __len__(self) -> int:
        return len(self._by_account)

    def of(self, account_id: UUID, now: float) -> Mailbox:
        """Return the mailbox of *account_id*, the most recently used from now on."""
        mailbox = self._by_account.get(account_id.int)
        if mailbox is None:
            self.passivate(now, at_most=2)
            mailbox = self._by_account[account_id.int] = Mailbox(slot_of(account_id))
        else:
            self._by_account.move_to_end(account_id.int)
        mailbox.touched_at = now
        return mailbox

    def passivate(self, now: float, *, at_most: int) -> int:
        """Forget idle mailboxes, the oldest first, and return how many."""
        forgotten = 0
        for _ in range(min(at_most, len(self._by_account))):
            account, mailbox = next(iter(self._by_account.items()))
            crowded = len(self._by_account) >= self._accounts
            if not crowded and now - mailbox.touched_at < self._idle_seconds:
                break
            if mailbox.idle:
                del self._by_account[account]
                forgotten += 1
            else:
                self._by_account.move_to_end(account)
        self.passivated += forgotten
        return forgotten
