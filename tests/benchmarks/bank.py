"""Accounts with money on a bare database, and movements between them: no HTTP, no platform."""

from __future__ import annotations

import hashlib
import random
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

import psycopg

from actors.domain.accounts import world_account_id
from actors.domain.principals import PLATFORM_ID
from actors.domain.slots import SLOT_COUNT, slot_of
from actors.domain.transfers import Movement, TransferKind, Verdict
from actors.ids import new_id
from actors.ports.ledger import Fence
from actors.store import books
from actors.store.commit import PostgresLedger
from actors.store.slots import PostgresSlots
from tests.benchmarks.systems import CURRENCY, OPENING_MINOR, BenchFailure

if TYPE_CHECKING:
    from actors.store.pool import Pool

    FencedBatch = tuple[list[Movement], Fence | None]

OWNER = "bench"
USERS = 8
LEASE_SECONDS = 3600.0  # nobody else wants the slots
DEPOSITS_PER_COMMIT = 500
TOUR_PER_COMMIT = 50
OPEN = """
INSERT INTO accounts (id, owner_id, kind, currency)
SELECT u.id, u.owner_id, 'customer', %s FROM unnest(%s::uuid[], %s::uuid[]) AS u(id, owner_id)
"""
STANDING = """
SELECT id, owner_id FROM accounts WHERE kind = 'customer' AND currency = %s ORDER BY id LIMIT %s
"""


@dataclass(slots=True)
class Bank:
    """Accounts, who owns them, and the epochs of the slots that this process holds.

    Attributes:
        epochs: Without any, commits are not fenced: they take the ownerless path.
        debited: The places of the accounts that movements debit; without any, all of them.
    """

    accounts: Sequence[tuple[UUID, UUID]]
    epochs: dict[int, int]
    debited: Sequence[int] = ()
    _pick: random.Random = field(default_factory=lambda: random.Random(1))  # noqa: S311  a load
    _prefix: str = field(default_factory=lambda: secrets.token_hex(6))
    _made: int = 0

    def batch(self, size: int) -> FencedBatch:
        """Return new movements, each under a new key, and the fence that a shard would give."""
        return self._fenced([self._movement() for _ in range(size)])

    def debiting(self, places: Sequence[int]) -> Bank:
        """Return the same bank for one who debits only the accounts at *places*."""
        return Bank(self.accounts, self.epochs, places)

    def tour(self) -> list[FencedBatch]:
        """Return batches that debit every account once: who commits them has seen them all."""
        places = range(len(self.accounts))
        return [
            self._fenced([self._from(place) for place in places[start : start + TOUR_PER_COMMIT]])
            for start in range(0, len(places), TOUR_PER_COMMIT)
        ]

    def _fenced(self, movements: list[Movement]) -> FencedBatch:
        if not self.epochs:
            return movements, None
        slots = {slot_of(movement.source_id) for movement in movements}
        return movements, Fence({slot: self.epochs[slot] for slot in slots})

    def _movement(self) -> Movement:
        return self._from(self._pick.choice(self.debited or range(len(self.accounts))))

    def _from(self, place: int) -> Movement:
        count = len(self.accounts)
        source_id, owner_id = self.accounts[place]
        destination_id, _ = self.accounts[(place + self._pick.randrange(1, count)) % count]
        self._made += 1
        return _movement(
            TransferKind.TRANSFER,
            source_id,
            destination_id,
            1,
            (owner_id, f"{self._prefix}-{self._made:010d}"),
        )


async def open_bank(pool: Pool, owner_dsn: str, accounts: int) -> Bank:
    """Open *accounts*, give each money through the real commit path, and take every slot.

    Raises:
        BenchFailure: If a deposit is refused.
    """
    owners = [new_id() for _ in range(USERS)]
    opened = [(new_id(), owners[place % USERS]) for place in range(accounts)]
    with psycopg.connect(owner_dsn) as connection:
        columns = [list(column) for column in zip(*opened, strict=True)]
        connection.execute(OPEN, (CURRENCY, *columns))
    for start in range(0, accounts, DEPOSITS_PER_COMMIT):
        part = opened[start : start + DEPOSITS_PER_COMMIT]
        outcomes = await PostgresLedger(pool).commit([_deposit(a) for a, _ in part], fence=None)
        if any(outcome.verdict is not Verdict.POSTED for outcome in outcomes):
            raise BenchFailure("a deposit was refused")
    return Bank(opened, await take_slots(pool))


def standing_bank(owner_dsn: str, accounts: int) -> Bank:
    """Use *accounts* that the database already has; somebody else owns the slots."""
    with psycopg.connect(owner_dsn) as connection:
        found = connection.execute(STANDING, (CURRENCY, accounts)).fetchall()
    return Bank(found, {})


async def take_slots(pool: Pool) -> dict[int, int]:
    """Claim every slot and return its epoch.

    Raises:
        BenchFailure: If somebody else owns some.
    """
    slots = PostgresSlots(pool, lease_seconds=LEASE_SECONDS)
    await slots.heartbeat(OWNER, "", 0)
    leases = await slots.claim(OWNER, SLOT_COUNT)
    if len(leases) != SLOT_COUNT:
        raise BenchFailure("somebody else owns slots of this database")
    return {lease.slot: lease.epoch for lease in leases}


def findings(dsn: str) -> list[str]:
    """Return what ``gopherpay verify`` finds."""
    report = books.verify(dsn, progress=lambda _title, _done: None)
    return [str(finding) for finding in report.findings]


def _deposit(account_id: UUID) -> Movement:
    world = world_account_id(CURRENCY)
    key = (PLATFORM_ID, f"opening-{account_id}")
    return _movement(TransferKind.DEPOSIT, world, account_id, OPENING_MINOR, key)


def _movement(
    kind: TransferKind,
    source_id: UUID,
    destination_id: UUID,
    amount_minor: int,
    key: tuple[UUID, str],
) -> Movement:
    principal_id, text = key
    return Movement(
        transfer_id=new_id(),
        kind=kind,
        source_id=source_id,
        destination_id=destination_id,
        amount_minor=amount_minor,
        currency=CURRENCY,
        principal_id=principal_id,
        owner_id=None if kind is TransferKind.DEPOSIT else principal_id,
        idempotency_key=text,
        fingerprint=hashlib.blake2b(text.encode(), digest_size=16).digest(),
        request_id="bench",
    )
