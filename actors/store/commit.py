"""The one way money is written: a batch of movements in one transaction.

Two round trips, whatever the size of the batch.
The first fences, locks and reads; the pure rules decide; the second writes and commits.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

import psycopg
from psycopg import errors as postgres

from actors.domain import batches
from actors.domain.errors import OutcomeUnknown, StoreUnavailable
from actors.ports import Fenced
from actors.store import encoding, statements
from actors.store.pool import Pool, lost

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from psycopg import AsyncConnection, AsyncCursor, AsyncPipeline

    from actors.domain.batches import Batch
    from actors.domain.transfers import Movement, Outcome
    from actors.ports import Fence

ATTEMPTS_MAX: Final = 4


class ConnectionLost(Exception):
    """The server went away before it was asked to write."""


REPEATABLE: Final = (
    postgres.UniqueViolation,  # a twin took the key on other accounts: it will be seen now
    postgres.DeadlockDetected,
    postgres.SerializationFailure,
    ConnectionLost,  # before anything was written: another connection may do
)


class PostgresLedger:
    """``actors.ports.Ledger`` on Postgres."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def commit(self, movements: Sequence[Movement], *, fence: Fence | None) -> list[Outcome]:
        """Post *movements* in order in one transaction; see ``actors.ports.Ledger``."""
        return await self._repeat(movements, fence, batches.decide)

    async def commit_all_or_none(self, movements: Sequence[Movement]) -> list[Outcome]:
        """Post all of *movements*, or none; see ``actors.ports.Ledger``."""
        return await self._repeat(movements, None, batches.decide_all_or_none)

    async def rehearse(self, movement: Movement) -> Outcome:
        """Return what ``commit`` would answer now, without a lock and without a trace."""
        async with self._pool.connection() as connection, connection.pipeline():
            rows = await connection.execute(statements.READ_ACCOUNTS, (_account_ids([movement]),))
            clock = await connection.execute("SELECT clock_timestamp()")
            accounts = {row[0]: encoding.account(row) for row in await rows.fetchall()}
            now = await clock.fetchone()
        assert now is not None  # noqa: S101  a SELECT without FROM has one row
        return batches.decide([movement], accounts, {}, now[0]).outcomes[0]

    async def _repeat(
        self,
        movements: Sequence[Movement],
        fence: Fence | None,
        decide: Callable[..., Batch],
    ) -> list[Outcome]:
        """Run the transaction, again where another one only happened to be in the way."""
        for _ in range(ATTEMPTS_MAX):
            async with self._pool.connection() as connection:
                try:
                    return await _transact(connection, movements, fence, decide)
                except REPEATABLE:
                    await _roll_back(connection)
                except Fenced:
                    await _roll_back(connection)
                    raise
                except psycopg.Error as error:
                    await _roll_back(connection)
                    raise StoreUnavailable from error
        raise StoreUnavailable


async def _transact(
    connection: AsyncConnection,
    movements: Sequence[Movement],
    fence: Fence | None,
    decide: Callable[..., Batch],
) -> list[Outcome]:
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
            batch = await _lock_and_decide(connection, pipeline, movements, fence, decide)
            writing = batch.writes
            if writing:
                await _write(connection, batch)
            else:  # not ROLLBACK: psycopg would forget every prepared statement
                await connection.execute(b"COMMIT")
    except psycopg.OperationalError as error:
        if not lost(error):
            raise
        raise (OutcomeUnknown if writing else ConnectionLost) from error
    return batch.outcomes


async def _lock_and_decide(
    connection: AsyncConnection,
    pipeline: AsyncPipeline,
    movements: Sequence[Movement],
    fence: Fence | None,
    decide: Callable[..., Batch],
) -> Batch:
    """Open the transaction, take the locks, and let the rules decide.

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
    return decide(movements, accounts, known, answers[0][0])


async def _fence(connection: AsyncConnection, fence: Fence) -> AsyncCursor:
    """Ask how many slots are still ours, and keep them so until the transaction ends."""
    epochs = fence.epochs
    return await connection.execute(
        statements.FENCE, (encoding.numbers(epochs), encoding.numbers(epochs.values()))
    )


async def _write(connection: AsyncConnection, batch: Batch) -> None:
    """Write the facts and commit; the end of the pipeline is the second round trip."""
    if batch.transfers:
        await connection.execute(statements.INSERT_TRANSFERS, encoding.transfers(batch))
        await connection.execute(statements.INSERT_POSTINGS, encoding.postings(batch))
        await connection.execute(statements.UPDATE_ACCOUNTS, encoding.balances(batch))
    await connection.execute(statements.INSERT_KEYS, encoding.keys(batch))
    await connection.execute(statements.INSERT_OUTBOX, encoding.outbox(batch.events))
    await connection.execute(b"COMMIT")


def _account_ids(movements: Sequence[Movement]) -> str:
    """Return both sides of every movement, each once."""
    wanted = {movement.source_id for movement in movements}
    wanted.update(movement.destination_id for movement in movements)
    return encoding.ids(wanted)


async def _roll_back(connection: AsyncConnection) -> None:
    """End a failed transaction; a lost connection has none."""
    with suppress(psycopg.OperationalError):
        await connection.execute(b"ROLLBACK")
