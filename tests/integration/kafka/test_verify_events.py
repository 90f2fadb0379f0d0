"""``gopherpay verify --events`` names whatever is wrong between the outbox and a real Kafka."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from uuid import UUID, uuid4

import psycopg
import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from actors.domain.events import rfc3339
from actors.messaging import envelope
from actors.messaging.audit import KafkaAudit
from actors.messaging.relay import READER
from actors.messaging.topics import ensure_topics, topic_names
from actors.ports.events import StoredEvent
from actors.store import books
from actors.store.books.events import RELAY
from serve_app.cli.main import run
from tests.fixtures.ledger import a_bank, a_movement, verified

pytestmark = [pytest.mark.timeout(300), pytest.mark.xdist_group("kafka")]

SOURCE = "https://gopherpay.test"
ROWS = """
SELECT xid::text::bigint, seq, slot & 7, id::text, type, aggregatetype, aggregateid::text,
    occurred_at, payload::text, trace_parent FROM outbox ORDER BY xid, seq
"""
PASSED = """
INSERT INTO event_cursors (reader, lane, xid, seq)
SELECT 'relay', lane, pg_current_xact_id(), 0 FROM generate_series(0, 7) AS lane
ON CONFLICT (reader, lane) DO UPDATE SET xid = excluded.xid
"""
PAYMENTS = 5


async def _pay(dsn):
    async with a_bank(dsn) as bank:
        ada, bob = await bank.wallet(1_000), await bank.wallet()
        for _ in range(PAYMENTS):
            await bank.post(a_movement(ada, bob, 10))
        await bank.post(a_movement(bob, ada, 9_999))


class Scene:
    """A bank that was told of, and the topics it is told to."""

    def __init__(self, database, kafka, prefix):
        self.dsn, self.kafka, self.prefix = database.owner_dsn, kafka, prefix
        asyncio.run(_pay(database.app_dsn))
        ensure_topics(kafka.connection, list(topic_names(prefix)), partitions=2, replication=1)

    def execute(self, statement, *values):
        """Run a statement as the owner; return its rows, if it has some."""
        with psycopg.connect(self.dsn, autocommit=True) as owner:
            cursor = owner.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []

    def records(self):
        """Return a record for every row of the outbox, in order."""
        rows = (
            StoredEvent(*row[:7], rfc3339(row[7]), row[8].encode(), row[9])
            for row in self.execute(ROWS)
        )
        return [envelope.record(row, topic_prefix=self.prefix, source=SOURCE) for row in rows]

    def send(self, records):
        """Send *records* as the relay does, and wait until they are there."""
        refused = []
        producer = Producer(self.kafka.connection.producer())
        for each in records:
            producer.produce(
                each.topic,
                key=each.key,
                value=each.value,
                headers=list(each.headers),
                timestamp=each.timestamp_ms,
                on_delivery=lambda error, _: refused.append(error) if error else None,
            )
        assert producer.flush(60) == 0
        assert refused == []

    def relay_all(self, change=lambda records: records):
        """Send every row, changed, and move the relay's cursor past them."""
        self.send(change(self.records()))
        self.execute(PASSED)

    def verify(self):
        """Return the report."""
        audit = KafkaAudit(self.kafka.connection, topic_prefix=self.prefix)
        return books.verify_events(self.dsn, audit, progress=lambda _title, _part: None)


@pytest.fixture
def scene(database, kafka, topic_prefix):
    return Scene(database, kafka, topic_prefix)


def rules(report):
    return sorted({f"{finding.invariant} {finding.rule}" for finding in report.findings})


def payments(records):
    """Return the places of the payments among *records*."""
    return [at for at, each in enumerate(records) if b'"kind":"transfer"' in each.value][:PAYMENTS]


def with_header(record, name, value):
    headers = [(key, value if key == name else old) for key, old in record.headers]
    return replace(record, headers=headers)


def lost(records):
    return [each for at, each in enumerate(records) if at != payments(records)[2]]


def swapped(records):
    first, second, *_ = payments(records)
    records[first], records[second] = records[second], records[first]
    return records


def unknown(records):
    stranger = with_header(records[-1], "ce_id", str(uuid4()).encode())
    return [*records, stranger]


def garbage(records):
    return [*records, replace(records[-1], value=b"{")]


def richer(records):
    at = payments(records)[0]
    value = records[at].value.replace(b'"amount_minor":10,', b'"amount_minor":99,')
    return [*records[:at], replace(records[at], value=value), *records[at + 1 :]]


def misdirected(records):
    at = payments(records)[0]
    records[at] = replace(records[at], topic=records[at].topic.replace(".account.", ".user."))
    return records


BREAKAGES = {
    "a lost record": (lost, ["I10 row-is-relayed"]),
    "two events the wrong way round": (swapped, ["I11 records-follow-versions"]),
    "a record of no row": (unknown, ["I10 record-has-row"]),
    "a record that is no event": (garbage, ["I10 record-is-event"]),
    "a record that tells another amount": (richer, ["I10 record-tells-its-row"]),
    "a record in the wrong topic": (misdirected, ["I10 record-tells-its-row"]),
}


def test_what_was_relayed_in_order_is_right(scene):
    scene.relay_all()

    report = scene.verify()

    assert (report.findings, report.discrepancies) == ((), 0)
    assert report.events == report.records == PAYMENTS + 4
    assert (report.on_their_way, report.records_again) == ({"relay": 0}, 0)


@pytest.mark.parametrize(("change", "expected"), BREAKAGES.values(), ids=BREAKAGES)
def test_what_is_wrong_in_kafka_is_named(scene, change, expected):
    scene.relay_all(change)

    report = scene.verify()

    assert rules(report) == expected
    assert report.discrepancies == len(report.findings) == 1
    assert all(finding.subject and finding.found != finding.expected for finding in report.findings)


def test_a_record_that_comes_again_is_counted_and_no_finding(scene):
    scene.relay_all(lambda records: records + records[3:6] + records)

    report = scene.verify()

    assert report.findings == ()
    assert report.records_again == report.events + 3


def test_a_row_that_was_removed_is_named_by_its_record_and_by_the_books(scene):
    scene.relay_all()
    paid = scene.execute("SELECT id::text FROM outbox WHERE type LIKE '%transfer.posted%'")[0][0]
    scene.execute("DELETE FROM outbox WHERE id = %s", UUID(paid))

    report = scene.verify()

    assert rules(report) == ["I10 record-has-row"]
    assert paid in report.findings[0].subject
    assert rules(verified(scene.dsn)) == ["I10 transfer-has-event"]


def test_what_the_relay_has_not_reached_is_on_its_way_and_not_lost(scene):
    scene.relay_all()
    asyncio.run(_pay(scene.dsn))

    report = scene.verify()

    assert report.findings == ()
    assert report.on_their_way == {"relay": PAYMENTS + 4}
    assert report.events == 2 * (PAYMENTS + 4)


def test_before_the_relay_has_ever_run_everything_is_on_its_way(scene):
    report = scene.verify()

    assert report.findings == ()
    assert report.on_their_way == {"relay": PAYMENTS + 4}
    assert report.records == 0


def test_a_parked_event_is_not_lost(scene):
    scene.relay_all(lost)
    (missing,) = {each.offset for each in scene.records()} - {
        each.offset for each in lost(scene.records())
    }
    scene.execute(
        "INSERT INTO parked_events (reader, seq, xid, lane, subject_id, occurred_at, error,"
        " next_attempt_at) SELECT 'relay', seq, xid, slot & 7, aggregateid, occurred_at, '',"
        " now() FROM outbox WHERE seq = %s",
        missing,
    )

    report = scene.verify()

    assert (report.findings, report.parked) == ((), 1)


def test_what_a_topic_has_forgotten_is_not_asked_for(scene):
    scene.relay_all()
    admin = AdminClient(scene.kafka.connection.admin())
    topic = topic_names(scene.prefix).account
    ends = [TopicPartition(topic, number, -1) for number in range(2)]
    for answer in admin.delete_records(ends, request_timeout=30).values():
        answer.result()
    asyncio.run(_pay(scene.dsn))
    scene.send(scene.records()[PAYMENTS + 4 :])
    scene.execute(PASSED)

    report = scene.verify()

    assert report.findings == ()
    assert report.records == PAYMENTS + 4


@pytest.fixture
def verb(scene, monkeypatch):
    """Return the verb with the settings of the scene."""
    monkeypatch.setenv("GOPHERPAY_KAFKA_BOOTSTRAP_SERVERS", scene.kafka.bootstrap_servers)
    monkeypatch.setenv("GOPHERPAY_KAFKA_TOPIC_PREFIX", scene.prefix)
    return lambda *options: run(["verify", "--events", "--postgres-url", scene.dsn, *options])


def test_the_verb_prints_a_table_and_names_what_is_wrong(scene, verb, capsys):
    scene.relay_all(lost)

    code = verb()
    said = capsys.readouterr().out

    assert code == 1
    assert "I10 row-is-relayed: event " in said
    assert "The books are right" in said
    assert "The events are WRONG" in said


def test_a_script_reads_both_reports_as_json(scene, verb, capsys):
    scene.relay_all()

    code = verb("--json")
    told = json.loads(capsys.readouterr().out)

    assert code == 0
    assert (told["discrepancies"], told["events"]["discrepancies"]) == (0, 0)
    assert told["events"]["records"] == PAYMENTS + 4


def test_a_kafka_that_is_not_there_is_one_sentence(scene, monkeypatch, capsys):
    monkeypatch.setenv("GOPHERPAY_KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")

    code = run(["verify", "--events", "--postgres-url", scene.dsn])

    assert code == 1
    assert "127.0.0.1:1" in capsys.readouterr().err.splitlines()[-1]


def test_the_reader_whose_cursor_is_looked_at_is_the_relay():
    assert RELAY == READER
