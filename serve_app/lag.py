"""How far readers of the outbox are behind, looked at now and then and shown as metrics."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from actors.domain.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Sequence

    from actors.store.outbox_reading import Lag
    from serve_app.http.metrics import Meter

LOOK_SECONDS: Final = 10.0


class LagWatch:
    """Keeps the last look; a database that does not answer leaves the one before.

    Args:
        look: Returns how far each reader is behind.
        held: Returns for how many seconds a running transaction has kept all of them waiting.
        readers: Those that read now; others that once did are of no interest.
    """

    def __init__(
        self,
        look: Callable[[], Awaitable[Sequence[Lag]]],
        held: Callable[[], Awaitable[float]],
        readers: Collection[str],
    ) -> None:
        self._look = look
        self._held = held
        self._readers = readers
        self._seen: Sequence[Lag] = ()
        self._held_seconds = 0.0

    async def run(self) -> None:
        """Look every ten seconds until cancelled."""
        while True:
            await self.once()
            await asyncio.sleep(LOOK_SECONDS)

    async def once(self) -> None:
        """Look now."""
        try:
            seen, held_seconds = await self._look(), await self._held()
        except Unavailable:
            return
        self._held_seconds = held_seconds
        self._seen = [each for each in seen if each.reader in self._readers]

    def show(self, meter: Meter) -> None:
        """Show the last look as numbers, by reader where there is one."""
        meter.gauge("events_held_seconds", lambda: self._held_seconds)
        meter.gauges("events_behind", "reader", self._events)
        meter.gauges("events_behind_seconds", "reader", self._seconds)
        meter.gauges("events_parked", "reader", self._parked)

    def _events(self) -> dict[str, float]:
        return {each.reader: each.events for each in self._seen}

    def _seconds(self) -> dict[str, float]:
        return {each.reader: each.oldest_seconds for each in self._seen}

    def _parked(self) -> dict[str, float]:
        return {each.reader: each.parked for each in self._seen}
