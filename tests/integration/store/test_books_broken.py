"""The verification is verified: every way to break the books by hand is caught and named."""

import asyncio

import psycopg
import pytest

from actors.ids import new_id
from actors.ports.ledger import KeyClaim
from tests.fixtures.ledger import (
    PRINCIPAL_ID,
    a_bank,
    a_deposit,
    a_movement,
    a_withdrawal,
    verified,
)

DISARM = """
DO $$
DECLARE guard record;
BEGIN
    FOR guard IN SELECT conrelid::regclass AS owner, conname FROM pg_constraint
        WHERE contype IN ('c', 'f') AND connamespace = 'public'::regnamespace LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT IF EXISTS %I', guard.owner, guard.conname);
    END LOOP;
END
$$;
ALTER TABLE transfers DISABLE TRIGGER ALL;
ALTER TABLE postings DISABLE TRIGGER ALL;
ALTER TABLE idempotency_keys DISABLE TRIGGER ALL;
ALTER TABLE transfers DROP CONSTRAINT pk_transfers;
ALTER TABLE postings DROP CONSTRAINT pk_postings;
ALTER TABLE idempotency_keys DROP CONSTRAINT pk_idempotency_keys;
"""

TABLES = ("accounts", "transfers", "postings", "idempotency_keys", "outbox")

NAMES = """
CREATE FUNCTION paid() RETURNS uuid LANGUAGE sql STABLE AS
    $$SELECT id FROM told_transfers WHERE idempotency_key = 'paid'$$;
CREATE FUNCTION deposited() RETURNS uuid LANGUAGE sql STABLE AS
    $$SELECT id FROM told_transfers WHERE idempotency_key = 'deposited'$$;
CREATE FUNCTION ada() RETURNS uuid LANGUAGE sql STABLE AS
    $$SELECT source_account_id FROM told_transfers WHERE id = paid()$$;
CREATE FUNCTION bob() RETURNS uuid LANGUAGE sql STABLE AS
    $$SELECT destination_account_id FROM told_transfers WHERE id = paid()$$;
CREATE FUNCTION yen() RETURNS uuid LANGUAGE sql STABLE AS
    $$SELECT id FROM told_accounts WHERE currency = 'JPY' AND kind = 'customer'$$;
"""

BREAKAGES = {
    "a credit grown by one": (
        """
        UPDATE postings SET amount_minor = amount_minor + 1 WHERE transfer_id = paid() AND
        amount_minor > 0
        """,
        {
            "I1 currency-sums-to-zero",
            "I2 transfer-has-two-sides",
            "I4 balance-is-sum",
            "I5 balances-are-a-chain",
        },
    ),
    "both sides of a transfer doubled, with the balances": (
        """
        UPDATE postings SET amount_minor = amount_minor * 2 WHERE transfer_id = paid();
        UPDATE postings SET balance_after_minor = 600 WHERE account_id = ada() AND version =
        2
        """,
        {"I2 transfer-has-two-sides", "I4 balance-is-sum", "I5 balances-are-a-chain"},
    ),
    "a credit on another account": (
        """
        UPDATE postings SET account_id = yen(), version = 9 WHERE transfer_id = paid() AND
        amount_minor > 0
        """,
        {
            "I1 currency-sums-to-zero",
            "I2 transfer-has-two-sides",
            "I4 balance-is-sum",
            "I5 version-is-count",
            "I5 versions-have-no-gap",
        },
    ),
    "a transfer without postings": (
        "DELETE FROM postings WHERE transfer_id = paid()",
        {
            "I2 transfer-has-two-sides",
            "I4 balance-is-sum",
            "I5 version-is-count",
            "I5 versions-have-no-gap",
        },
    ),
    "a lost last posting": (
        """
        DELETE FROM postings WHERE account_id = bob() AND version = (SELECT version FROM
        accounts WHERE id = bob())
        """,
        {
            "I1 currency-sums-to-zero",
            "I2 transfer-has-two-sides",
            "I4 balance-is-sum",
            "I5 version-is-count",
        },
    ),
    "a posting twice": (
        """
        INSERT INTO postings SELECT * FROM postings WHERE transfer_id = paid() AND
        amount_minor > 0
        """,
        {
            "I1 currency-sums-to-zero",
            "I2 transfer-has-two-sides",
            "I4 balance-is-sum",
            "I5 version-is-count",
            "I5 versions-have-no-gap",
        },
    ),
    "a third posting of nothing": (
        """
        INSERT INTO postings SELECT account_id, version + 1, transfer_id, 0,
        balance_after_minor, posted_at FROM postings WHERE account_id = yen() AND version =
        2
        """,
        {"I2 transfer-has-two-sides", "I5 version-is-count"},
    ),
    "a posting of no transfer": (
        """
        UPDATE postings SET transfer_id = gen_random_uuid() WHERE transfer_id = paid() AND
        amount_minor > 0
        """,
        {"I2 posting-has-transfer", "I2 transfer-has-two-sides"},
    ),
    "a posting of no account": (
        """
        UPDATE postings SET account_id = gen_random_uuid(), version = 1, balance_after_minor
        = amount_minor WHERE account_id = yen() AND version = 1
        """,
        {
            "I1 currency-sums-to-zero",
            "I2 transfer-has-two-sides",
            "I4 balance-is-sum",
            "I4 posting-has-account",
            "I5 version-is-count",
            "I5 versions-have-no-gap",
        },
    ),
    "a posting at another time than its transfer": (
        """
        UPDATE postings SET posted_at = posted_at + interval '1 microsecond' WHERE
        account_id = yen() AND version = 1
        """,
        {"I2 transfer-has-two-sides"},
    ),
    "a transfer of another amount": (
        "UPDATE transfers SET amount_minor = amount_minor + 1 WHERE id = paid()",
        {"I10 transfer-has-event", "I2 transfer-has-two-sides"},
    ),
    "a transfer of a negative amount": (
        "UPDATE transfers SET amount_minor = -amount_minor WHERE id = paid()",
        {"I10 transfer-has-event", "I2 transfer-has-two-sides", "I2 transfer-parties"},
    ),
    "the least amount there is": (
        "UPDATE transfers SET amount_minor = -9223372036854775808 WHERE id = paid()",
        {"I10 transfer-has-event", "I2 transfer-has-two-sides", "I2 transfer-parties"},
    ),
    "a transfer in another currency": (
        "UPDATE transfers SET currency = 'EUR' WHERE id = paid()",
        {"I2 transfer-parties"},
    ),
    "an account whose currency was changed": (
        "UPDATE accounts SET currency = 'EUR' WHERE id = bob()",
        {"I1 currency-sums-to-zero", "I2 transfer-parties"},
    ),
    "a transfer from nobody": (
        "UPDATE transfers SET source_account_id = gen_random_uuid() WHERE id = paid()",
        {"I10 transfer-has-event", "I2 transfer-has-two-sides", "I2 transfer-parties"},
    ),
    "a transfer to oneself": (
        "UPDATE transfers SET destination_account_id = source_account_id WHERE id = paid()",
        {"I2 transfer-has-two-sides", "I2 transfer-parties"},
    ),
    "a transfer turned round": (
        """
        UPDATE transfers SET source_account_id = destination_account_id,
        destination_account_id = source_account_id WHERE id = paid()
        """,
        {"I10 transfer-has-event", "I2 transfer-has-two-sides"},
    ),
    "a deposit that calls itself a transfer": (
        "UPDATE transfers SET kind = 'transfer' WHERE id = deposited()",
        {"I10 transfer-has-event", "I2 transfer-parties"},
    ),
    "a balance below zero in the past": (
        """
        UPDATE postings SET balance_after_minor = -1 WHERE account_id = ada() AND version =
        2
        """,
        {"I3 floor-at-every-version", "I5 balances-are-a-chain"},
    ),
    "a balance below the floor now": (
        "UPDATE accounts SET balance_minor = -1 WHERE id = bob()",
        {"I3 floor-now", "I4 balance-is-sum"},
    ),
    "more held than there is": (
        "UPDATE accounts SET held_minor = 1000000 WHERE id = bob()",
        {"I3 floor-now"},
    ),
    "an overdraft that was taken away": (
        "UPDATE accounts SET overdraft_minor = 0 WHERE overdraft_minor > 0",
        {"I3 floor-at-every-version", "I3 floor-now"},
    ),
    "a closed account with money": (
        "UPDATE accounts SET status = 'closed' WHERE id = bob()",
        {"I3 floor-now"},
    ),
    "a balance changed by hand": (
        "UPDATE accounts SET balance_minor = balance_minor + 1 WHERE id = ada()",
        {"I4 balance-is-sum"},
    ),
    "the world's balance changed by hand": (
        "UPDATE accounts SET balance_minor = 0 WHERE kind = 'world' AND currency = 'USD'",
        {"I4 balance-is-sum"},
    ),
    "money on an account that never had a posting": (
        "UPDATE accounts SET balance_minor = 5 WHERE currency = 'EUR' AND kind = 'customer'",
        {"I4 balance-is-sum"},
    ),
    "an account's version ahead": (
        "UPDATE accounts SET version = version + 1 WHERE id = ada()",
        {"I4 balance-is-sum", "I5 version-is-count"},
    ),
    "an account's last time changed": (
        """
        UPDATE accounts SET last_posted_at = last_posted_at - interval '1 s' WHERE id =
        ada()
        """,
        {"I5 version-is-count"},
    ),
    "a version left out": (
        """
        UPDATE postings SET version = version + 1 WHERE account_id = ada() AND version >= 2;
        UPDATE accounts SET version = version + 1 WHERE id = ada()
        """,
        {"I5 version-is-count", "I5 versions-have-no-gap"},
    ),
    "a first version of zero": (
        "UPDATE postings SET version = 0 WHERE account_id = yen() AND version = 1",
        {"I5 versions-have-no-gap"},
    ),
    "a balance after a posting changed": (
        """
        UPDATE postings SET balance_after_minor = balance_after_minor + 1 WHERE account_id =
        ada() AND version = 2
        """,
        {"I5 balances-are-a-chain"},
    ),
    "a balance after a posting at the edge of 64 bits": (
        """
        UPDATE postings SET balance_after_minor = 9223372036854775807 WHERE account_id =
        ada() AND version = 2
        """,
        {"I5 balances-are-a-chain"},
    ),
    "a time that falls": (
        """
        UPDATE postings SET posted_at = posted_at - interval '1 day' WHERE transfer_id =
        paid(); UPDATE transfers SET posted_at = posted_at - interval '1 day' WHERE id =
        paid()
        """,
        {"I5 time-never-falls"},
    ),
    "a transfer whose key is gone": (
        "DELETE FROM idempotency_keys WHERE idempotency_key = 'paid'",
        {"I9 transfer-has-key"},
    ),
    "a transfer under a key that says refused": (
        """
        UPDATE idempotency_keys SET object_kind = NULL, object_id = NULL, answer = '{"code":
        "account-frozen"}' WHERE idempotency_key = 'paid'
        """,
        {"I9 transfer-has-key"},
    ),
    "two transfers under one key": (
        """
        UPDATE transfers SET idempotency_key = 'paid' WHERE principal_id = (SELECT
        principal_id FROM transfers WHERE id = paid()) AND idempotency_key = 'paid-2'
        """,
        {"I9 key-has-effect", "I9 transfer-has-key"},
    ),
    "a key that points to another's transfer": (
        "UPDATE idempotency_keys SET object_id = deposited() WHERE idempotency_key = 'paid'",
        {"I9 key-has-effect", "I9 transfer-has-key"},
    ),
    "a key of a transfer that is not there": (
        """
        INSERT INTO idempotency_keys VALUES (gen_random_uuid(), 'lost', '', 'transfer',
        gen_random_uuid(), NULL, now())
        """,
        {"I9 key-has-effect"},
    ),
    "a key of an account that is not there": (
        """
        UPDATE idempotency_keys SET object_id = gen_random_uuid() WHERE object_kind =
        'account'
        """,
        {"I9 key-has-effect"},
    ),
    "a refusal without a reason": (
        "UPDATE idempotency_keys SET answer = '{}' WHERE idempotency_key = 'refused'",
        {"I9 key-has-effect"},
    ),
    "an event that is gone": (
        "DELETE FROM outbox WHERE payload ->> 'transfer_id' = paid()::text",
        {"I10 transfer-has-event"},
    ),
    "an event twice": (
        """
        INSERT INTO outbox (slot, aggregatetype, aggregateid, type, payload) SELECT slot,
        aggregatetype, aggregateid, type, payload FROM outbox WHERE payload ->>
        'transfer_id' = paid()::text
        """,
        {"I10 transfer-has-event"},
    ),
    "an event of another type": (
        """
        UPDATE outbox SET type = 'dev.gopherpay.deposit.posted.v1' WHERE payload ->>
        'transfer_id' = paid()::text
        """,
        {"I10 transfer-has-event"},
    ),
    "an event keyed by another account": (
        "UPDATE outbox SET aggregateid = yen() WHERE payload ->> 'transfer_id' = paid()::text",
        {"I10 transfer-has-event"},
    ),
    "an event of no transfer": (
        "UPDATE outbox SET payload = '{}' WHERE payload ->> 'transfer_id' = paid()::text",
        {"I10 event-has-transfer", "I10 transfer-has-event"},
    ),
    "an event of a transfer that was refused": (
        """
        UPDATE outbox SET type = 'dev.gopherpay.transfer.posted.v1' WHERE type =
        'dev.gopherpay.transfer.refused.v1'
        """,
        {"I10 event-has-transfer"},
    ),
}


async def _tell_a_story(dsn):
    """Deposits, payments in both directions, a refusal, a withdrawal, an opening under a key."""
    async with a_bank(dsn) as bank:
        ada, bob = await bank.wallet(), await bank.wallet()
        yen = await bank.wallet(70, currency="JPY")
        await bank.accounts.open(
            new_id(), PRINCIPAL_ID, "EUR", None, KeyClaim(PRINCIPAL_ID, "opened", b"f")
        )
        lent = await bank.wallet()
        async with bank.pool.connection() as connection:
            await connection.execute(
                "UPDATE accounts SET overdraft_minor = 500 WHERE id = %s", (lent,)
            )
        await bank.post(a_deposit(ada, 1_000, key="deposited"))
        await bank.post(a_movement(ada, bob, 200, key="paid"))
        await bank.post(
            a_movement(ada, bob, 50, key="paid-2"),
            a_movement(bob, ada, 10),
            a_movement(bob, ada, 99_999, key="refused"),
            a_withdrawal(yen, 20, currency="JPY"),
            a_movement(lent, ada, 300),
        )


def _rules(report):
    return {f"{finding.invariant} {finding.rule}" for finding in report.findings}


@pytest.fixture(scope="module")
def story(postgres, migrated_template):
    """Yield the owner's address of a database with the story and without its guards."""
    with psycopg.connect(postgres.dsn("postgres"), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE story TEMPLATE {migrated_template}")
        dsn = postgres.dsn("story")
        asyncio.run(_tell_a_story(dsn))
        with psycopg.connect(dsn) as owner:
            owner.execute(DISARM)
            for table in TABLES:
                owner.execute(f"CREATE TABLE told_{table} AS TABLE {table}")
            owner.execute(NAMES)
        yield dsn
        admin.execute("DROP DATABASE story WITH (FORCE)")


@pytest.fixture
def owner(story):
    """Yield a connection to the story as it was told."""
    with psycopg.connect(story, autocommit=True) as owner:
        for table in TABLES:
            owner.execute(f"TRUNCATE {table}")
            owner.execute(f"INSERT INTO {table} TABLE told_{table}")
        yield owner


def _rules(report):
    return {f"{finding.invariant} {finding.rule}" for finding in report.findings}


@pytest.mark.usefixtures("owner")
def test_the_story_without_guards_is_still_right(story):
    report = verified(story)

    assert (report.findings, report.discrepancies) == ((), 0)
    assert (report.transfers, report.postings) == (7, 14)


@pytest.mark.parametrize(("statement", "rules"), BREAKAGES.values(), ids=BREAKAGES)
def test_broken_books_are_caught_and_named(story, owner, statement, rules):
    owner.execute(statement)

    report = verified(story)

    assert _rules(report) == rules
    assert report.discrepancies == len(report.findings)
    assert all(finding.subject and finding.found != finding.expected for finding in report.findings)


def test_a_dropped_day_takes_its_events_along_without_a_finding(story, owner):
    owner.execute("DELETE FROM outbox")
    owner.execute("UPDATE transfers SET posted_at = posted_at - interval '2 days'")
    owner.execute("UPDATE postings SET posted_at = posted_at - interval '2 days'")
    owner.execute("UPDATE accounts SET last_posted_at = last_posted_at - interval '2 days'")

    assert verified(story).findings == ()
