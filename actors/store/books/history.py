"""What earlier verifications have said."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import TYPE_CHECKING, Final

import psycopg

from actors.domain.errors import StoreUnavailable
from actors.store.books.report import Finding, Report

if TYPE_CHECKING:
    from actors.store.pool import Pool

COLUMNS: Final = tuple(field.name for field in fields(Report))

KEEP: Final = (
    f"INSERT INTO book_verifications ({', '.join(COLUMNS)})"  # noqa: S608  constants
    f" VALUES ({', '.join(f'%({name})s' for name in COLUMNS)})"
)

LAST: Final = (
    f"SELECT {', '.join(COLUMNS)} FROM book_verifications"  # noqa: S608  constants
    " ORDER BY verified_at DESC, id DESC LIMIT 1"
)


def save(dsn: str, report: Report) -> None:
    """Keep *report* for those who ask for the last one.

    Raises:
        StoreUnavailable: If the database does not answer, or this login may not write.
    """
    facts = report.facts()
    facts["currencies"] = json.dumps(facts["currencies"])
    facts["findings"] = json.dumps(facts["findings"])
    try:
        with psycopg.connect(dsn, connect_timeout=10, application_name="gopherpay verify") as books:
            books.execute(KEEP.encode(), facts)
    except psycopg.Error as error:
        raise StoreUnavailable from error


class Verifications:
    """Reads of the verifications of one database."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def last(self) -> Report | None:
        """Return the newest report, None when the books were never verified.

        Raises:
            StoreUnavailable: If the database does not answer.
        """
        rows = await self._pool.rows(LAST)
        if not rows:
            return None
        facts = dict(zip(COLUMNS, rows[0], strict=True))
        facts["findings"] = tuple(Finding(**finding) for finding in facts["findings"])
        return Report(**facts)
