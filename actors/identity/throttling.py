"""How often something may be tried; the counters live in the database.

Keys hold no address: an account is named by the keyed hash of its address, and counts alike
whether or not there is such an account.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from actors.domain.errors import Throttled
from actors.store.identity.throttles import ThrottleStore

if TYPE_CHECKING:
    from uuid import UUID

FREE_GUESSES: Final = 10
WAIT_SECONDS_MAX: Final = 15 * 60
"""Nobody is locked out for good (ASVS v5.0.0-6.1.1)."""

SOURCE_FAILURES: Final = 300
SOURCE_WINDOW_SECONDS: Final = 10 * 60
REGISTRATIONS: Final = 30
FORGOTTEN: Final = 10
HOUR_SECONDS: Final = 3600


@dataclass(frozen=True, slots=True)
class Guess:
    """A password that is about to be tried, already counted against its account and source."""

    account_key: str
    source_key: str | None


@dataclass(frozen=True, slots=True)
class Throttling:
    """The limits of production, times a factor."""

    store: ThrottleStore
    factor: int

    async def log_in(self, address_index: bytes, source: str) -> Guess:
        """Count a log-in as failed until it is known better.

        Raises:
            Throttled: If the account or the source has failed too often.
        """
        source_key = f"login-source:{source}"
        await self._hit(source_key, SOURCE_FAILURES, SOURCE_WINDOW_SECONDS)
        return await self._guess(Guess(f"login:{address_index.hex()}", source_key))

    async def prove(self, user_id: UUID) -> Guess:
        """Count a password that a signed-in user gives again.

        Raises:
            Throttled: If it was wrong too often.
        """
        return await self._guess(Guess(f"prove:{user_id}", None))

    async def was_right(self, guess: Guess) -> None:
        """Forget the failures of the account, and the attempt of the source."""
        await self.store.forget(guess.account_key)
        if guess.source_key is not None:
            await self.store.unhit(guess.source_key)

    async def was_not_made(self, guess: Guess) -> None:
        """Take back a guess that was counted but could not be tried."""
        await self.store.unhit(guess.account_key)
        if guess.source_key is not None:
            await self.store.unhit(guess.source_key)

    async def register(self, source: str) -> None:
        """Count a registration.

        Raises:
            Throttled: If the source has registered too many.
        """
        await self._hit(f"register:{source}", REGISTRATIONS, HOUR_SECONDS)

    async def forgot(self, source: str) -> None:
        """Count a forgotten password.

        Raises:
            Throttled: If the source has asked too often.
        """
        await self._hit(f"forgot:{source}", FORGOTTEN, HOUR_SECONDS)

    async def _hit(self, key: str, limit: int, window_seconds: int) -> None:
        wait_seconds = await self.store.hit(
            key, limit=limit * self.factor, window_seconds=window_seconds
        )
        if wait_seconds:
            raise Throttled(wait_seconds)

    async def _guess(self, guess: Guess) -> Guess:
        wait_seconds = await self.store.try_guess(
            guess.account_key,
            free_guesses=FREE_GUESSES * self.factor,
            wait_seconds_max=WAIT_SECONDS_MAX,
        )
        if wait_seconds:
            raise Throttled(wait_seconds)
        return guess
