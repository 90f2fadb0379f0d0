"""The questions about accounts and their entries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors.domain.accounts import AccountStatus, BalanceAt, Entry, Wallet
from actors.domain.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from actors.store.pool import Pool

WALLET_COLUMNS = """
a.id, a.owner_id, a.currency, a.name,
a.status <> 'closed' AND (a.is_default OR NOT (
    EXISTS (SELECT FROM accounts o WHERE o.owner_id = a.owner_id AND o.id < a.id
        AND o.currency = a.currency AND o.status <> 'closed')
    OR EXISTS (SELECT FROM accounts o WHERE o.owner_id = a.owner_id
        AND o.currency = a.currency AND o.is_default AND o.status <> 'closed')
)) AS is_default,
a.status, a.balance_minor, a.held_minor, a.overdraft_minor, a.version, a.created_at
"""
"""The default is the one that was named, else the oldest open one: ids are in time order."""

ONE = f"""
SELECT {WALLET_COLUMNS} FROM accounts a
WHERE a.id = %s AND a.kind = 'customer' AND (%s::uuid IS NULL OR a.owner_id = %s)
"""  # noqa: S608  the columns are a constant

MANY = f"""
SELECT {WALLET_COLUMNS} FROM accounts a
WHERE a.owner_id = %s AND a.kind = 'customer'
    AND CASE WHEN %s::text IS NULL THEN a.status <> 'closed' ELSE a.status = %s END
    AND a.id < coalesce(%s, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
ORDER BY a.id DESC LIMIT %s
"""  # noqa: S608  as above
"""Later pages begin in the index, since the bound is one value (no id of ours is all ones)."""

ENTRIES = """
SELECT e.* FROM accounts a
LEFT JOIN LATERAL (
    SELECT p.transfer_id, t.kind, p.amount_minor, t.currency, p.balance_after_minor, p.version,
           o.owner_id, t.description, p.posted_at
    FROM postings p
    JOIN transfers t ON t.id = p.transfer_id
    JOIN accounts o ON o.id = CASE WHEN t.source_account_id = p.account_id
        THEN t.destination_account_id ELSE t.source_account_id END
    WHERE p.account_id = a.id AND p.version < coalesce(%s, 9223372036854775807)
    ORDER BY p.version DESC LIMIT %s
) e ON true
WHERE a.id = %s AND a.kind = 'customer' AND (%s::uuid IS NULL OR a.owner_id = %s)
ORDER BY e.version DESC
"""
"""No row: there is no such account for this reader. A row of nulls: it has no entries here."""

BALANCE_AT = """
WITH RECURSIVE search (low, high) AS (
    SELECT 0::bigint, version FROM accounts WHERE id = %(id)s
    UNION ALL
    SELECT CASE WHEN p.posted_at <= %(at)s THEN s.middle ELSE s.low END,
           CASE WHEN p.posted_at <= %(at)s THEN s.high ELSE s.middle - 1 END
    FROM (SELECT low, high, (low + high + 1) / 2 AS middle FROM search WHERE low < high) s
    JOIN postings p ON p.account_id = %(id)s AND p.version = s.middle
)
SELECT s.low, coalesce(p.balance_after_minor, 0), a.currency, a.overdraft_minor
FROM search s
JOIN accounts a ON a.id = %(id)s
LEFT JOIN postings p ON p.account_id = a.id AND p.version = s.low
WHERE s.low = s.high
"""
"""Halves the versions until the last posting not after the moment: their times never fall."""


class Wallets:
    """Reads of accounts; *owner_id* None reads as an operator."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def one(self, account_id: UUID, owner_id: UUID | None) -> Wallet:
        """Return an account.

        Raises:
            NotFound: If there is none, or it is another's.
        """
        rows = await self._pool.rows(ONE, (account_id, owner_id, owner_id))
        if not rows:
            raise NotFound
        return wallet(rows[0])

    async def many(
        self, owner_id: UUID, *, status: AccountStatus | None, before: UUID | None, limit: int
    ) -> list[Wallet]:
        """Return the owner's accounts, newest first; without a *status* those not closed."""
        rows = await self._pool.rows(MANY, (owner_id, status, status, before, limit))
        return [wallet(row) for row in rows]

    async def entries(
        self,
        account_id: UUID,
        owner_id: UUID | None,
        *,
        before_version: int | None,
        limit: int,
    ) -> list[Entry]:
        """Return the postings of an account, newest first.

        Raises:
            NotFound: If there is none, or it is another's.
        """
        parameters = (before_version, limit, account_id, owner_id, owner_id)
        rows = await self._pool.rows(ENTRIES, parameters)
        if not rows:
            raise NotFound
        return [Entry(*row) for row in rows if row[0] is not None]

    async def balance_at(self, account_id: UUID, at: datetime | None) -> BalanceAt | None:
        """Return what the account held at *at*, None when that lies in the future.

        Without *at* it is the database's now. Before the opening: zeros.
        """
        clock = await self._pool.rows("SELECT clock_timestamp()", ())
        moment = clock[0][0] if at is None else at
        if moment > clock[0][0]:
            return None
        rows = await self._pool.rows(BALANCE_AT, {"id": account_id, "at": moment})
        version, posted_minor, currency, overdraft_minor = rows[0]
        overdraft_minor = overdraft_minor if version else 0
        return BalanceAt(
            held_minor=0,
            posted_minor=posted_minor,
            available_minor=posted_minor + overdraft_minor,
            currency=currency,
            version=version,
            at=moment,
        )


def wallet(row: Sequence[Any]) -> Wallet:
    """Return the account of a row of WALLET_COLUMNS."""
    return Wallet(
        id=row[0],
        owner_id=row[1],
        currency=row[2],
        name=row[3],
        is_default=row[4],
        status=AccountStatus(row[5]),
        balance_minor=row[6],
        held_minor=row[7],
        overdraft_minor=row[8],
        version=row[9],
        created_at=row[10],
    )
