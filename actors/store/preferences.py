"""Which ways people want to be told: ``Preferences`` of ``actors.ports.notifications``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from actors.ports.notifications import Channels
from actors.store import encoding

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from actors.store.pool import Pool

OF: Final = "SELECT kind, in_app, email, push FROM notification_preferences WHERE user_id = %s"

CHOOSE: Final = b"""
INSERT INTO notification_preferences (user_id, kind, in_app, email, push)
SELECT %s, * FROM unnest(%s::text[], %s::boolean[], %s::boolean[], %s::boolean[]) AS c (kind)
ORDER BY kind
ON CONFLICT (user_id, kind)
DO UPDATE SET in_app = excluded.in_app, email = excluded.email, push = excluded.push
"""


class PreferenceStore:
    """Reads and writes preferences."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def of(self, user_id: UUID) -> Mapping[str, Channels]:
        """Return what a person chose by kind."""
        rows = await self._pool.rows(OF, (user_id,))
        return {kind: Channels(*ways) for kind, *ways in rows}

    async def choose(self, user_id: UUID, chosen: Mapping[str, Channels]) -> None:
        """Keep *chosen*; other kinds stay as they are."""
        if not chosen:
            return
        columns = zip(*chosen.values(), strict=True)
        async with self._pool.transaction() as connection:
            parameters = (user_id, encoding.words(chosen), *map(list, columns))
            await connection.execute(CHOOSE, parameters)
