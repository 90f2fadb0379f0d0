"""The questions about transfers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from actors.domain.batches import KeptAnswer
from actors.domain.transfers import Outcome, Transfer, TransferKind, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actors.store.pool import Pool

COLUMNS = """
t.id, t.kind, t.source_account_id, t.destination_account_id, t.amount_minor, t.currency,
t.description, t.reference, t.metadata::text, t.principal_id, t.idempotency_key, t.posted_at
"""

ONE = f"""
SELECT {COLUMNS} FROM transfers t
JOIN accounts s ON s.id = t.source_account_id
JOIN accounts d ON d.id = t.destination_account_id
WHERE t.id = %s AND (%s::uuid IS NULL OR %s IN (s.owner_id, d.owner_id))
"""  # noqa: S608  the columns are a constant

FILTERS = """
    t.id < coalesce(%(before)s, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
    AND (%(kind)s::text IS NULL OR t.kind = %(kind)s)
    AND (%(since)s::timestamptz IS NULL OR t.posted_at >= %(since)s)
    AND (%(until)s::timestamptz IS NULL OR t.posted_at < %(until)s)
    AND (%(metadata)s::jsonb IS NULL
         OR (t.principal_id = %(viewer)s AND t.metadata::jsonb @> %(metadata)s::jsonb))
"""

_OF_ACCOUNTS = f"""
SELECT DISTINCT ON (t.id) {COLUMNS} FROM accounts a CROSS JOIN LATERAL (
    (SELECT t.* FROM transfers t WHERE t.source_account_id = a.id AND {FILTERS}
     ORDER BY t.id DESC LIMIT %(limit)s)
    UNION ALL
    (SELECT t.* FROM transfers t WHERE t.destination_account_id = a.id AND {FILTERS}
     ORDER BY t.id DESC LIMIT %(limit)s)
) t
"""  # noqa: S608  as above

OF_OWNER = f"{_OF_ACCOUNTS} WHERE a.owner_id = %(owner)s ORDER BY t.id DESC LIMIT %(limit)s"

OF_ACCOUNT = f"""{_OF_ACCOUNTS}
WHERE a.id = %(account)s AND (%(owner)s::uuid IS NULL OR a.owner_id = %(owner)s)
ORDER BY t.id DESC LIMIT %(limit)s
"""
"""Apart from ``OF_OWNER``, so that either has one good plan whoever asks."""

KEPT = f"""
SELECT k.fingerprint, k.object_kind, k.object_id, k.answer, {COLUMNS}
FROM idempotency_keys k
LEFT JOIN transfers t ON k.object_kind = 'transfer' AND t.id = k.object_id
WHERE k.principal_id = %s AND k.idempotency_key = %s
"""  # noqa: S608  as above


@dataclass(frozen=True, slots=True)
class TransferFilter:
    """Which transfers a list shows.

    Attributes:
        owner_id: Only of this user's accounts; None reads as an operator, with *account_id*.
        viewer_id: Whose metadata may be searched.
        since: Inclusive.
        until: Exclusive.
        metadata: JSON text of an object that the transfer's own must contain.
    """

    owner_id: UUID | None
    viewer_id: UUID
    account_id: UUID | None = None
    kind: TransferKind | None = None
    since: datetime | None = None
    until: datetime | None = None
    metadata: str | None = None

    @property
    def is_narrowed(self) -> bool:
        """Tell whether many transfers may have to be passed over for one that is shown."""
        narrowing = (self.kind, self.since, self.until, self.metadata)
        return any(each is not None for each in narrowing)


class Transfers:
    """Reads of transfers."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def one(self, transfer_id: UUID, owner_id: UUID | None) -> Transfer | None:
        """Return a transfer that touches an account of *owner_id*; None reads as an operator."""
        rows = await self._pool.rows(ONE, (transfer_id, owner_id, owner_id))
        return transfer(rows[0]) if rows else None

    async def many(
        self, wanted: TransferFilter, *, before: UUID | None, limit: int
    ) -> list[Transfer]:
        """Return the transfers that pass the filter, newest first."""
        parameters = {
            "before": before,
            "kind": wanted.kind,
            "since": wanted.since,
            "until": wanted.until,
            "metadata": wanted.metadata,
            "viewer": wanted.viewer_id,
            "owner": wanted.owner_id,
            "account": wanted.account_id,
            "limit": limit,
        }
        if wanted.account_id is None:
            rows = await self._pool.search(OF_OWNER, parameters)
        elif wanted.is_narrowed:
            rows = await self._pool.search(OF_ACCOUNT, parameters)
        else:
            rows = await self._pool.rows(OF_ACCOUNT, parameters)
        return [transfer(row) for row in rows]

    async def kept(self, principal_id: UUID, idempotency_key: str) -> KeptAnswer | None:
        """Return what a key of *principal_id* remembers."""
        rows = await self._pool.rows(KEPT, (principal_id, idempotency_key))
        if not rows:
            return None
        fingerprint, object_kind, object_id, answer, *columns = rows[0]
        outcome = None
        if object_kind is None:
            outcome = Outcome(Verdict.REFUSED, **answer)
        elif object_kind == "transfer":
            outcome = Outcome(Verdict.POSTED, transfer=transfer(columns))
        return KeptAnswer(
            principal_id, idempotency_key, fingerprint, object_kind, object_id, outcome
        )


def transfer(row: Sequence[Any]) -> Transfer:
    """Return the transfer of a row of COLUMNS."""
    return Transfer(row[0], TransferKind(row[1]), *row[2:])
