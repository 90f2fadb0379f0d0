"""The line: an owner's batches, one behind the other, each in one round trip.

A batch is decided on what the last ones left in memory and sent at once, before those are back;
accounts that are not there are read first, without a lock.
The server runs them in order, and writes only what was decided on the truth: whoever remembered
wrongly is told so, and goes again, alone, by locking and reading first.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import psycopg
import structlog

from actors.domain import batches
from actors.domain.errors import OutcomeUnknown, StoreUnavailable
from actors.domain.transfers import Movement, Outcome
from actors.ports.ledger import Fence, Fenced
from actors.store import batch_json, encoding, failures, statements
from actors.store.remembered import DatabaseClock, RememberedAccounts
from actors.store.wire import wire_to

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from uuid import UUID

    from actors.domain.accounts import Account
    from actors.domain.batches import Batch
    from actors.store.pool import Pool
    from actors.store.wire import Wire

    Locked = Callable[[Sequence[Movement], Fence], Awaitable[tuple[Batch, Iterable[Account]]]]

log = structlog.get_logger()

ANSWER_SECONDS_MAX: Final = 8.0
"""The server ends a statement after 5 s; a connection that is silent for longer is dead."""

REOPEN_SECONDS: Final = 0.5

READ_ACCOUNTS: Final = statements.READ_ACCOUNTS.decode()


@dataclass(slots=True, eq=False)
class Job:
    """A batch on its way.

    Attributes:
        fetching: Reads the accounts that were not remembered when it came.
        locks: Whether memory was wrong about it once.
        sent_at: By the event loop's clock.
    """

    movements: Sequence[Movement]
    fence: Fence
    answer: asyncio.Future[list[Outcome]]
    fetching: asyncio.Task[None] | None = None
    locks: bool = False
    sent_at: float = 0.0

    def tell(self, outcomes: list[Outcome]) -> None:
        """Give the outcomes."""
        if not self.answer.done():
            self.answer.set_result(outcomes)

    def fail(self, error: BaseException) -> None:
        """Say why there are none."""
        if not self.answer.done():
            self.answer.set_exception(error)


class CommitLine:
    """Commits batches in the order in which they are given.

    Args:
        pool: Gives the line a connection of its own.
        locked: Commits a batch by locking and reading first; returns it and its accounts.
    """

    def __init__(self, pool: Pool, locked: Locked, clock: DatabaseClock) -> None:
        self._pool = pool
        self._locked = locked
        self._clock = clock
        self._accounts = RememberedAccounts()
        self._wire: Wire | None = None
        self._waiting: deque[Job] = deque()
        self._sent: deque[Job] = deque()
        self._again: deque[Job] = deque()
        self._alone: asyncio.Task[None] | None = None
        self._opening: asyncio.Task[None] | None = None
        self._watch: asyncio.TimerHandle | None = None

    async def commit(self, movements: Sequence[Movement], fence: Fence) -> list[Outcome]:
        """Return what became of *movements*; see ``actors.ports.ledger.Ledger``."""
        job = Job(movements, fence, asyncio.get_running_loop().create_future())
        self._waiting.append(job)
        self._fetch_missing(job)
        self._advance()
        return await job.answer

    def _fetch_missing(self, job: Job) -> None:
        """Read what is not remembered of *job*, while those before it are under way."""
        missing = self._accounts.missing(job.movements)
        if missing and self._open_wire() is not None:
            job.fetching = asyncio.create_task(self._fetch(job, missing))

    async def _fetch(self, job: Job, account_ids: Iterable[UUID]) -> None:
        """Remember accounts as they are now, without a lock: what is written is compared."""
        try:
            rows = await self._pool.rows(READ_ACCOUNTS, (encoding.ids(account_ids),))
            self._accounts.learn(map(encoding.account, rows))
        except StoreUnavailable as trouble:  # whoever locks will say so
            log.warning("accounts.not_fetched", trouble=repr(trouble))
        finally:
            job.fetching = None
            self._advance()

    def _advance(self) -> None:
        """Send what can be sent; what must lock goes alone, after all that was sent before."""
        while self._waiting and self._alone is None and not self._again:
            job = self._waiting[0]
            if job.fetching is not None:
                return
            if not job.locks and self._send(job):
                self._waiting.popleft()
            elif self._sent:
                return
            else:
                self._waiting.popleft()
                self._alone = asyncio.create_task(self._lock(job))

    def _send(self, job: Job) -> bool:
        """Decide *job* by memory and send it; tell whether memory sufficed."""
        wire, now = self._open_wire(), self._clock.now()
        accounts = self._accounts.of(job.movements)
        if wire is None or now is None or accounts is None:
            return False
        seen = batch_json.seen(accounts.values())
        try:
            batch = batches.decide(job.movements, accounts, {}, now)
            parameters = batch_json.parameters(batch, seen, now, job.fence)
        except Exception as mistake:  # noqa: BLE001  the one who waits is told
            self._accounts.forget(accounts)
            job.fail(mistake)
            return True
        if not _takes_every_key(batch, job.movements):
            self._accounts.forget(accounts)
            job.locks = True
            return False
        job.sent_at = asyncio.get_running_loop().time()
        self._sent.append(job)
        self._watch_soon()
        call = wire.call(parameters)
        call.add_done_callback(lambda call: self._returned(job, batch, accounts, call))
        return True

    def _returned(
        self, job: Job, batch: Batch, accounts: Iterable[UUID], call: asyncio.Future[bytes]
    ) -> None:
        """Answer *job*, the oldest that was sent, or let it go again."""
        self._sent.popleft()
        error = call.exception()
        if error is None:
            self._clock.hear_microseconds(int(call.result()))
            job.tell(batch.outcomes)
        else:
            self._accounts.forget(accounts)
            self._refused(job, error)
        if self._again and not self._sent:
            self._waiting.extendleft(reversed(self._again))
            self._again.clear()
        self._advance()

    def _refused(self, job: Job, error: BaseException) -> None:
        """Let *job* go again where another way may help; else say what its failure means."""
        if not isinstance(error, psycopg.Error):
            job.fail(error)
        elif failures.is_fenced(error):
            job.fail(Fenced())
        elif failures.is_repeatable(error):
            job.locks = True
            self._again.append(job)
        elif failures.lost(error):
            job.fail(OutcomeUnknown())
        else:
            unavailable = StoreUnavailable()
            unavailable.__cause__ = error
            job.fail(unavailable)

    async def _lock(self, job: Job) -> None:
        """Commit *job* by locking and reading first, and remember its accounts."""
        try:
            batch, accounts = await self._locked(job.movements, job.fence)
        except Exception as error:  # noqa: BLE001  the one who waits is told
            job.fail(error)
        else:
            self._accounts.keep(accounts)
            job.tell(batch.outcomes)
        finally:
            self._alone = None
            self._advance()

    def _open_wire(self) -> Wire | None:
        """Return the wire if there is one; else see to it that there will be."""
        if self._wire is not None and not self._wire.broken:
            return self._wire
        if self._opening is None:
            self._opening = asyncio.create_task(self._open())
        return None

    async def _open(self) -> None:
        """Open a wire; after a failure, not again at once."""
        try:
            if self._wire is not None:
                await self._pool.disown(self._wire.connection)
            self._wire = await wire_to(
                await self._pool.own(self._close_wire), statements.POST_BATCH_WIRED
            )
        except (psycopg.Error, StoreUnavailable) as trouble:
            log.warning("wire.not_opened", trouble=repr(trouble))
            await asyncio.sleep(REOPEN_SECONDS)
        finally:
            self._opening = None

    def _close_wire(self) -> None:
        """Let go of the connection, which is about to be closed."""
        if self._wire is not None:
            self._wire.close()

    def _watch_soon(self) -> None:
        """See to it that a silent connection is noticed."""
        if self._watch is None:
            loop = asyncio.get_running_loop()
            self._watch = loop.call_later(ANSWER_SECONDS_MAX, self._look)

    def _look(self) -> None:
        """Give a connection up that has not answered its oldest call in time."""
        self._watch = None
        if not self._sent:
            return
        if self._sent[0].sent_at + ANSWER_SECONDS_MAX <= asyncio.get_running_loop().time():
            log.error("wire.silent", batches=len(self._sent))
            self._close_wire()
        self._watch_soon()


def _takes_every_key(batch: Batch, movements: Sequence[Movement]) -> bool:
    """Tell whether the database will say of each key of *movements* whether it is used already.

    It does by refusing to take a key twice. A refusal that leaves its key free takes none, so
    what the key may stand for must be looked up.
    """
    if len(batch.keys) == len(movements):
        return True
    taken = {(key.principal_id, key.idempotency_key) for key in batch.keys}
    return all((each.principal_id, each.idempotency_key) in taken for each in movements)
