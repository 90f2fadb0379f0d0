"""The sealed names of people, for those who may see them masked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from uuid import UUID

from actors.store import encoding

if TYPE_CHECKING:
    from collections.abc import Iterable

    from actors.store.pool import Pool

NAMES: Final = "SELECT id, kek_id, data_key, full_name_sealed FROM users WHERE id = ANY(%s::uuid[])"


@dataclass(frozen=True, slots=True)
class NameRow:
    """A name as stored, with the wrapped key that opens it."""

    user_id: UUID
    kek_id: str
    data_key: bytes
    full_name_sealed: bytes


class NameStore:
    """Reads of names."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def of(self, user_ids: Iterable[UUID]) -> list[NameRow]:
        """Return the names of those of *user_ids* that there are."""
        rows = await self._pool.rows(NAMES, (encoding.ids(user_ids),))
        return [NameRow(*row) for row in rows]
