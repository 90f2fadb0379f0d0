"""What a test sees of the books: accounts to move money between, and the truth afterwards."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import psycopg

from actors.domain.accounts import world_account_id
from actors.domain.principals import PLATFORM_ID
from actors.domain.transfers import Movement, TransferKind, Verdict
from actors.ids import new_id
from actors.store.books.verification import verify
from actors.store.commit import PostgresLedger
from actors.store.pool import Pool

OWNER = new_id()


def a_movement(source, destination, minor=1, key=None):
    return Movement(
        transfer_id=new_id(),
        kind=TransferKind.TRANSFER,
        source_id=source,
        destination_id=destination,
        amount_minor=minor,
        currency="USD",
        principal_id=OWNER,
        owner_id=OWNER,
        idempotency_key=key or str(new_id()),
        fingerprint=hashlib.sha256(f"{source}{destination}{minor}".encode()).digest(),
        request_id="request",
    )


def again(movement):
    """Return the same wish under the same key, as a client repeats it."""
    return replace(movement, transfer_id=new_id(), request_id="again")


def _deposit(account, minor):
    return replace(
        a_movement(world_account_id("USD"), account, minor),
        kind=TransferKind.DEPOSIT,
        principal_id=PLATFORM_ID,
        owner_id=None,
    )


@dataclass(frozen=True)
class Books:
    """The database of one test."""

    owner_dsn: str
    app_dsn: str

    async def open_accounts(self, count, minor=1_000):
        """Return new accounts with *minor* each, deposited."""
        ids = [new_id() for _ in range(count)]
        with psycopg.connect(self.owner_dsn, autocommit=True) as connection:
            connection.cursor().executemany(
                "INSERT INTO accounts (id, owner_id, kind, currency)"
                " VALUES (%s, %s, 'customer', 'USD')",
                [(one, OWNER) for one in ids],
            )
        pool = Pool(self.app_dsn, size_max=1, name="test")
        await pool.open()
        outcomes = await PostgresLedger(pool).commit(
            [_deposit(one, minor) for one in ids], fence=None
        )
        await pool.close()
        assert {outcome.verdict for outcome in outcomes} == {Verdict.POSTED}
        return ids

    def posted(self):
        """Return the id of each transfer between customers, by its key."""
        return dict(
            self._rows("SELECT idempotency_key, id::text FROM transfers WHERE kind = 'transfer'")
        )

    def total_minor(self):
        """Return the sum over the customers' accounts."""
        ((total,),) = self._rows(
            "SELECT sum(balance_minor)::bigint FROM accounts WHERE kind = 'customer'"
        )
        return total

    def owners(self):
        """Return how many slots each living owner holds."""
        return dict(
            self._rows(
                "SELECT s.owner, count(*) FROM slots s JOIN shard_members m USING (owner)"
                " WHERE m.lease_until > clock_timestamp() GROUP BY 1"
            )
        )

    def wait_for_lease_end(self, owner):
        """Return when the lease of *owner* is over by the database's clock."""
        self._rows(
            "SELECT pg_sleep_until(lease_until)::text FROM shard_members WHERE owner = %s", owner
        )

    def are_clean(self):
        """Tell whether every invariant of the books holds."""
        return verify(self.owner_dsn, progress=lambda _what, _part: None).is_clean

    def _rows(self, statement, *values):
        with psycopg.connect(self.owner_dsn, autocommit=True) as connection:
            return connection.execute(statement, values).fetchall()
