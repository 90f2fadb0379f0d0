"""The statements around the one that writes money: their number depends on no batch's size.

Arrays of ids, numbers and times travel as array literals, which costs both sides least;
whatever a person wrote travels in binary, so that nothing of it needs quoting.
"""

from __future__ import annotations

from typing import Final

FENCE: Final = b"""
SELECT count(*) FROM (
    SELECT FROM slots
    JOIN unnest(%s::smallint[], %s::bigint[]) AS mine(slot, epoch)
        ON slots.slot = mine.slot AND slots.epoch = mine.epoch
    ORDER BY slots.slot
    FOR SHARE OF slots
) AS still_mine
"""
"""Conflicts with the epoch bump of a claim: until this commits, nobody takes the slots over."""

LOCK_ACCOUNTS: Final = b"""
SELECT id, owner_id, kind, currency, status, balance_minor, held_minor, overdraft_minor,
       version, last_posted_at
FROM accounts WHERE id = ANY(%s::uuid[]) ORDER BY id FOR NO KEY UPDATE
"""
"""In id order, so that no two batches wait for each other; foreign keys may still be checked."""

READ_ACCOUNTS: Final = LOCK_ACCOUNTS.replace(b" FOR NO KEY UPDATE", b"")

KEPT: Final = b"""
SELECT clock_timestamp(), k.principal_id, k.idempotency_key, k.fingerprint, k.object_kind,
       k.object_id, k.answer, t.id, t.kind, t.source_account_id, t.destination_account_id,
       t.amount_minor, t.currency, t.description, t.reference, t.metadata::text, t.posted_at
FROM (VALUES (1)) AS always
LEFT JOIN unnest(%s::uuid[], %b::text[]) AS asked(principal_id, idempotency_key) ON true
LEFT JOIN idempotency_keys k USING (principal_id, idempotency_key)
LEFT JOIN transfers t ON k.object_kind = 'transfer' AND t.id = k.object_id
"""
"""Runs after the locks were taken: what a twin has committed meanwhile is seen here."""

POST_BATCH: Final = b"SELECT post_batch(%s::json, %s, %s, %s, %s, %s)"
"""Checks what the rules saw and writes what they decided, in one call (migration 0004)."""

POST_BATCH_WIRED: Final = b"SELECT post_batch($1, $2, $3, $4, $5, $6)"
"""The same for libpq; the function's own types are the parameters'."""

INSERT_OUTBOX: Final = b"""
INSERT INTO outbox (slot, aggregatetype, aggregateid, type, payload, trace_parent)
SELECT * FROM unnest(%s::smallint[], %s::text[], %s::uuid[], %s::text[], %b::text[]::json[],
    %b::text[])
"""
