"""The one way to write money, and where its ids come from."""

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


class IdSource(Protocol):
    """Where new ids come from; the rules never make one themselves."""

    def __call__(self) -> UUID:
        """Return a new time-ordered id (UUIDv7, RFC 9562)."""
        ...
