"""The bounds of the runtime: every queue has one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """How much waits, and how much travels together.

    Attributes:
        batch_movements: The most movements that one batch carries.
        batches_in_flight: How many batches may be under way at once, where they are taken in order.
        waiting: The most turns that wait in all; one more is told to come back.
        waiting_per_account: The most turns that wait for one account.
        accounts: How many idle accounts are remembered.
        idle_seconds: How long an idle account is remembered.
    """

    batch_movements: int = 256
    batches_in_flight: int = 2
    waiting: int = 10_000
    waiting_per_account: int = 2_000
    accounts: int = 200_000
    idle_seconds: float = 300.0


@dataclass(frozen=True, slots=True)
class TenancyLimits:
    """How a shard keeps its slots.

    Attributes:
        lease_seconds: The lease that the database grants; a third of it is one round.
        slots_per_round: The most slots given back in one round, so that moving is gradual.
    """

    lease_seconds: float = 6.0
    slots_per_round: int = 128

    @property
    def round_seconds(self) -> float:
        """Return the time between two heartbeats."""
        return self.lease_seconds / 3

    @property
    def trusted_seconds(self) -> float:
        """Return for how long after a heartbeat a shard believes to own what it owned.

        One missed heartbeat: the last third of the lease is left to clocks and to commits.
        """
        return self.lease_seconds * 2 / 3


@dataclass(frozen=True, slots=True)
class CallLimits:
    """How an ingress reaches the owners.

    Attributes:
        call_seconds: How long an owner is waited for before the way around it is taken.
        avoid_seconds: How long an owner that did not answer is left alone.
        refresh_seconds: How old the map of owners may become.
    """

    call_seconds: float = 2.0
    avoid_seconds: float = 1.0
    refresh_seconds: float = 1.0


@dataclass(frozen=True, slots=True)
class RuntimeLimits:
    """All bounds together."""

    batches: BatchLimits = field(default_factory=BatchLimits)
    tenancy: TenancyLimits = field(default_factory=TenancyLimits)
    calls: CallLimits = field(default_factory=CallLimits)


DEFAULT_LIMITS: Final = RuntimeLimits()
