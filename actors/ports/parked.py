"""Events that could not be told, and those of the same subject behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from actors.ports.events import StoredEvent


class Parked(Protocol):
    """What stands aside so that the others go on.

    Once an event of a subject is here, all later ones follow it here: they leave in order.
    Every call may raise ``StoreUnavailable``: then it is not certain whether it was done, and
    doing it again is safe.
    """

    async def subjects(self, reader: str, lanes: Collection[int]) -> frozenset[str]:
        """Return the ids of subjects of *lanes* that have events here."""
        ...

    async def park(
        self, reader: str, events: Sequence[StoredEvent], error: str, *, wait_seconds: float = 0
    ) -> None:
        """Put *events* aside; the first try of them is after *wait_seconds*."""
        ...

    async def due(self, reader: str, lanes: Collection[int], *, limit: int) -> list[StoredEvent]:
        """Return the events of subjects whose first one may be tried again, in order."""
        ...

    async def told(self, reader: str, events: Sequence[StoredEvent]) -> None:
        """Forget *events*, which are out now."""
        ...

    async def refused(self, reader: str, event: StoredEvent, error: str) -> None:
        """Remember that *event* failed again; each failure doubles the wait for the next try."""
        ...
