"""The outbox by day: old days are dropped whole, never deleted row by row."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from psycopg import sql

if TYPE_CHECKING:
    import psycopg

DAYS_AHEAD: Final = 14
"""How far partitions are made in advance; past them rows land in the default partition."""


def ensure_partitions(connection: psycopg.Connection, *, days_ahead: int = DAYS_AHEAD) -> int:
    """Make the partitions of today and the days ahead; return how many were missing."""
    row = connection.execute("SELECT (now() AT TIME ZONE 'utc')::date").fetchone()
    assert row is not None  # noqa: S101  a SELECT without FROM has one row
    missing = [
        day
        for day in (row[0] + timedelta(days=n) for n in range(-1, days_ahead + 1))
        if not _exists(connection, day)
    ]
    for day in missing:
        with connection.transaction():
            connection.execute(_create(day))
    connection.commit()
    return len(missing)


def _name(day: date) -> str:
    return f"outbox_{day:%Y%m%d}"


def _exists(connection: psycopg.Connection, day: date) -> bool:
    row = connection.execute("SELECT to_regclass(%s) IS NOT NULL", (_name(day),)).fetchone()
    return row is not None and bool(row[0])


def _create(day: date) -> sql.Composed:
    """Return the DDL of the partition of *day*, in UTC."""
    until = day + timedelta(days=1)
    return sql.SQL("CREATE TABLE {} PARTITION OF outbox FOR VALUES FROM ({}) TO ({})").format(
        sql.Identifier(_name(day)),
        sql.Literal(f"{day:%Y-%m-%d} 00:00:00+00"),
        sql.Literal(f"{until:%Y-%m-%d} 00:00:00+00"),
    )
