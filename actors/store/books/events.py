"""Lay the outbox, Kafka and what consumers have done beside each other."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import psycopg
from psycopg import errors as postgres

from actors.domain.errors import StoreUnavailable
from actors.store.books.events_checks import CHECKS, KAFKA_CHECKS
from actors.store.books.report import Finding
from actors.store.books.verification import FINDINGS_MAX, LIMITS, SchemaMissing, broken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from actors.ports.audit import AuditedRecord, RecordAudit
    from actors.store.books.checks import Check

    Progress = Callable[[str, float], None]

READERS: Final = ("notifier", "webhooks")
"""Of the outbox, where there is no Kafka; else only the relay reads it."""
RELAY: Final = "relay"

LINES_AT_ONCE: Final = 10_000
READING: Final = 0.5
"""The part of the whole that reading Kafka is taken to be."""

BEFORE_KAFKA: Final = (
    "CREATE TEMPORARY TABLE audited_cursors AS SELECT reader, lane, xid, seq FROM event_cursors",
    "CREATE TEMPORARY TABLE audited_parked AS SELECT reader, seq FROM parked_events",
    "CREATE TEMPORARY TABLE audited_topics (since timestamptz NOT NULL)",
    """
    CREATE TEMPORARY TABLE audited_records (topic text, part integer, place bigint, event_id uuid,
        subject_id uuid, type text, at timestamptz, version bigint, digest text, trouble text)
    """,
)
"""In one snapshot: what the relay has passed then was in Kafka before it is read."""

COPY: Final = "COPY audited_records FROM STDIN"
KEPT_SINCE: Final = "INSERT INTO audited_topics VALUES (coalesce(%s, '-infinity'::timestamptz))"

TOTALS: Final = """
SELECT clock_timestamp(), (SELECT count(*) FROM outbox), (SELECT count(*) FROM parked_events),
    (SELECT count(*) FROM notifications),
    (SELECT count(*) FROM notification_deliveries) + (SELECT count(*) FROM webhook_deliveries)
"""

ON_THEIR_WAY: Final = """
SELECT reader, count(o.seq)
FROM unnest(%s::text[]) AS reader
CROSS JOIN generate_series(0, 7) AS lane
LEFT JOIN event_cursors c USING (reader, lane)
LEFT JOIN outbox o ON (o.slot & 7) = lane
    AND (o.xid, o.seq) > (coalesce(c.xid, '0'), coalesce(c.seq, 0))
GROUP BY reader
"""

RECORDS: Final = "SELECT count(*), count(event_id) - count(DISTINCT event_id) FROM audited_records"


class NoTemporaryTables(Exception):
    """This login may not make temporary tables, which a comparison with Kafka needs."""


@dataclass(frozen=True, slots=True)
class EventsReport:
    """The events of one moment.

    Attributes:
        verified_at: The database's time of the snapshot.
        events: Rows of the outbox, of the days that are kept.
        on_their_way: How many of them each reader has not passed yet.
        parked: Events that are kept back, since one of their subject cannot be sent.
        records: In Kafka; None where there is none.
        records_again: Those of them that came again, as they may.
        deliveries: To Novu and to webhooks, as far as they are remembered.
        discrepancies: How many there are; *findings* names the first of them.
    """

    verified_at: datetime
    events: int
    on_their_way: Mapping[str, int]
    parked: int
    records: int | None
    records_again: int | None
    notifications: int
    deliveries: int
    discrepancies: int
    findings: tuple[Finding, ...]
    duration_ms: int

    @property
    def is_clean(self) -> bool:
        """Tell whether nothing is wrong."""
        return self.discrepancies == 0

    def facts(self) -> dict[str, Any]:
        """Return everything as values that JSON knows."""
        return {**asdict(self), "verified_at": self.verified_at.isoformat()}


def verify_events(
    dsn: str,
    audit: RecordAudit | None,
    *,
    progress: Progress,
    findings_max: int = FINDINGS_MAX,
) -> EventsReport:
    """Prove what holds of the events of *dsn*, and change nothing.

    Args:
        dsn: A login that may read; with *audit* it may make temporary tables, too.
        audit: What is in Kafka; None where the outbox itself is the bus.
        progress: Told what is done now, and which part of the whole is done (0 to 1).
        findings_max: How many discrepancies to name; all are counted.

    Raises:
        StoreUnavailable: If the database does not answer.
        SchemaMissing: If it knows no events.
        NoTemporaryTables: As its name says.
        SourceUnavailable: If Kafka does not answer.
    """
    began = time.monotonic()
    try:
        with psycopg.connect(dsn, connect_timeout=10, application_name="gopherpay verify") as books:
            books.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            if audit is not None:
                _take_down(books, audit, progress)
            books.read_only = True
            return _verified(books, audit is not None, progress, findings_max, began)
    except postgres.UndefinedTable as error:
        raise SchemaMissing from error
    except postgres.InsufficientPrivilege as error:
        raise NoTemporaryTables from error
    except psycopg.OperationalError as error:
        raise StoreUnavailable from error


def _take_down(books: psycopg.Connection[Any], audit: RecordAudit, progress: Progress) -> None:
    """Write down where the readers are, and then everything that is in Kafka."""
    progress("looking where the relay is", 0.0)
    for statement in BEFORE_KAFKA:
        books.execute(statement.encode())
    books.commit()
    books.execute(LIMITS)
    with books.cursor() as cursor, cursor.copy(COPY.encode()) as copy:
        for lines in _lines(audit.records(), progress):
            copy.write(lines)
    books.execute(KEPT_SINCE.encode(), (audit.kept_since,))
    books.execute(b"ANALYZE audited_records")
    books.commit()


def _lines(records: Iterator[AuditedRecord], progress: Progress) -> Iterator[str]:
    """Yield *records* as lines of COPY, some thousand at once.

    They are ids, numbers and names of our own alphabets, so nothing needs escaping.
    """
    lines: list[str] = []
    for count, record in enumerate(records, 1):
        lines.append("\t".join("\\N" if each is None else str(each) for each in record))
        if len(lines) == LINES_AT_ONCE:
            progress(f"reading Kafka: {count:,} records", READING / 2)
            yield "\n".join([*lines, ""])
            lines.clear()
    yield "".join(f"{line}\n" for line in lines)


def _verified(
    books: psycopg.Connection[Any],
    has_kafka: bool,  # noqa: FBT001  a step of one function, not its face
    progress: Progress,
    findings_max: int,
    began: float,
) -> EventsReport:
    """Return the report of a new snapshot."""
    books.execute(LIMITS)
    progress("counting", READING)
    [(verified_at, events, parked, notifications, deliveries)] = books.execute(TOTALS)
    readers = [RELAY] if has_kafka else list(READERS)
    on_their_way = {
        str(name): int(count) for name, count in books.execute(ON_THEIR_WAY, (readers,))
    }
    [(records, again)] = books.execute(RECORDS) if has_kafka else [(None, None)]
    checks = (*CHECKS, *KAFKA_CHECKS) if has_kafka else CHECKS
    findings, discrepancies = _findings(books, checks, progress, findings_max)
    return EventsReport(
        verified_at=verified_at,
        events=events,
        on_their_way=on_their_way,
        parked=parked,
        records=records,
        records_again=again,
        notifications=notifications,
        deliveries=deliveries,
        discrepancies=discrepancies,
        findings=findings,
        duration_ms=round((time.monotonic() - began) * 1000),
    )


def _findings(
    books: psycopg.Connection[Any], checks: Sequence[Check], progress: Progress, findings_max: int
) -> tuple[tuple[Finding, ...], int]:
    """Return the first findings of all *checks*, and how many there are."""
    findings: list[Finding] = []
    discrepancies = 0
    for number, check in enumerate(checks):
        progress(check.title, READING + (1 - READING) * number / len(checks))
        found, count = broken(books, check, findings_max - len(findings))
        findings += found
        discrepancies += count
    progress("done", 1.0)
    return tuple(findings), discrepancies
