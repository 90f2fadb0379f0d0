"""Who owns which slot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


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
