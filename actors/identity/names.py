"""What one person may see of another's name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from actors.domain.credentials import WrappedKey
from actors.domain.users import masked_name
from actors.security.sealing import Place, Sealer
from actors.store.identity.names import NameRow, NameStore

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from uuid import UUID

_USERS: Final = "users"
_COLUMN: Final = "full_name_sealed"


@dataclass(frozen=True, slots=True)
class Names:
    """Opens names in order to mask them."""

    store: NameStore
    sealer: Sealer

    async def masked(self, user_ids: Iterable[UUID]) -> Mapping[UUID, str]:
        """Return the masked name of each user that there is; the platform has none."""
        wanted = tuple(user_ids)
        rows = await self.store.of(wanted) if wanted else []
        return {row.user_id: masked_name(self._opened(row)) for row in rows}

    def _opened(self, row: NameRow) -> str:
        """Return the name of *row*.

        Raises:
            SealBroken: If the row was tampered with.
        """
        key = self.sealer.unwrap(WrappedKey(row.kek_id, row.data_key), row.user_id)
        return key.open(row.full_name_sealed, Place(_USERS, _COLUMN, row.user_id))
