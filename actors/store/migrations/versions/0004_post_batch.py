"""The function that writes a batch: it checks what the rules saw, and adds the facts.

Additive: a process of the previous version keeps writing with statements of its own.
"""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None
is_expansion = True

POST_BATCH = """
CREATE FUNCTION post_batch(
    fence json, seen json, transfers json, keys json, events json, now_at timestamptz
) RETURNS bigint LANGUAGE plpgsql AS $function$
#variable_conflict use_column
DECLARE
    present bigint;
BEGIN
    IF abs(extract(epoch FROM clock_timestamp() - now_at)) > 1 THEN
        RAISE EXCEPTION 'the time is not that of this database' USING ERRCODE = 'ZS001';
    END IF;
    IF fence IS NOT NULL THEN
        -- Conflicts with the epoch bump of a claim: until this commits, nobody takes them over.
        SELECT count(*) INTO present FROM (
            SELECT FROM slots
            JOIN json_to_recordset(fence) AS mine(slot smallint, epoch bigint)
                ON slots.slot = mine.slot AND slots.epoch = mine.epoch
            ORDER BY slots.slot
            FOR SHARE OF slots
        ) AS still_mine;
        IF present <> json_array_length(fence) THEN
            RAISE EXCEPTION 'a slot has another epoch' USING ERRCODE = 'ZF001';
        END IF;
    END IF;
    -- In id order, so that no two batches wait for each other.
    SELECT count(*) INTO present FROM (
        SELECT FROM accounts
        JOIN json_to_recordset(seen) AS s(
            id uuid, version bigint, balance_minor bigint, status text, held_minor bigint,
            overdraft_minor bigint, new_version bigint, posted_at timestamptz)
            ON accounts.id = s.id AND accounts.version = s.version
            AND accounts.balance_minor = s.balance_minor AND accounts.status = s.status
            AND accounts.held_minor = s.held_minor
            AND accounts.overdraft_minor = s.overdraft_minor
        WHERE s.new_version = s.version
            OR coalesce(accounts.last_posted_at <= coalesce(s.posted_at, now_at), true)
        ORDER BY accounts.id
        FOR NO KEY UPDATE OF accounts
    ) AS as_seen;
    IF present <> json_array_length(seen) THEN
        RAISE EXCEPTION 'an account is not as it was seen' USING ERRCODE = 'ZS001';
    END IF;
    INSERT INTO idempotency_keys
        (principal_id, idempotency_key, fingerprint, object_kind, object_id, answer)
    SELECT principal_id, idempotency_key, fingerprint, object_kind, object_id, answer
    FROM json_to_recordset(keys) AS k(
        principal_id uuid, idempotency_key text, fingerprint bytea, object_kind text,
        object_id uuid, answer json);
    INSERT INTO transfers (id, kind, source_account_id, destination_account_id, amount_minor,
        currency, description, reference, metadata, principal_id, idempotency_key, posted_at)
    SELECT id, kind, source_account_id, destination_account_id, amount_minor,
        currency, description, reference, metadata, principal_id, idempotency_key,
        coalesce(posted_at, now_at)
    FROM json_to_recordset(transfers) AS t(
        id uuid, kind text, source_account_id uuid, destination_account_id uuid,
        amount_minor bigint, currency text, description text, reference text, metadata json,
        principal_id uuid, idempotency_key text, posted_at timestamptz);
    INSERT INTO postings
        (account_id, version, transfer_id, amount_minor, balance_after_minor, posted_at)
    SELECT side.account_id, side.version, t.id, side.amount_minor, side.after_minor,
        coalesce(t.posted_at, now_at)
    FROM json_to_recordset(transfers) AS t(
        id uuid, source_account_id uuid, destination_account_id uuid, amount_minor bigint,
        source_version bigint, source_after_minor bigint, destination_version bigint,
        destination_after_minor bigint, posted_at timestamptz)
    CROSS JOIN LATERAL (VALUES
        (t.source_account_id, t.source_version, -t.amount_minor, t.source_after_minor),
        (t.destination_account_id, t.destination_version, t.amount_minor,
         t.destination_after_minor)
    ) AS side(account_id, version, amount_minor, after_minor);
    UPDATE accounts SET balance_minor = s.new_balance_minor, version = s.new_version,
        last_posted_at = coalesce(s.posted_at, now_at)
    FROM json_to_recordset(seen) AS s(
        id uuid, version bigint, new_version bigint, new_balance_minor bigint,
        posted_at timestamptz)
    WHERE accounts.id = s.id AND s.new_version > s.version;
    INSERT INTO outbox (slot, aggregatetype, aggregateid, type, payload, trace_parent)
    SELECT slot, aggregatetype, aggregateid, type, payload, trace_parent
    FROM json_to_recordset(events) AS e(
        slot smallint, aggregatetype text, aggregateid uuid, type text, payload json,
        trace_parent text);
    RETURN (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;
END
$function$
"""

ARGUMENTS = "json, json, json, json, json, timestamptz"


def upgrade() -> None:
    """Make the function, for the application alone."""
    op.execute(POST_BATCH)
    op.execute(f"REVOKE ALL ON FUNCTION post_batch({ARGUMENTS}) FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION post_batch({ARGUMENTS}) TO gopherpay_app")
