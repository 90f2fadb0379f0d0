"""``gopherpay verify --events``: the outbox, Kafka and what consumers did, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

from actors.messaging.audit import KafkaAudit
from actors.messaging.connection import KafkaUnusable
from actors.ports.events import SourceUnavailable
from actors.store import books
from serve_app.cli.verifying import NotVerifiable, explained, print_findings, progress
from serve_app.embedded.data_folder import find_running
from serve_app.embedded.kafka_bus import with_embedded_kafka
from serve_app.kafka import kafka_connection

if TYPE_CHECKING:
    from rich.console import Console

    from actors.ports.audit import RecordAudit
    from actors.settings import Settings
    from actors.store.books import EventsReport
    from serve_app.cli.terminal import Terminal


def kafka_audit(settings: Settings) -> KafkaAudit | None:
    """Return what reads Kafka: the one that is set, else that of the running platform.

    Raises:
        NotVerifiable: If the settings do not go together.
    """
    if settings.kafka_bootstrap_servers is None and settings.postgres_url is None:
        running = find_running(settings.data_dir)
        if running is not None and running.kafka_bootstrap_servers is not None:
            settings = with_embedded_kafka(settings, running.kafka_bootstrap_servers)
    try:
        connection = kafka_connection(settings)
    except KafkaUnusable as error:
        raise NotVerifiable(str(error)) from error
    if connection is None:
        return None
    return KafkaAudit(connection, topic_prefix=settings.kafka_topic_prefix)


def proved_events(dsn: str, audit: RecordAudit | None, shown: Terminal) -> EventsReport:
    """Return what the comparison finds.

    Raises:
        NotVerifiable: If the database or Kafka does not answer, or knows no events.
    """
    try:
        with explained(), progress(shown.err) as told:
            return books.verify_events(dsn, audit, progress=told)
    except KafkaUnusable as error:
        raise NotVerifiable(str(error)) from error
    except SourceUnavailable as error:
        raise NotVerifiable(f"Kafka stopped answering: {error}.") from error
    except books.NoTemporaryTables as error:
        raise NotVerifiable(
            "This login may not make temporary tables, which the comparison with Kafka needs; "
            "use the owner's."
        ) from error


def print_events(report: EventsReport, console: Console) -> None:
    """Print the findings, if there are any, and a short table."""
    print_findings(report, console)
    console.print(_table(report))


def _table(report: EventsReport) -> Table:
    table = Table(title="The events are right" if report.is_clean else "The events are WRONG")
    table.add_column("what")
    table.add_column("found", justify="right")
    for name, count in _counts(report).items():
        table.add_row(name, "none here" if count is None else f"{count:,}")
    return table


def _counts(report: EventsReport) -> dict[str, int | None]:
    """Return what there is of each thing; None for Kafka where there is none."""
    on_their_way = {
        f"on their way: {reader}": count for reader, count in report.on_their_way.items()
    }
    return {
        "events kept": report.events,
        **on_their_way,
        "parked": report.parked,
        "records in Kafka": report.records,
        "records that came again": report.records_again,
        "notifications": report.notifications,
        "deliveries": report.deliveries,
        "discrepancies": report.discrepancies,
        "milliseconds": report.duration_ms,
    }
