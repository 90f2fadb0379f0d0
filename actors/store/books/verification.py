"""Run every check in one snapshot, while the platform goes on working."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import psycopg
from psycopg import errors as postgres

from actors.domain.errors import StoreUnavailable
from actors.store.books.checks import CHECKS, Check
from actors.store.books.report import Finding, Report

if TYPE_CHECKING:
    from collections.abc import Callable

FINDINGS_MAX: Final = 100
"""More than a person reads; the number of all is reported too."""

LIMITS: Final = (
    "SELECT set_config('work_mem', '128MB', true), set_config('statement_timeout', '0', true),"
    " set_config('idle_in_transaction_session_timeout', '0', true)"
)

TOTALS: Final = """
SELECT clock_timestamp(), (SELECT count(*) FROM accounts), (SELECT count(*) FROM transfers),
       (SELECT count(*) FROM postings)
"""

SUMS: Final = """
SELECT a.currency, sum(p.total)
FROM (SELECT account_id, sum(amount_minor) AS total FROM postings GROUP BY account_id) p
JOIN accounts a ON a.id = p.account_id GROUP BY a.currency ORDER BY a.currency
"""


class SchemaMissing(Exception):
    """The database was not migrated, so there are no books in it."""


def verify(
    dsn: str, *, progress: Callable[[str, float], None], findings_max: int = FINDINGS_MAX
) -> Report:
    """Prove the invariants of the books of *dsn* in one snapshot, and change nothing.

    Args:
        dsn: A login that may read; the application's own will do.
        progress: Told what is proved now, and which part of the whole is done (0 to 1).
        findings_max: How many discrepancies to name; all are counted.

    Raises:
        StoreUnavailable: If the database does not answer.
        SchemaMissing: If it has no books.
    """
    try:
        with psycopg.connect(dsn, connect_timeout=10, application_name="gopherpay verify") as books:
            books.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            books.read_only = True
            return _verified(books, progress, findings_max)
    except postgres.UndefinedTable as error:
        raise SchemaMissing from error
    except psycopg.OperationalError as error:
        raise StoreUnavailable from error


def _verified(
    books: psycopg.Connection[Any], progress: Callable[[str, float], None], findings_max: int
) -> Report:
    """Return the report of the open snapshot."""
    began = time.monotonic()
    books.execute(LIMITS)
    progress("counting", 0.0)
    [(verified_at, accounts, transfers, postings)] = books.execute(TOTALS)
    sums = {str(code): int(total) for code, total in books.execute(SUMS)}
    findings: list[Finding] = []
    discrepancies = 0
    for number, check in enumerate(CHECKS):
        progress(check.title, number / len(CHECKS))
        found, count = broken(books, check, findings_max - len(findings))
        findings += found
        discrepancies += count
    progress("done", 1.0)
    return Report(
        verified_at=verified_at,
        accounts=accounts,
        transfers=transfers,
        postings=postings,
        currencies=sums,
        discrepancies=discrepancies,
        findings=tuple(findings),
        duration_ms=round((time.monotonic() - began) * 1000),
    )


def broken(books: psycopg.Connection[Any], check: Check, limit: int) -> tuple[list[Finding], int]:
    """Return the first *limit* findings of *check*, and how many there are."""
    # At least one row is needed: it carries the count.
    rows = books.execute(
        f"SELECT *, count(*) OVER () FROM ({check.statement}) AS broken"  # noqa: S608  a constant
        " ORDER BY subject LIMIT %s".encode(),
        (max(limit, 1),),
    ).fetchall()
    findings = [Finding(check.invariant, *row[:4]) for row in rows[: max(limit, 0)]]
    return findings, rows[0][4] if rows else 0
