"""How long a running transaction has kept readers of the outbox waiting."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.store.pool import Pool

HORIZON: Final = """
SELECT pg_snapshot_xmin(now_running)::text::bigint, pg_snapshot_xmax(now_running)::text::bigint
FROM pg_current_snapshot() AS now_running
"""


class Horizon:
    """Watches the oldest transaction that has written, of all databases of the server.

    Nothing that was written after it began is read before it ends.  Its age is told from when it
    was first seen here: its true beginning is hidden from the application's role.
    """

    def __init__(self, pool: Pool, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._pool = pool
        self._clock = clock
        self._oldest: int | None = None
        self._since = 0.0

    async def held_seconds(self) -> float:
        """Return for how long the same one has kept later ones waiting, 0 when none does.

        Raises:
            StoreUnavailable: If the database does not answer.
        """
        ((oldest, coming),) = await self._pool.rows(HORIZON)
        if oldest >= coming:  # whatever runs, nothing that came after it is over
            self._oldest = None
            return 0.0
        if oldest != self._oldest:
            self._oldest, self._since = oldest, self._clock()
        return self._clock() - self._since
