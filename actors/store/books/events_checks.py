"""What holds of events, each as one statement that returns what breaks it (see ``checks``).

Those about Kafka compare with ``audited_*``, temporary tables of the session: where the readers
were before Kafka was read, and what it held then.
"""

from __future__ import annotations

from typing import Final

from actors.store.books.checks import Check

RECEIPTS_DAYS: Final = 30
"""For so long at least it is remembered what a consumer has done."""

KEPT: Final = """
kept AS (
    SELECT coalesce(min(to_date(right(c.relname, 8), 'YYYYMMDD')::timestamp AT TIME ZONE 'utc')
        + interval '1 hour', '-infinity') AS since
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'outbox'::regclass AND c.relname ~ '^outbox_[0-9]{8}$'
)
"""
"""Days that were dropped took their events along."""

ONE_ROW: Final = """
SELECT 'event-has-one-row' AS rule, 'event ' || id AS subject, count(*) || ' rows' AS found,
       '1 row' AS expected
FROM outbox GROUP BY id HAVING count(*) > 1
"""

ROW_RELAYED: Final = """
SELECT 'row-is-relayed' AS rule, 'event ' || o.id AS subject,
       format('%%s about %%s, which the relay has passed, and no record', o.type, o.aggregateid)
           AS found,
       'a record in Kafka' AS expected
FROM outbox o
JOIN audited_cursors c ON c.reader = 'relay' AND c.lane = (o.slot & 7)
WHERE (o.xid, o.seq) <= (c.xid, c.seq)
    AND o.occurred_at >= (SELECT since FROM audited_topics)
    AND NOT EXISTS (SELECT FROM audited_parked p WHERE p.reader = 'relay' AND p.seq = o.seq)
    AND NOT EXISTS (SELECT FROM audited_records r WHERE r.event_id = o.id)
"""

RECORD_ROW: Final = f"""
WITH {KEPT}
SELECT 'record-has-row' AS rule,
       format('event %%s at %%s/%%s/%%s', r.event_id, r.topic, r.part, r.place) AS subject,
       r.type || ' about ' || r.subject_id AS found, 'a row of the outbox' AS expected
FROM audited_records r, kept
WHERE r.event_id IS NOT NULL AND r.at >= kept.since
    AND NOT EXISTS (SELECT FROM outbox o WHERE o.id = r.event_id)
"""  # noqa: S608  a constant

RECORD_SAME: Final = """
SELECT 'record-tells-its-row' AS rule,
       format('event %%s at %%s/%%s/%%s', r.event_id, r.topic, r.part, r.place) AS subject,
       format('%%s about %%s, body %%s', r.type, r.subject_id, r.digest) AS found,
       format('%%s about %%s, body %%s, in the topic of every %%s', o.type, o.aggregateid,
              md5(o.payload::text), o.aggregatetype) AS expected
FROM audited_records r JOIN outbox o ON o.id = r.event_id
WHERE r.type <> o.type OR r.subject_id <> o.aggregateid OR r.digest <> md5(o.payload::text)
    OR r.topic NOT LIKE '%%.' || o.aggregatetype || '.v1'
"""

RECORD_EVENT: Final = """
SELECT 'record-is-event' AS rule, format('record %%s/%%s/%%s', topic, part, place) AS subject,
       trouble AS found, 'an event' AS expected
FROM audited_records WHERE trouble IS NOT NULL
"""

ORDER: Final = """
SELECT 'records-follow-versions' AS rule, format('event %%s at %%s/%%s/%%s', event_id, topic, part,
           place) AS subject,
       format('version %%s of account %%s after version %%s', version, subject_id, before) AS found,
       'versions that rise, where each is told for the first time' AS expected
FROM (
    SELECT *, max(version) OVER (PARTITION BY topic, part, subject_id ORDER BY place
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
    FROM (
        SELECT event_id, topic, part, subject_id, version, min(place) AS place
        FROM audited_records WHERE version IS NOT NULL
        GROUP BY event_id, topic, part, subject_id, version
    ) AS first
) AS each
WHERE version <= before
"""

NOTICES: Final = """
SELECT 'one-notification-each' AS rule,
       format('event %%s for user %%s', event_id, user_id) AS subject,
       format('%%s times %%s', count(*), kind) AS found, 'once' AS expected
FROM notifications GROUP BY event_id, user_id, kind HAVING count(*) > 1
"""

DELIVERIES: Final = """
SELECT 'one-delivery-each' AS rule,
       format('event %%s for user %%s', event_id, subscriber_id) AS subject,
       format('%%s times %%s', count(*), workflow) AS found, 'once' AS expected
FROM notification_deliveries GROUP BY event_id, subscriber_id, workflow HAVING count(*) > 1
UNION ALL
SELECT 'one-delivery-each', format('event %%s to webhook %%s', event_id, webhook_id),
       format('%%s times', count(*)), 'once'
FROM webhook_deliveries GROUP BY event_id, webhook_id HAVING count(*) > 1
"""

RECEIPTS: Final = f"""
SELECT 'effect-has-receipt' AS rule, format('event %%s for %%s', event_id, whom) AS subject,
       what AS found, 'the note that ' || consumer || ' has done the event' AS expected
FROM (
    SELECT 'notifier' AS consumer, event_id, 'user ' || user_id AS whom, created_at,
        'a notification of ' || kind AS what
    FROM notifications
    UNION ALL
    SELECT 'webhooks', event_id, 'webhook ' || webhook_id, created_at, 'a delivery'
    FROM webhook_deliveries
) AS effect
WHERE created_at > now() - interval '{RECEIPTS_DAYS} days' AND NOT EXISTS (
    SELECT FROM consumed_events c WHERE c.consumer = effect.consumer
        AND c.event_id = effect.event_id)
"""  # noqa: S608  a constant

NOTICE_EVENT: Final = f"""
WITH {KEPT}
SELECT 'notification-has-event' AS rule,
       format('event %%s for user %%s', n.event_id, n.user_id) AS subject,
       'a notification of ' || n.kind AS found, 'a row of the outbox' AS expected
FROM notifications n, kept
WHERE n.created_at >= kept.since AND NOT EXISTS (SELECT FROM outbox o WHERE o.id = n.event_id)
"""  # noqa: S608  a constant

CONSUMED: Final = """
SELECT 'event-is-consumed' AS rule, 'event ' || o.id AS subject,
       format('%%s about %%s, which the notifier has passed', o.type, o.aggregateid) AS found,
       'the note that it was done, or a dead letter' AS expected
FROM outbox o
JOIN event_cursors c ON c.reader = 'notifier' AND c.lane = (o.slot & 7)
WHERE (o.xid, o.seq) <= (c.xid, c.seq) AND o.type LIKE '%%.posted.v1'
    AND o.occurred_at >= (SELECT min(consumed_at) FROM consumed_events WHERE consumer = 'notifier')
    AND NOT EXISTS (
        SELECT FROM consumed_events e WHERE e.consumer = 'notifier' AND e.event_id = o.id)
    AND NOT EXISTS (SELECT FROM dead_letters d
        WHERE d.consumer = 'notifier' AND (d.event_id = o.id OR d.record_offset = o.seq))
"""
"""Where the outbox itself is the bus; before the first note there was no notifier yet."""

CHECKS: Final = (
    Check("I10", "every event has one row", ONE_ROW),
    Check("I12", "nobody was notified twice of an event", NOTICES),
    Check("I12", "nothing is delivered twice", DELIVERIES),
    Check("I12", "every effect is remembered", RECEIPTS),
    Check("I12", "every notification has its event", NOTICE_EVENT),
    Check("I12", "no event was passed over", CONSUMED),
)

KAFKA_CHECKS: Final = (
    Check("I10", "every event that was relayed is in Kafka", ROW_RELAYED),
    Check("I10", "every record in Kafka is an event", RECORD_EVENT),
    Check("I10", "every record in Kafka has its row", RECORD_ROW),
    Check("I10", "every record in Kafka tells its row", RECORD_SAME),
    Check("I11", "every account's events are in order", ORDER),
)
