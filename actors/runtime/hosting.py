"""A shard with all it needs, made from plain values that travel to where it shall live."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from actors.runtime.limits import DEFAULT_LIMITS, RuntimeLimits
from actors.runtime.shard import Shard
from actors.store.commit import PostgresLedger
from actors.store.pool import Pool
from actors.store.slots import PostgresSlots

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@dataclass(frozen=True, slots=True)
class ShardPlan:
    """What a shard is made of.

    Attributes:
        dsn: The database, as the application's role.
        connections_max: Connections of its own; two commits and the lease need three.
        generation: The version of the software; a newer one takes slots over.
        limits: The bounds of its queues and its lease.
    """

    dsn: str = field(repr=False)
    connections_max: int = 4
    generation: int = 0
    limits: RuntimeLimits = DEFAULT_LIMITS


@asynccontextmanager
async def hosted_shard(plan: ShardPlan, address: str) -> AsyncIterator[Shard]:
    """Run a shard that callers reach at *address*, which also is its name.

    Raises:
        StoreUnavailable: If there is no database to begin with.
    """
    pool = Pool(plan.dsn, size_max=plan.connections_max, name="gopherpay-shard")
    await pool.open()
    try:
        shard = Shard(
            PostgresLedger(pool),
            PostgresSlots(pool, lease_seconds=plan.limits.tenancy.lease_seconds),
            owner=address,
            address=address,
            generation=plan.generation,
            limits=plan.limits,
        )
        await shard.start()
        try:
            yield shard
        finally:
            await shard.stop()
    finally:
        await pool.close()
