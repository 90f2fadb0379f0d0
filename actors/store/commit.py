"""The one way money is written: a batch of movements in one transaction.

An owner's batches stand in a line (``line.py``), decided on what is remembered: one round trip.
Where nothing is remembered, or wrongly, and for whoever owns nothing, it takes two:
the first fences, locks and reads; the pure rules decide; the second writes and commits.
Either way ``post_batch`` is the statement that writes.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final
from uuid import UUID

import psycopg

from actors.domain import batches
from actors.domain.accounts import Account
from actors.domain.batches import KeptAnswer
from actors.domain.errors import OutcomeUnknown, StoreUnavailable
from actors.ports.ledger import Fenced
from actors.store import batch_json, encoding, failures, statements
from actors.store.line import CommitLine
from actors.store.remembered import DatabaseClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from psycopg import AsyncConnection, AsyncCursor, AsyncPipeline

    from actors.domain.batches import Batch
    from actors.domain.transfers import Movement, Outcome
    from actors.ports.ledger import Fence
    from actors.store.pool import Pool

ATTEMPTS_MAX: Final = 4


class PostgresLedger:
    """``actors.ports.ledger.Ledger`` on Postgres."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._clock = DatabaseClock()
        self._line = CommitLine(pool, self._owned, self._clock)

    async def commit(self, movements: Sequence[Movement], *, fence: Fence | None) -> list[Outcome]:
        """Post *movements* in order in one transaction; see ``actors.ports.ledger.Ledger``."""
        if fence is not None:
            return await self._line.commit(movements, fence)
        batch, _ = await self._repeat(movements, None, batches.decide)
        return batch.outcomes

    async def commit_all_or_none(self, movements: Sequence[Movement]) -> list[Outcome]:
        """Post all of *movements*, or none; see ``actors.ports.ledger.Ledger``."""
        batch, _ = await self._repeat(movements, None, batches.decide_all_or_none)
        return batch.outcomes

    async def rehearse(self, movement: Movement) -> Outcome:
        """Return what ``commit`` would answer now, without a lock and without a trace."""
        async with self._pool.connection() as connection, connection.pipeline():
            rows = await connection.execute(statements.READ_ACCOUNTS, (_account_ids([movement]),))
            clock = await connection.execute("SELECT clock_timestamp()")
            accounts = {row[0]: encoding.account(row) for row in await rows.fetchall()}
            now = await clock.fetchone()
        assert now is not None  # noqa: S101  a SELECT without FROM has one row
        return batches.decide([movement], accounts, {}, now[0]).outcomes[0]

    async def _owned(
        self, movements: Sequence[Movement], fence: Fence
    ) -> tuple[Batch, Iterable[Account]]:
        """Commit an owner's batch by locking and reading first."""
        batch, read = await self._repeat(movements, fence, batches.decide)
        return batch, read.accounts.values()

    async def _repeat(
        self,
        movements: Sequence[Movement],
        fence: Fence | None,
        decide: Callable[..., Batch],
    ) -> tuple[Batch, Read]:
        """Run the transaction, again where another one only happened to be in the way."""
        for _ in range(ATTEMPTS_MAX):
            async with self._pool.connection() as connection:
                try:
                    return await self._transact(connection, movements, fence, decide)
                except Fenced:
                    await _roll_back(connection)
                    raise
                except (psycopg.Error, failures.ConnectionLost) as error:
                    await _roll_back(connection)
                    if not failures.is_repeatable(error):
                        raise StoreUnavailable from error
        raise StoreUnavailable

    async def _transact(
        self,
        connection: AsyncConnection,
        movements: Sequence[Movement],
        fence: Fence | None,
        decide: Callable[..., Batch],
    ) -> tuple[Batch, Read]:
        """Run one batch in one transaction.

        Raises:
            Fenced: If a slot has another epoch by now.
            ConnectionLost: If the server went away before COMMIT was sent.
            OutcomeUnknown: If it went away afterwards.
            psycopg.Error: Otherwise; nothing was written.
        """
        writing = False
        try:
            async with connection.pipeline() as pipeline:
                read = await _lock_and_read(connection, pipeline, movements, fence)
                self._clock.hear(read.now)
                seen = batch_json.seen(read.accounts.values())
                batch = decide(movements, read.accounts, read.kept, read.now)
                writing = batch.writes
                if writing:
                    rows = batch_json.parameters(batch, seen, read.now, None)
                    await connection.execute(statements.POST_BATCH, _texts(rows))
                # Not ROLLBACK: psycopg would forget every prepared statement.
                await connection.execute(b"COMMIT")
        except psycopg.OperationalError as error:
            if not failures.lost(error):
                raise
            raise (OutcomeUnknown if writing else failures.ConnectionLost) from error
        return batch, read


@dataclass(frozen=True, slots=True)
class Read:
    """What a transaction has locked and read: accounts, answers already given, and the time."""

    accounts: dict[UUID, Account]
    kept: dict[tuple[UUID, str], KeptAnswer]
    now: datetime


async def _lock_and_read(
    connection: AsyncConnection,
    pipeline: AsyncPipeline,
    movements: Sequence[Movement],
    fence: Fence | None,
) -> Read:
    """Open the transaction, take the locks, and read what the rules need.

    The sync ends the first round trip; fetching without one would cost another.
    """
    await connection.execute(b"BEGIN")
    fenced = None if fence is None else await _fence(connection, fence)
    locked = await connection.execute(statements.LOCK_ACCOUNTS, (_account_ids(movements),))
    kept = await connection.execute(statements.KEPT, encoding.keys_asked(movements))
    await pipeline.sync()
    if fenced is not None and fence is not None:
        still_mine = await fenced.fetchone()
        if still_mine is None or still_mine[0] != len(fence.epochs):
            raise Fenced
    accounts = {row[0]: encoding.account(row) for row in await locked.fetchall()}
    answers = await kept.fetchall()
    known = {
        (row[1], row[2]): encoding.kept_answer(row[1:]) for row in answers if row[3] is not None
    }
    return Read(accounts, known, answers[0][0])


async def _fence(connection: AsyncConnection, fence: Fence) -> AsyncCursor:
    """Ask how many slots are still ours, and keep them so until the transaction ends."""
    epochs = fence.epochs
    return await connection.execute(
        statements.FENCE, (encoding.numbers(epochs), encoding.numbers(epochs.values()))
    )


def _texts(parameters: batch_json.Parameters) -> list[str | None]:
    """Return *parameters* for psycopg, to which bytes would be a bytea."""
    return [None if each is None else each.decode() for each in parameters]


def _account_ids(movements: Sequence[Movement]) -> str:
    """Return both sides of every movement, each once."""
    wanted = {movement.source_id for movement in movements}
    wanted.update(movement.destination_id for movement in movements)
    return encoding.ids(wanted)


async def _roll_back(connection: AsyncConnection) -> None:
    """End a failed transaction; a lost connection has none."""
    with suppress(psycopg.OperationalError):
        await connection.execute(b"ROLLBACK")
