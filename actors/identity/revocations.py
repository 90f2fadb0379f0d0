"""Hearing of what has died before its time: asked of the database every second."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Protocol

import structlog

from actors.domain.errors import Unavailable
from actors.security.revocation import RevocationList
from actors.store.identity.revocations import OVERLAP_SECONDS, RETENTION_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from uuid import UUID

POLL_SECONDS: Final = 1.0
STALE_SECONDS: Final = 4.0
"""Dead everywhere within five seconds: older news than this is asked for anew before use."""

log = structlog.get_logger(__name__)


class RevocationSource(Protocol):
    """Where revocations come from."""

    async def within(self, seconds: float) -> list[UUID]:
        """Return what died in the last *seconds*.

        Raises:
            Unavailable: If it cannot be told.
        """
        ...


class RevocationWatch:
    """Knows what is dead, and for how long it has not heard."""

    def __init__(self, source: RevocationSource, clock: Callable[[], float]) -> None:
        self._source = source
        self._clock = clock
        self._dead = RevocationList(retention_seconds=2.0 * RETENTION_SECONDS)
        self._heard_at_seconds = float("-inf")
        self._turn = asyncio.Lock()

    @property
    def is_fresh(self) -> bool:
        """Tell whether what is known is young enough to rely on."""
        return self._clock() - self._heard_at_seconds < STALE_SECONDS

    def is_dead(self, subjects: Iterable[UUID]) -> bool:
        """Tell whether any of *subjects* is known to be dead."""
        return self._dead.is_dead(subjects)

    async def ensure_fresh(self) -> None:
        """Ask now if the last answer is too old; many callers share one question.

        Raises:
            Unavailable: If nobody answers: a credential that may be dead is not accepted.
        """
        async with self._turn:
            if not self.is_fresh:
                await self._ask()

    async def run(self) -> None:
        """Ask every second until cancelled; an unreachable database is asked again."""
        while True:
            try:
                async with self._turn:
                    await self._ask()
            except Unavailable as error:
                log.warning("revocations.unheard", code=error.code)
            await asyncio.sleep(POLL_SECONDS)

    async def _ask(self) -> None:
        asked_at_seconds = self._clock()
        silence_seconds = asked_at_seconds - self._heard_at_seconds
        is_caught_up = silence_seconds < OVERLAP_SECONDS / 2
        subjects = await self._source.within(OVERLAP_SECONDS if is_caught_up else RETENTION_SECONDS)
        self._dead.add(subjects, asked_at_seconds)
        self._dead.forget(asked_at_seconds)
        self._heard_at_seconds = asked_at_seconds
