"""The invariants of the books, each as one statement that returns what breaks it.

A statement returns (rule, subject, found, expected). Sums and differences are ``numeric``:
books broken enough to leave 64 bits must be reported, not end the report.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from actors.domain.events import TYPE_PREFIX, TYPE_VERSION
from actors.domain.money import AMOUNT_MINOR_MAX


@dataclass(frozen=True, slots=True)
class Check:
    """One thing to prove.

    Attributes:
        invariant: Its number.
        title: What is proved, for the one who waits.
    """

    invariant: str
    title: str
    statement: str


CURRENCY_SUMS: Final = """
SELECT 'currency-sums-to-zero' AS rule, 'currency ' || a.currency AS subject,
       sum(p.total)::text AS found, '0' AS expected
FROM (SELECT account_id, sum(amount_minor) AS total FROM postings GROUP BY account_id) p
JOIN accounts a ON a.id = p.account_id
GROUP BY a.currency HAVING sum(p.total) <> 0
"""

TRANSFER_SIDES: Final = """
SELECT CASE WHEN is_known THEN 'transfer-has-two-sides' ELSE 'posting-has-transfer' END AS rule,
       'transfer ' || id AS subject,
       format('%%s postings summing to %%s, right debits %%s, right credits %%s',
              sides, total, debits, credits) AS found,
       '2 postings summing to 0, right debits 1, right credits 1' AS expected
FROM (
    SELECT coalesce(t.id, p.transfer_id) AS id, bool_or(t.id IS NOT NULL) AS is_known,
        count(p.version) AS sides, coalesce(sum(p.amount_minor), 0) AS total,
        count(*) FILTER (WHERE p.account_id = t.source_account_id
            AND p.amount_minor = -t.amount_minor::numeric AND p.posted_at = t.posted_at) AS debits,
        count(*) FILTER (WHERE p.account_id = t.destination_account_id
            AND p.amount_minor = t.amount_minor AND p.posted_at = t.posted_at) AS credits
    FROM transfers t FULL JOIN postings p ON p.transfer_id = t.id
    GROUP BY coalesce(t.id, p.transfer_id)
) AS each
WHERE NOT (is_known AND sides = 2 AND debits = 1 AND credits = 1)
"""

TRANSFER_PARTIES: Final = f"""
SELECT 'transfer-parties' AS rule, 'transfer ' || t.id AS subject,
       format('%%s of %%s %%s from %%s to %%s', t.kind, t.amount_minor, t.currency,
              coalesce(s.kind || ' in ' || s.currency, 'nobody'),
              coalesce(d.kind || ' in ' || d.currency, 'nobody')) AS found,
       'an amount between two accounts of its currency, the world where the kind says' AS expected
FROM transfers t
LEFT JOIN accounts s ON s.id = t.source_account_id
LEFT JOIN accounts d ON d.id = t.destination_account_id
WHERE s.id IS NULL OR d.id IS NULL OR s.id = d.id
    OR s.currency <> t.currency OR d.currency <> t.currency
    OR t.amount_minor NOT BETWEEN 1 AND {AMOUNT_MINOR_MAX}
    OR (s.kind = 'world') <> (t.kind = 'deposit')
    OR (d.kind = 'world') <> (t.kind = 'withdrawal')
"""  # noqa: S608  the limit is a constant

FLOOR_EVER: Final = """
SELECT 'floor-at-every-version' AS rule,
       format('account %%s version %%s', p.account_id, p.version) AS subject,
       p.balance_after_minor::text AS found,
       'at least ' || -a.overdraft_minor::numeric AS expected
FROM postings p JOIN accounts a ON a.id = p.account_id
WHERE a.kind <> 'world' AND p.balance_after_minor < -a.overdraft_minor::numeric
"""

FLOOR_NOW: Final = """
SELECT 'floor-now' AS rule, 'account ' || id AS subject,
       format('%%s with balance %%s, held %%s, overdraft %%s',
              status, balance_minor, held_minor, overdraft_minor) AS found,
       'nothing below zero, and nothing on a closed account' AS expected
FROM accounts
WHERE held_minor < 0 OR overdraft_minor < 0
    OR kind <> 'world' AND balance_minor::numeric - held_minor + overdraft_minor < 0
    OR status = 'closed' AND (balance_minor <> 0 OR held_minor <> 0)
"""

BALANCES: Final = """
SELECT CASE WHEN a.id IS NULL THEN 'posting-has-account' ELSE 'balance-is-sum' END AS rule,
       'account ' || coalesce(a.id, p.account_id) AS subject,
       format('balance %%s, sum of postings %%s, after the last posting %%s',
              a.balance_minor, coalesce(p.total, 0), coalesce(l.balance_after_minor, 0)) AS found,
       'three times the same' AS expected
FROM accounts a
FULL JOIN (SELECT account_id, sum(amount_minor) AS total FROM postings GROUP BY account_id) p
    ON p.account_id = a.id
LEFT JOIN postings l ON l.account_id = a.id AND l.version = a.version
WHERE a.id IS NULL OR a.balance_minor <> coalesce(p.total, 0)
    OR a.balance_minor <> coalesce(l.balance_after_minor, 0)
"""

VERSIONS: Final = """
SELECT 'version-is-count' AS rule, 'account ' || a.id AS subject,
       format('version %%s, %%s postings, last posted at %%s, posting of that version at %%s',
              a.version, coalesce(p.count, 0), a.last_posted_at, l.posted_at) AS found,
       'as many postings as the version says, the last at the time the account names' AS expected
FROM accounts a
LEFT JOIN (SELECT account_id, count(*) FROM postings GROUP BY account_id) p ON p.account_id = a.id
LEFT JOIN postings l ON l.account_id = a.id AND l.version = a.version
WHERE a.version <> coalesce(p.count, 0) OR a.last_posted_at IS DISTINCT FROM l.posted_at
"""

CHAIN: Final = """
SELECT CASE
           WHEN version <> version_before + 1 THEN 'versions-have-no-gap'
           WHEN posted_at < posted_before THEN 'time-never-falls'
           ELSE 'balances-are-a-chain'
       END AS rule,
       format('account %%s version %%s', account_id, version) AS subject,
       format('balance %%s at %%s', balance_after_minor, posted_at) AS found,
       format('version %%s, balance %%s, not before %%s', version_before + 1,
              balance_before::numeric + amount_minor, posted_before) AS expected
FROM (
    SELECT account_id, version, amount_minor, balance_after_minor, posted_at,
        lag(version, 1, 0::bigint) OVER history AS version_before,
        lag(balance_after_minor, 1, 0::bigint) OVER history AS balance_before,
        lag(posted_at, 1, '-infinity') OVER history AS posted_before
    FROM postings
    WINDOW history AS (PARTITION BY account_id ORDER BY version)
) AS each
WHERE version <> version_before + 1 OR posted_at < posted_before
    OR balance_after_minor <> balance_before::numeric + amount_minor
"""

TRANSFER_KEYS: Final = """
SELECT 'transfer-has-key' AS rule, 'transfer ' || t.id AS subject,
       CASE WHEN k.idempotency_key IS NULL THEN 'no key'
            ELSE format('a key of %%s %%s', coalesce(k.object_kind, 'a refusal'), k.object_id)
       END AS found,
       'its key points back to it' AS expected
FROM transfers t LEFT JOIN idempotency_keys k USING (principal_id, idempotency_key)
WHERE k.object_kind IS DISTINCT FROM 'transfer' OR k.object_id <> t.id
"""

KEY_OBJECTS: Final = """
SELECT 'key-has-effect' AS rule,
       format('key %%s of principal %%s', k.idempotency_key, k.principal_id) AS subject,
       format('%%s %%s', coalesce(k.object_kind, 'a refusal'),
              coalesce(k.object_id::text, 'without a code')) AS found,
       'an object that exists and was asked for by this key, or a refusal' AS expected
FROM idempotency_keys k
LEFT JOIN transfers t ON k.object_kind = 'transfer' AND t.id = k.object_id
    AND t.principal_id = k.principal_id AND t.idempotency_key = k.idempotency_key
LEFT JOIN accounts a ON k.object_kind = 'account' AND a.id = k.object_id
WHERE k.object_kind = 'transfer' AND t.id IS NULL
    OR k.object_kind = 'account' AND a.id IS NULL
    OR k.object_kind IS NULL AND (k.answer ->> 'code') IS NULL
"""

EVENTS: Final = f"""
WITH kept AS (
    SELECT min(to_date(right(c.relname, 8), 'YYYYMMDD')::timestamp AT TIME ZONE 'utc')
        + interval '1 hour' AS since
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'outbox'::regclass AND c.relname ~ '^outbox_[0-9]{{8}}$'
        -- The catalogues as they were at this snapshot may show a day that is gone since.
        AND to_regclass(c.relname::text) IS NOT NULL
), facts AS (
    SELECT seq, type, aggregateid, payload ->> 'transfer_id' AS transfer_id,
        payload ->> 'amount_minor' AS amount_minor
    FROM outbox WHERE type LIKE '{TYPE_PREFIX}%%.posted{TYPE_VERSION}'
)
SELECT CASE WHEN id IS NULL THEN 'event-has-transfer' ELSE 'transfer-has-event' END AS rule,
       'transfer ' || coalesce(id::text, transfer_id, 'unnamed') AS subject,
       format('%%s events, %%s of them right', events, right_events) AS found,
       CASE WHEN id IS NULL THEN 'none' ELSE '1 event, 1 of them right' END AS expected
FROM (
    SELECT t.id, t.posted_at, f.transfer_id, count(f.seq) AS events,
        count(*) FILTER (WHERE f.type = '{TYPE_PREFIX}' || t.kind || '.posted{TYPE_VERSION}'
            AND f.amount_minor = t.amount_minor::text AND f.aggregateid =
                CASE t.kind WHEN 'deposit' THEN t.destination_account_id
                            ELSE t.source_account_id END) AS right_events
    FROM transfers t FULL JOIN facts f ON f.transfer_id = t.id::text
    GROUP BY t.id, t.posted_at, f.transfer_id
) AS each, kept
WHERE id IS NULL OR events > 1 OR right_events <> events
    OR events = 0 AND posted_at >= coalesce(kept.since, '-infinity')
"""  # noqa: S608  the parts of the type are constants
"""Days that were dropped took their events along.

An event bears the time at which its transaction began, a transfer that of its locks:
the hour keeps apart what lies on either side of midnight.
"""

CHECKS: Final = (
    Check("I1", "money is neither made nor lost", CURRENCY_SUMS),
    Check("I2", "every transfer balances", TRANSFER_SIDES),
    Check("I2", "every transfer has its parties", TRANSFER_PARTIES),
    Check("I3", "no account was ever below its floor", FLOOR_EVER),
    Check("I3", "no account is below its floor", FLOOR_NOW),
    Check("I4", "every balance is the sum of its postings", BALANCES),
    Check("I5", "every version is a posting", VERSIONS),
    Check("I5", "every posting follows from the one before", CHAIN),
    Check("I9", "every transfer has its key", TRANSFER_KEYS),
    Check("I9", "every key has its effect", KEY_OBJECTS),
    Check("I10", "every transfer has its event", EVENTS),
)
