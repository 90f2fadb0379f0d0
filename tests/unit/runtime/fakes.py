"""A database of the mind: the ledger and the slots, held to the same ports as Postgres."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from uuid import UUID

from actors.domain import batches
from actors.domain.accounts import Account, AccountKind, AccountStatus
from actors.domain.slots import SLOT_COUNT, slot_of
from actors.domain.transfers import Movement, TransferKind
from actors.ports.ledger import Fenced
from actors.ports.slots import SlotLease, SlotOwner

NOW = datetime(2026, 1, 1, tzinfo=UTC)
OWNER = UUID(int=7)
_numbers = itertools.count(1)


def an_id():
    return UUID(int=next(_numbers) << 64)


def in_slot(slot):
    """Return a new account id of that slot."""
    return next(account for account in iter(an_id, None) if slot_of(account) == slot)


def a_movement(source, destination, minor=1, key=None):
    key = key or f"key-{next(_numbers)}"
    return Movement(
        transfer_id=an_id(),
        kind=TransferKind.TRANSFER,
        source_id=source,
        destination_id=destination,
        amount_minor=minor,
        currency="USD",
        principal_id=OWNER,
        owner_id=OWNER,
        idempotency_key=key,
        fingerprint=hashlib.sha256(f"{source}{destination}{minor}".encode()).digest(),
        request_id="request",
    )


@dataclass
class FakeSlots:
    """Leases by a clock that the test sets."""

    lease_seconds: float = 6.0
    now: float = 0.0
    failure: Exception | None = None
    members: dict = field(default_factory=dict)
    owner_of: dict = field(default_factory=dict)
    epochs: dict = field(default_factory=lambda: dict.fromkeys(range(SLOT_COUNT), 0))

    async def heartbeat(self, owner, address, generation):
        if self.failure is not None:
            raise self.failure
        self.members[owner] = (address, generation, self.now + self.lease_seconds)
        alive = [member for member in self.members.values() if member[2] > self.now]
        newest = max(member[1] for member in alive)
        if generation < newest:
            return 0
        return sum(member[1] == newest for member in alive)

    async def claim(self, owner, limit):
        free = [slot for slot in range(SLOT_COUNT) if not self._lives(self.owner_of.get(slot))]
        return [self._move(slot, owner) for slot in free[:limit]]

    async def owned(self, owner):
        return [SlotLease(s, self.epochs[s]) for s, o in self.owner_of.items() if o == owner]

    async def release(self, owner, slots):
        for slot in slots:
            if self.owner_of.get(slot) == owner:
                del self.owner_of[slot]
                self.epochs[slot] += 1

    async def owners(self):
        return {
            slot: SlotOwner(owner, self.members[owner][0], self.epochs[slot])
            for slot, owner in self.owner_of.items()
            if self._lives(owner)
        }

    async def leave(self, owner):
        await self.release(owner, range(SLOT_COUNT))
        self.members.pop(owner, None)

    def _lives(self, owner):
        return owner in self.members and self.members[owner][2] > self.now

    def _move(self, slot, owner):
        self.owner_of[slot] = owner
        self.epochs[slot] += 1
        return SlotLease(slot, self.epochs[slot])


@dataclass
class FakeLedger:
    """Decides by the real rules; opens its gate and fails when the test says so."""

    slots: FakeSlots = field(default_factory=FakeSlots)
    accounts: dict = field(default_factory=dict)
    kept: dict = field(default_factory=dict)
    commits: list = field(default_factory=list)
    fences: list = field(default_factory=list)
    fail_before: list = field(default_factory=list)
    fail_after: list = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    begun: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))

    def __post_init__(self):
        self.gate.set()

    def open_account(self, minor=0, account_id=None):
        account_id = account_id or an_id()
        self.accounts[account_id] = Account(
            account_id, OWNER, AccountKind.CUSTOMER, "USD", AccountStatus.OPEN, minor, 0, 0, 0, None
        )
        return account_id

    async def commit(self, movements, *, fence):
        self.commits.append(list(movements))
        self.fences.append(fence)
        self.begun.release()
        await self.gate.wait()
        if self.fail_before and (failure := self.fail_before.pop(0)) is not None:
            raise failure
        if fence is not None and any(self.slots.epochs[s] != e for s, e in fence.epochs.items()):
            raise Fenced
        outcomes = self._decide(movements)
        if self.fail_after:
            raise self.fail_after.pop(0)
        return outcomes

    def _decide(self, movements):
        batch = batches.decide(movements, self.accounts, self.kept, NOW)
        for kept in batch.keys:
            self.kept[kept.principal_id, kept.idempotency_key] = kept
        return batch.outcomes

    def sizes(self):
        return [len(commit) for commit in self.commits]

    def total_minor(self):
        return sum(account.balance_minor for account in self.accounts.values())

    def posted(self):
        return sum(kept.object_kind == "transfer" for kept in self.kept.values())


def later(movement):
    """Return the same wish under the same key, as a client repeats it."""
    return replace(movement, transfer_id=an_id(), request_id="again")
