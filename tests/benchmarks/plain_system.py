"""The plain service as a system under test."""

from __future__ import annotations

import json
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import psycopg

from serve_app.embedded.ports import free_port
from tests.benchmarks import usage
from tests.benchmarks.plain_service import DSN_VARIABLE, POOL_VARIABLE, TOKENS_VARIABLE
from tests.benchmarks.plan import Api
from tests.benchmarks.systems import (
    CURRENCY,
    OPENING_MINOR,
    READS,
    USERS,
    Child,
    Target,
    answers,
    committed,
)

if TYPE_CHECKING:
    import psutil

SCHEMA = Path(__file__).parent / "plain_schema.sql"
WORLD_ID = UUID(int=1)
CONNECTIONS = 8  # of all workers; of 4, 8, 16 and 32 the fastest when hot, and within noise else

OPEN = """
INSERT INTO accounts (id, owner_id, kind, currency, balance_minor, version)
SELECT u.id, u.owner_id, 'customer', %(currency)s, %(opening)s, 1
FROM unnest(%(accounts)s::uuid[], %(owners)s::uuid[]) AS u(id, owner_id)
"""

DEPOSIT = """
WITH deposits AS (
    INSERT INTO transfers (id, source_account_id, destination_account_id, amount_minor, currency,
        owner_id, idempotency_key)
    SELECT gen_random_uuid(), %(world)s, a.id, %(opening)s, a.currency, %(world)s, a.id::text
    FROM accounts a WHERE a.kind = 'customer'
    RETURNING id, destination_account_id
), ordered AS (
    SELECT *, row_number() OVER () AS place FROM deposits
)
INSERT INTO postings (account_id, version, transfer_id, amount_minor, balance_after_minor)
SELECT destination_account_id, 1, id, %(opening)s, %(opening)s FROM ordered
UNION ALL SELECT %(world)s, place, id, -%(opening)s, -%(opening)s * place FROM ordered
"""

BALANCE = """
UPDATE accounts SET balance_minor = p.balance_minor, version = p.version
FROM (SELECT sum(amount_minor) AS balance_minor, max(version) AS version FROM postings
      WHERE account_id = %(world)s) p
WHERE id = %(world)s
"""

WRONG_ACCOUNTS = """
SELECT count(*) FROM accounts a LEFT JOIN (
    SELECT account_id, sum(amount_minor) AS total, count(*) AS postings, max(version) AS version
    FROM postings GROUP BY account_id
) p ON p.account_id = a.id
WHERE a.balance_minor <> coalesce(p.total, 0) OR a.version <> coalesce(p.postings, 0)
    OR a.version <> coalesce(p.version, 0)
"""

WRONG_TRANSFERS = """
SELECT count(*) FROM transfers t LEFT JOIN (
    SELECT transfer_id, count(*) AS postings, sum(amount_minor) AS total, max(amount_minor) AS moved
    FROM postings GROUP BY transfer_id
) p ON p.transfer_id = t.id
WHERE p.postings IS DISTINCT FROM 2 OR p.total <> 0 OR p.moved <> t.amount_minor
"""


class PlainSystem:
    """FastAPI and psycopg below uvicorn."""

    def __init__(self, dsn: str, log_folder: Path, *, name: str = "plain", workers: int) -> None:
        self.name = name
        self.dsn = dsn
        self.setup = f"{workers} uvicorn worker(s), {CONNECTIONS} connections to Postgres"
        self._workers = workers
        self._log_file = log_folder / f"{name}.log"
        self._owners = [uuid4() for _ in range(USERS)]
        self._tokens = [secrets.token_urlsafe(32) for _ in range(USERS)]
        self._port = free_port()
        self._mark = f"{name} on {self._port}"
        self._child: Child | None = None

    def make_schema(self) -> None:
        """Make the tables in the empty database."""
        with psycopg.connect(self.dsn) as connection:
            connection.execute(SCHEMA.read_bytes())

    def start(self) -> None:
        """Start uvicorn and wait until its pool is open."""
        tokens = {
            token: str(owner) for token, owner in zip(self._tokens, self._owners, strict=True)
        }
        command = [sys.executable, "-m", "uvicorn", "tests.benchmarks.plain_service:app"]
        command += ["--port", str(self._port), "--workers", str(self._workers)]
        command += ["--loop", "uvloop", "--http", "httptools", "--no-access-log"]
        self._child = Child(
            command,
            mark=self._mark,
            log_file=self._log_file,
            variables={
                DSN_VARIABLE: self.dsn,
                TOKENS_VARIABLE: json.dumps(tokens),
                POOL_VARIABLE: str(CONNECTIONS // self._workers),
            },
        )
        self._child.start(self.is_ready)

    def is_ready(self) -> bool:
        """Tell whether it answers."""
        return answers(f"http://127.0.0.1:{self._port}/readyz")

    def prepare(self, accounts: int) -> Target:
        """Make accounts that the users own in turn."""
        ids = [uuid4() for _ in range(accounts)]
        owners = [place % USERS for place in range(accounts)]
        parameters = {
            "accounts": ids,
            "owners": [self._owners[place] for place in owners],
            "currency": CURRENCY,
            "opening": OPENING_MINOR,
            "world": WORLD_ID,
        }
        with psycopg.connect(self.dsn) as connection:
            connection.execute(
                "INSERT INTO accounts (id, owner_id, kind, currency)"
                " VALUES (%(world)s, %(world)s, 'world', %(currency)s)",
                parameters,
            )
            for statement in (OPEN, DEPOSIT, BALANCE):
                connection.execute(statement, parameters)
        opened = [str(each) for each in ids]
        return Target(self._port, self._tokens, opened, owners, api=Api(reads=READS))

    def processes(self) -> list[psutil.Process]:
        """Return uvicorn and its workers."""
        return usage.marked(self._mark)

    def committed(self, key_prefix: str) -> set[str]:
        """Return the ids of the transfers whose keys begin so."""
        return committed(self.dsn, "owner_id", self._owners, key_prefix)

    def discrepancies(self) -> list[str]:
        """Return what is wrong: balances, versions and transfers against the postings."""
        with psycopg.connect(self.dsn) as connection:
            accounts = connection.execute(WRONG_ACCOUNTS).fetchone()[0]
            transfers = connection.execute(WRONG_TRANSFERS).fetchone()[0]
        found = {"accounts": accounts, "transfers": transfers}
        return [f"{count} {what} wrong" for what, count in found.items() if count]

    def stop(self) -> None:
        """Stop uvicorn."""
        if self._child is not None:
            self._child.stop()
