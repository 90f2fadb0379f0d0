"""The seams: what one side needs, as a Protocol that it owns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actors.domain.transfers import Movement, Outcome


@dataclass(frozen=True, slots=True)
class Fence:
    """The slots a shard writes for, with the epochs under which it believes to own them."""

    epochs: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class KeyClaim:
    """The wish to do a command once under a key."""

    principal_id: UUID
    idempotency_key: str
    fingerprint: bytes


class Fenced(Exception):
    """Some slot of the batch has another epoch by now; nothing was written."""


class Ledger(Protocol):
    """The one way to write money."""

    async def commit(self, movements: Sequence[Movement], *, fence: Fence | None) -> list[Outcome]:
        """Post *movements* in order, in one transaction, each once per key.

        With *fence* the transaction stands only if every slot still has its epoch;
        without one it relies on the row locks alone (the ownerless path).

        Raises:
            Fenced: If a slot has moved; nothing was written.
            StoreUnavailable: If nothing was written and a repetition is safe.
            OutcomeUnknown: If the connection was lost while committing.
        """
        ...

    async def commit_all_or_none(self, movements: Sequence[Movement]) -> list[Outcome]:
        """Post all of *movements* in one transaction, or none of them.

        Raises:
            StoreUnavailable, OutcomeUnknown: As for ``commit``.
        """
        ...

    async def rehearse(self, movement: Movement) -> Outcome:
        """Return what ``commit`` would answer now, and change nothing."""
        ...


@dataclass(frozen=True, slots=True)
class SlotLease:
    """A slot that this process owns since *epoch*."""

    slot: int
    epoch: int


@dataclass(frozen=True, slots=True)
class SlotOwner:
    """Where a slot lives: the owner's name, and the address callers reach it by."""

    owner: str
    address: str
    epoch: int


class Slots(Protocol):
    """Who owns which slot, decided by the database alone."""

    async def heartbeat(self, owner: str, address: str, generation: int) -> int:
        """Renew the owner's lease and return how many owners are alive to share the slots.

        Only those of the newest generation do; an older one is told 0.

        Raises:
            StoreUnavailable: If the lease was not renewed.
        """
        ...

    async def claim(self, owner: str, limit: int) -> list[SlotLease]:
        """Take at most *limit* slots that nobody alive owns, each under a new epoch."""
        ...

    async def owned(self, owner: str) -> list[SlotLease]:
        """Return what *owner* owns according to the database."""
        ...

    async def release(self, owner: str, slots: Sequence[int]) -> None:
        """Give *slots* back; those that are another's by now stay untouched."""
        ...

    async def owners(self) -> Mapping[int, SlotOwner]:
        """Return the owner of each slot that somebody alive owns."""
        ...

    async def leave(self, owner: str) -> None:
        """End the owner's lease and give back all of its slots."""
        ...


class IdSource(Protocol):
    """Where new ids come from; the rules never make one themselves."""

    def __call__(self) -> UUID:
        """Return a new time-ordered id (UUIDv7, RFC 9562)."""
        ...
