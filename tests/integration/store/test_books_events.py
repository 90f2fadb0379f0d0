"""Events, and what consumers did with them, without Kafka: what is broken is named."""

from __future__ import annotations

import asyncio

import psycopg
import pytest

from actors.store import books
from actors.store.books.events_checks import RECEIPTS_DAYS
from actors.store.consumed import DAYS_KEPT
from serve_app.cli.main import run
from tests.fixtures.ledger import a_bank, a_movement

TOLD = """
INSERT INTO notifications (user_id, number, id, event_id, kind, title, body, data, created_at)
SELECT aggregateid, seq, gen_random_uuid(), id, 'transfer.sent', '', '', '{}', occurred_at
FROM outbox;
INSERT INTO consumed_events (consumer, event_id) SELECT 'notifier', id FROM outbox;
INSERT INTO notification_deliveries (id, event_id, workflow, subscriber_id, payload, expires_at)
SELECT gen_random_uuid(), id, 'transfer-sent', aggregateid, '{}', now() FROM outbox;
INSERT INTO users (id, email_index, kek_id, data_key, email_sealed, full_name_sealed)
VALUES (gen_random_uuid(), sha256(''), '', '', '', '');
INSERT INTO webhooks (id, owner_id, url, event_types, secret_sealed)
SELECT gen_random_uuid(), id, '', '{}', '' FROM users;
INSERT INTO consumed_events (consumer, event_id) SELECT 'webhooks', id FROM outbox;
INSERT INTO webhook_deliveries (id, webhook_id, event_id, event_type, body)
SELECT gen_random_uuid(), webhooks.id, outbox.id, '', '' FROM webhooks, outbox;
UPDATE event_cursors SET xid = pg_current_xact_id(), seq = 0;
UPDATE consumed_events SET consumed_at = consumed_at - interval '1 hour';
"""
"""As consumers leave it, in short; the first note is older than every event."""

BREAKAGES = {
    "a row twice": (
        """
        INSERT INTO outbox (id, slot, aggregatetype, aggregateid, type, payload)
        SELECT id, slot, aggregatetype, aggregateid, type, payload FROM outbox LIMIT 1
        """,
        {"I10 event-has-one-row"},
    ),
    "somebody notified twice": (
        """
        INSERT INTO notifications SELECT user_id, number + 1000, gen_random_uuid(), event_id, kind,
        title, body, data, created_at FROM notifications LIMIT 1
        """,
        {"I12 one-notification-each"},
    ),
    "a mail delivered twice": (
        """
        ALTER TABLE notification_deliveries DROP CONSTRAINT uq_notification_deliveries_once;
        INSERT INTO notification_deliveries (id, event_id, workflow, subscriber_id, payload,
        expires_at) SELECT gen_random_uuid(), event_id, workflow, subscriber_id, payload, now()
        FROM notification_deliveries LIMIT 1
        """,
        {"I12 one-delivery-each"},
    ),
    "a webhook called twice": (
        """
        ALTER TABLE webhook_deliveries DROP CONSTRAINT uq_webhook_deliveries_once;
        INSERT INTO webhook_deliveries (id, webhook_id, event_id, event_type, body)
        SELECT gen_random_uuid(), webhook_id, event_id, '', '' FROM webhook_deliveries LIMIT 1
        """,
        {"I12 one-delivery-each"},
    ),
    "a notification that nobody remembers": (
        """
        DELETE FROM consumed_events WHERE consumer = 'notifier' AND event_id =
        (SELECT id FROM outbox WHERE type LIKE '%account.opened%' LIMIT 1)
        """,
        {"I12 effect-has-receipt"},
    ),
    "a call of a webhook that nobody remembers": (
        """
        DELETE FROM consumed_events WHERE consumer = 'webhooks' AND event_id =
        (SELECT id FROM outbox LIMIT 1)
        """,
        {"I12 effect-has-receipt"},
    ),
    "a notification of nothing": (
        """
        WITH nothing AS (INSERT INTO consumed_events VALUES ('notifier', gen_random_uuid())
        RETURNING event_id)
        INSERT INTO notifications SELECT user_id, number + 1000, gen_random_uuid(),
        nothing.event_id, kind, title, body, data, now() FROM notifications, nothing LIMIT 1
        """,
        {"I12 notification-has-event"},
    ),
    "an event that was passed over": (
        """
        WITH gone AS (DELETE FROM consumed_events WHERE consumer = 'notifier' AND event_id =
        (SELECT id FROM outbox WHERE type LIKE '%transfer.posted%' LIMIT 1) RETURNING event_id)
        DELETE FROM notifications USING gone WHERE notifications.event_id = gone.event_id
        """,
        {"I12 event-is-consumed"},
    ),
}
HARMLESS = {
    "an old notification whose note was swept": """
        DELETE FROM consumed_events WHERE event_id = (SELECT id FROM outbox WHERE type LIKE
        '%account.opened%' LIMIT 1);
        UPDATE notifications SET created_at = now() - interval '40 days' WHERE event_id NOT IN
        (SELECT event_id FROM consumed_events);
        UPDATE webhook_deliveries SET created_at = now() - interval '40 days' WHERE event_id NOT IN
        (SELECT event_id FROM consumed_events)
        """,
    "an event that became a dead letter": """
        WITH gone AS (DELETE FROM consumed_events WHERE consumer = 'notifier' AND event_id =
        (SELECT id FROM outbox WHERE type LIKE '%transfer.posted%' LIMIT 1) RETURNING event_id),
        letter AS (INSERT INTO dead_letters (consumer, event_id, topic, partition, record_offset,
        timestamp_ms, headers, reason, detail, attempts) SELECT 'notifier', event_id, '', 0, 0, 0,
        '[]', '', '', 1
        FROM gone)
        DELETE FROM notifications USING gone WHERE notifications.event_id = gone.event_id
        """,
}


async def _pay(dsn):
    async with a_bank(dsn) as bank:
        ada, bob = await bank.wallet(1_000), await bank.wallet()
        await bank.post(a_movement(ada, bob, 10), a_movement(bob, ada, 9_999))


@pytest.fixture
def owner(database):
    """Yield a connection to a bank whose consumers have done everything."""
    asyncio.run(_pay(database.app_dsn))
    with psycopg.connect(database.owner_dsn, autocommit=True) as owner:
        owner.execute(TOLD)
        yield owner


def verify(database):
    """Return the report."""
    return books.verify_events(database.owner_dsn, None, progress=lambda _title, _part: None)


def rules(report):
    return {f"{finding.invariant} {finding.rule}" for finding in report.findings}


@pytest.mark.usefixtures("owner")
def test_what_was_done_once_is_right(database):
    report = verify(database)

    assert (report.findings, report.discrepancies) == ((), 0)
    assert (report.events, report.notifications, report.deliveries) == (5, 5, 10)
    assert report.on_their_way == {"notifier": 0, "webhooks": 0}
    assert (report.records, report.records_again) == (None, None)


@pytest.mark.parametrize(("statement", "expected"), BREAKAGES.values(), ids=BREAKAGES)
def test_what_was_done_wrongly_is_named(database, owner, statement, expected):
    owner.execute(statement)

    report = verify(database)

    assert rules(report) == expected
    assert report.discrepancies == len(report.findings) == 1


@pytest.mark.parametrize("statement", HARMLESS.values(), ids=HARMLESS)
def test_what_may_be_is_no_finding(database, owner, statement):
    owner.execute(statement)

    assert verify(database).findings == ()


@pytest.mark.usefixtures("owner")
def test_what_is_beyond_a_cursor_is_on_its_way(database):
    asyncio.run(_pay(database.app_dsn))

    report = verify(database)

    assert report.findings == ()
    assert report.on_their_way == {"notifier": 5, "webhooks": 5}


@pytest.mark.usefixtures("owner")
def test_the_application_login_may_look_too(database):
    report = books.verify_events(database.app_dsn, None, progress=lambda _title, _part: None)

    assert report.findings == ()


def test_the_verb_names_what_is_wrong(database, owner, capsys):
    owner.execute(BREAKAGES["somebody notified twice"][0])

    code = run(["verify", "--events", "--postgres-url", database.owner_dsn])
    said = capsys.readouterr().out

    assert code == 1
    assert "I12 one-notification-each: event " in said
    assert "on their way: notifier" in said
    assert "none here" in said


def test_a_database_without_events_is_one_sentence(empty_database):
    with pytest.raises(books.SchemaMissing):
        verify(empty_database)


def test_notes_are_asked_for_no_longer_than_they_are_kept():
    assert RECEIPTS_DAYS < DAYS_KEPT
