"""Who owns which slot: ``actors.ports.slots.Slots`` on Postgres.

A lease belongs to the owner, not to the slot: one row is renewed, not a thousand,
and a renewal never waits for the commits that hold a slot's row.
Leases only bound how long a dead owner keeps others waiting; the epochs keep the books safe.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.ports.slots import SlotLease, SlotOwner
from actors.store import encoding

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from actors.store.pool import Pool

HEARTBEAT = """
INSERT INTO shard_members (owner, address, generation, lease_until)
VALUES (%(owner)s, %(address)s, %(generation)s,
        clock_timestamp() + make_interval(secs => %(lease_seconds)s))
ON CONFLICT (owner) DO UPDATE
    SET address = excluded.address, lease_until = excluded.lease_until
"""

ALIVE = """
SELECT CASE WHEN max(generation) > %(generation)s THEN 0
            ELSE count(*) FILTER (WHERE generation = %(generation)s) END
FROM shard_members WHERE lease_until > clock_timestamp()
"""
"""Of the newest generation: an older one is told none, gives its slots up and takes no more."""

CLAIM = """
UPDATE slots SET owner = %(owner)s, epoch = epoch + 1
WHERE slot IN (
    SELECT slot FROM slots
    WHERE owner IS NULL
        OR owner IN (SELECT owner FROM shard_members WHERE lease_until < clock_timestamp())
    ORDER BY slot LIMIT %(limit)s FOR UPDATE SKIP LOCKED
)
RETURNING slot, epoch
"""
"""Not a join: a row that another claim has changed meanwhile is judged again by its new owner,
but beside the other side of the join as it was before, which would let two take one slot.
"""

OWNED = "SELECT slot, epoch FROM slots WHERE owner = %s"

RELEASE = """
UPDATE slots SET owner = NULL, epoch = epoch + 1 WHERE owner = %s AND slot = ANY(%s::smallint[])
"""

OWNERS = """
SELECT s.slot, s.owner, m.address, s.epoch
FROM slots s JOIN shard_members m ON m.owner = s.owner
WHERE m.lease_until > clock_timestamp()
"""

LEAVE = (
    "UPDATE slots SET owner = NULL, epoch = epoch + 1 WHERE owner = %s",
    "DELETE FROM shard_members WHERE owner = %s",
)

FORGET = """
DELETE FROM shard_members m WHERE m.lease_until < clock_timestamp() - interval '1 hour'
    AND NOT EXISTS (SELECT FROM slots s WHERE s.owner = m.owner)
"""


class PostgresSlots:
    """Slots and leases of one database."""

    def __init__(self, pool: Pool, *, lease_seconds: float) -> None:
        self._pool = pool
        self._lease_seconds = lease_seconds

    async def heartbeat(self, owner: str, address: str, generation: int) -> int:
        """Renew the owner's lease; see ``actors.ports.slots.Slots``."""
        parameters = {
            "owner": owner,
            "address": address,
            "generation": generation,
            "lease_seconds": self._lease_seconds,
        }
        async with self._pool.transaction() as connection:
            await connection.execute(HEARTBEAT, parameters)
            await connection.execute(FORGET)
            row = await (await connection.execute(ALIVE, parameters)).fetchone()
        return 0 if row is None else int(row[0])

    async def claim(self, owner: str, limit: int) -> list[SlotLease]:
        """Take slots that nobody alive owns; see ``actors.ports.slots.Slots``."""
        rows = await self._pool.rows(CLAIM, {"owner": owner, "limit": limit})
        return [SlotLease(slot, epoch) for slot, epoch in rows]

    async def owned(self, owner: str) -> list[SlotLease]:
        """Return what *owner* owns."""
        return [SlotLease(slot, epoch) for slot, epoch in await self._pool.rows(OWNED, (owner,))]

    async def release(self, owner: str, slots: Sequence[int]) -> None:
        """Give *slots* back under a new epoch."""
        async with self._pool.transaction() as connection:
            await connection.execute(RELEASE, (owner, encoding.numbers(slots)))

    async def owners(self) -> Mapping[int, SlotOwner]:
        """Return the living owner of each slot that has one."""
        rows = await self._pool.rows(OWNERS)
        return {slot: SlotOwner(owner, address, epoch) for slot, owner, address, epoch in rows}

    async def leave(self, owner: str) -> None:
        """End the owner's lease and give everything back."""
        async with self._pool.transaction() as connection:
            for statement in LEAVE:
                await connection.execute(statement, (owner,))
