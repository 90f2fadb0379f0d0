"""Years of history in minutes: accounts, transfers, postings and keys, straight into the tables.

Every account gets a deposit; then come rounds in which every account pays another one once, and
is paid once. So each posting's version and balance is known without looking at those before it:
in round ``r`` an account moves from version ``2 r`` to ``2 r + 1``, and its balance comes back.
Indexes and foreign keys are dropped first and made again afterwards, which checks every row.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg
from psycopg.types.numeric import Int8

from actors.domain.accounts import world_account_id
from actors.domain.principals import PLATFORM_ID
from tests.benchmarks.systems import CURRENCY

if TYPE_CHECKING:
    from collections.abc import Iterator

TABLES = ("accounts", "transfers", "postings", "idempotency_keys")
OPENING_MINOR = 10**10  # times a million accounts it is still far from the world's floor
AMOUNT_MINOR = 100
CHUNK_TRANSFERS = 250_000
DAYS = 90
DAYS_AGO = 3  # events of days this old were dropped with their partition: none are needed
STRIDE = 7_919  # from round to round everybody pays somebody else

SETTINGS = (
    "SET maintenance_work_mem = '768MB'",
    "SET work_mem = '128MB'",
    "SET synchronous_commit = off",  # the checkpoint at the end waits for all of it
    "SET statement_timeout = 0",
)

HELD = """
SELECT conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid), contype = 'p'
FROM pg_constraint
WHERE contype IN ('p', 'f')
    AND (conrelid = ANY(%(tables)s::regclass[]) OR confrelid = ANY(%(tables)s::regclass[]))
ORDER BY contype, oid
"""
"""Foreign keys first, since they stand on the primary ones."""

INDEXES = """
SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid)
FROM pg_index WHERE indrelid = ANY(%(tables)s::regclass[]) AND NOT indisprimary
"""

MADE_ID = """
CREATE FUNCTION pg_temp.made_id(at_ms bigint, salt text) RETURNS uuid
LANGUAGE sql IMMUTABLE AS $$
    SELECT (lpad(to_hex(at_ms), 12, '0') || '7' || substr(h, 1, 3) || '8' || substr(h, 4, 15))::uuid
    FROM md5(salt) AS h
$$
"""
"""A UUIDv7 (RFC 9562) whose random part is a hash, so that two statements make the same one."""

PLACES = """
CREATE TEMP TABLE places AS
SELECT place, pg_temp.made_id(%(began_ms)s + place, 'account' || place) AS id,
       (%(owners)s::uuid[])[1 + place %% %(users)s] AS owner_id
FROM generate_series(0::bigint, %(accounts)s - 1) AS place
"""

ACCOUNTS = """
INSERT INTO accounts (id, owner_id, kind, currency, balance_minor, version, last_posted_at,
    created_at)
SELECT id, owner_id, 'customer', %(currency)s, %(opening)s, 1 + 2 * %(last)s,
       timestamptz 'epoch' + interval '1 millisecond' * (%(began_ms)s + %(step_ms)s::bigint * CASE
           WHEN %(last)s = 0 THEN place
           WHEN place >= %(shift)s THEN %(last)s * %(accounts)s + place
           ELSE (%(last)s + 1) * %(accounts)s + place - %(shift)s END),
       timestamptz 'epoch' + interval '1 millisecond' * %(began_ms)s
FROM places
"""
"""As the last round leaves them: its later posting is the credit where that comes from behind."""

CHUNK = """
CREATE TEMP TABLE chunk ON COMMIT DROP AS
SELECT n, at, pg_temp.made_id(at_ms, 'transfer' || n) AS id, numbered.place, shift, target,
       s.id AS source_id, d.id AS destination_id, s.owner_id AS principal_id
FROM (
    SELECT n, n %% %(accounts)s AS place, %(shift)s::bigint AS shift,
        (n %% %(accounts)s + %(shift)s) %% %(accounts)s AS target,
        %(began_ms)s + n * %(step_ms)s::bigint AS at_ms,
        timestamptz 'epoch'
            + interval '1 millisecond' * (%(began_ms)s + n * %(step_ms)s::bigint) AS at
    FROM generate_series(%(first)s::bigint, %(until)s::bigint - 1) AS n
) AS numbered
JOIN places s ON s.place = numbered.place JOIN places d ON d.place = numbered.target
ORDER BY n
"""

TRANSFERS = """
INSERT INTO transfers (id, kind, source_account_id, destination_account_id, amount_minor,
    currency, principal_id, idempotency_key, posted_at)
SELECT id, %(kind)s, {source}, destination_id, %(amount)s, %(currency)s, {principal},
       md5('key' || n), at
FROM chunk ORDER BY n
"""

POSTINGS = """
INSERT INTO postings (account_id, version, transfer_id, amount_minor, balance_after_minor,
    posted_at)
SELECT side.* FROM chunk CROSS JOIN LATERAL (VALUES
    (source_id, 2 * %(round)s + (place >= shift)::int, id, -%(amount)s::bigint,
     %(opening)s - CASE WHEN place >= shift THEN 0 ELSE %(amount)s END, at),
    (destination_id, 2 * %(round)s + (target < shift)::int, id, %(amount)s::bigint,
     %(opening)s + CASE WHEN target < shift THEN 0 ELSE %(amount)s END, at)
) AS side
"""
"""Whoever is paid from behind is paid before it pays; the first few pay first."""

OPENINGS = """
INSERT INTO postings (account_id, version, transfer_id, amount_minor, balance_after_minor,
    posted_at)
SELECT side.* FROM chunk CROSS JOIN LATERAL (VALUES
    (%(world)s::uuid, n + 1, id, -%(amount)s::bigint, -%(amount)s::bigint * (n + 1), at),
    (destination_id, 1::bigint, id, %(amount)s::bigint, %(amount)s::bigint, at)
) AS side
"""

KEYS = """
INSERT INTO idempotency_keys (principal_id, idempotency_key, fingerprint, object_kind, object_id,
    created_at)
SELECT {principal}, md5('key' || n), decode(md5('wish' || n), 'hex'), 'transfer', id, at FROM chunk
"""

WORLD = """
UPDATE accounts SET version = %(accounts)s, balance_minor = -%(opening)s * %(accounts)s::bigint,
    last_posted_at = timestamptz 'epoch'
        + interval '1 millisecond' * (%(began_ms)s + %(step_ms)s::bigint * (%(accounts)s - 1))
WHERE id = %(world)s AND version = 0
"""

ACCOUNT_IDS = "SELECT id::text, owner_id FROM places ORDER BY place"


@dataclass(frozen=True, slots=True)
class History:
    """How much to load, and whose accounts they are.

    Attributes:
        accounts: At least two.
        postings: Rounded up to whole rounds, in which every account pays once.
    """

    accounts: int
    postings: int
    owners: Sequence[UUID]

    @property
    def rounds(self) -> int:
        """Return how often every account pays."""
        return max(0, math.ceil(self.postings / 2 / self.accounts) - 1)

    @property
    def transfers(self) -> int:
        """Return how many transfers there will be, deposits included."""
        return self.accounts * (1 + self.rounds)

    def load(self, dsn: str, report: Callable[[str], None]) -> list[tuple[str, UUID]]:
        """Fill the database of *dsn*, whose books are empty; return the accounts and owners."""
        with psycopg.connect(dsn) as connection:
            for setting in SETTINGS:
                connection.execute(setting.encode())
            began_ms = _began_ms(connection)
            facts = self._facts(began_ms)
            with _bare(connection, report):
                connection.execute(MADE_ID)
                connection.execute(PLACES, facts)
                connection.execute("ANALYZE places")
                connection.execute(ACCOUNTS, facts | _wide({"shift": self._shift(self.rounds)}))
                connection.execute(WORLD, facts)
                connection.commit()
                report(f"{self.accounts:,} accounts are there")
                self._transfers(connection, facts, report)
            found = connection.execute(ACCOUNT_IDS).fetchall()
        _settle(dsn, report)
        return found

    def _transfers(
        self,
        connection: psycopg.Connection,
        facts: dict[str, Any],
        report: Callable[[str], None],
    ) -> None:
        """Load chunk by chunk, each of one round and one transaction."""
        began = time.monotonic()
        for number in range(self.rounds + 1):
            for start in range(0, self.accounts, CHUNK_TRANSFERS):
                first = number * self.accounts + start
                until = number * self.accounts + min(start + CHUNK_TRANSFERS, self.accounts)
                part = {"first": first, "until": until, "round": number}
                _chunk(connection, facts | _wide({**part, "shift": self._shift(number)}))
                rate = until / (time.monotonic() - began)
                report(f"{until:,} of {self.transfers:,} transfers, {rate:,.0f}/s")

    def _shift(self, number: int) -> int:
        """Return how far behind its payer everybody stands who is paid in a round; 0 for none."""
        return 0 if number == 0 else 1 + number * STRIDE % (self.accounts - 1)

    def _facts(self, began_ms: int) -> dict[str, Any]:
        return _wide(
            {
                "accounts": self.accounts,
                "owners": list(self.owners),
                "users": len(self.owners),
                "world": world_account_id(CURRENCY),
                "platform": PLATFORM_ID,
                "currency": CURRENCY,
                "opening": OPENING_MINOR,
                "last": self.rounds,
                "began_ms": began_ms,
                "step_ms": max(1, DAYS * 86_400_000 // self.transfers),
            }
        )


def _chunk(connection: psycopg.Connection, facts: dict[str, Any]) -> None:
    is_opening = facts["round"] == 0
    facts |= {
        "kind": "deposit" if is_opening else "transfer",
        "amount": Int8(OPENING_MINOR if is_opening else AMOUNT_MINOR),
    }
    names = {
        "source": "%(world)s" if is_opening else "source_id",
        "principal": "%(platform)s" if is_opening else "principal_id",
    }
    connection.execute(CHUNK, facts)
    connection.execute(TRANSFERS.format(**names).encode(), facts)
    connection.execute(OPENINGS if is_opening else POSTINGS, facts)
    connection.execute(KEYS.format(**names).encode(), facts)
    connection.commit()


def _wide(facts: dict[str, Any]) -> dict[str, Any]:
    """Return *facts* with numbers of 64 bits: alone each would get the smallest type it fits."""
    return {name: Int8(fact) if isinstance(fact, int) else fact for name, fact in facts.items()}


def _began_ms(connection: psycopg.Connection) -> int:
    statement = "SELECT extract(epoch FROM now() - make_interval(days => %s))::bigint * 1000"
    row = connection.execute(statement, (DAYS + DAYS_AGO,)).fetchone()
    return int(row[0])


@contextmanager
def _bare(connection: psycopg.Connection, report: Callable[[str], None]) -> Iterator[None]:
    """Drop indexes and keys for the time inside, and make them again."""
    tables = {"tables": list(TABLES)}
    held = connection.execute(HELD, tables).fetchall()
    indexes = connection.execute(INDEXES, tables).fetchall()
    for table, name, _, _ in held:
        connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}".encode())
    for name, _ in indexes:
        connection.execute(f"DROP INDEX {name}".encode())
    connection.commit()
    yield
    primary = [each for each in held if each[3]]
    foreign = [each for each in held if not each[3]]
    for table, name, definition, _ in primary:
        _make(connection, name, f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}", report)
    for name, definition in indexes:
        _make(connection, name, definition, report)
    for table, name, definition, _ in foreign:
        _make(connection, name, f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}", report)


def _make(
    connection: psycopg.Connection, name: str, statement: str, report: Callable[[str], None]
) -> None:
    began = time.monotonic()
    connection.execute(statement.encode())
    connection.commit()
    report(f"{name} made in {time.monotonic() - began:.1f} s")


def _settle(dsn: str, report: Callable[[str], None]) -> None:
    """Do what autovacuum and the checkpointer would do in time, so that no round pays for it."""
    began = time.monotonic()
    with psycopg.connect(dsn, autocommit=True) as connection:
        for table in TABLES:
            connection.execute(f"VACUUM (ANALYZE, FREEZE) {table}".encode())
        connection.execute("CHECKPOINT")
    report(f"vacuumed, analyzed and on disk after {time.monotonic() - began:.1f} s")
