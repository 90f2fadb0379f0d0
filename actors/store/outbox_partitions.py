"""The outbox by day: old days are dropped whole, never deleted row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date

    import psycopg

    from actors.store.pool import Pool

DAYS_AHEAD: Final = 14
"""How far partitions are made in advance; past them rows land in the default partition."""

MAKE: Final = "SELECT make_outbox_days(%s)"
DROP: Final = "SELECT drop_outbox_day(%s::text[], %s)"
"""Functions of the owner (migration 0005): the application may do neither by itself."""


async def make_ahead(pool: Pool, *, days_ahead: int = DAYS_AHEAD) -> int:
    """Make the partitions of the coming days; return how many were missing.

    Raises:
        StoreUnavailable: If a partition could not be had at once, or the database does not answer.
    """
    ((made,),) = await pool.search(MAKE, (days_ahead,))
    return int(made)


async def drop_old(pool: Pool, readers: Collection[str], *, days_kept: int) -> list[date]:
    """Drop the days before the last *days_kept* that all of *readers* have read; return them.

    The oldest go first, and none younger than one that must stay: what is kept has no gap.

    Raises:
        StoreUnavailable: If a partition could not be had at once, or the database does not answer.
    """
    dropped: list[date] = []
    while True:
        ((day,),) = await pool.search(DROP, (list(readers), days_kept))
        if day is None:
            return dropped
        dropped.append(day)


def ensure_partitions(connection: psycopg.Connection, *, days_ahead: int = DAYS_AHEAD) -> int:
    """Make the partitions of today and the days ahead; return how many were missing."""
    row = connection.execute(MAKE.encode(), (days_ahead,)).fetchone()
    assert row is not None  # noqa: S101  a SELECT without FROM has one row
    connection.commit()
    return int(row[0])
