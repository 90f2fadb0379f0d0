"""Proving a password: the one place where a guess is counted, tried and judged."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from actors.domain.errors import InsufficientScope, Overloaded, Unauthenticated
from actors.domain.errors_identity import FieldInvalid, PasswordWrong
from actors.identity.throttling import Guess, Throttling
from actors.security.password_rules import MAX_BYTES
from actors.security.passwords import HashPool
from actors.store.identity.users import UserRow, UserStore

if TYPE_CHECKING:
    from uuid import UUID

    from actors.domain.credentials import PasswordHash
    from actors.domain.principals import Principal

SESSION_SCOPE: Final = "session"
"""What no API key can have: only a signed-in person manages credentials and profile."""


def person(principal: Principal) -> UUID:
    """Return the user of a session.

    Raises:
        InsufficientScope: If the credential is an API key.
    """
    if principal.session_id is None:
        raise InsufficientScope(SESSION_SCOPE)
    return principal.id


def check_size(password: str, field: str = "password") -> None:
    """Pass if *password* is short enough to be hashed at all.

    Raises:
        FieldInvalid: If not.
    """
    if len(password) > MAX_BYTES or len(password.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise FieldInvalid(field, f"too long: at most {MAX_BYTES} bytes")


@dataclass(frozen=True, slots=True)
class Proof:
    """Tries passwords."""

    users: UserStore
    pool: HashPool
    throttling: Throttling

    async def of_address(
        self, address_index: bytes, password: str, source: str
    ) -> tuple[UserRow, PasswordHash]:
        """Return the active user of an address if *password* is theirs.

        Unknown, unverified and closed users and wrong passwords take the same statements,
        the same time and the same way out.

        Raises:
            Unauthenticated: If not.
            Throttled: If too many were wrong.
            Overloaded: If too many wait.
        """
        self.pool.require_room()
        guess = await self.throttling.log_in(address_index, source)
        found = await self.users.to_log_in(address_index)
        right = await self._try(guess, password, found[1] if found else None)
        if found is None or right is None:
            raise Unauthenticated
        return found[0], right

    async def of_user(self, user_id: UUID, password: str, field: str) -> PasswordHash:
        """Return the stored hash of a signed-in user if *password* is theirs.

        Raises:
            PasswordWrong: If not.
            Throttled, Overloaded: As above.
        """
        check_size(password, field)
        self.pool.require_room()
        guess = await self.throttling.prove(user_id)
        right = await self._try(guess, password, await self.users.password_of(user_id))
        if right is None:
            raise PasswordWrong
        return right

    async def _try(
        self, guess: Guess, password: str, stored: PasswordHash | None
    ) -> PasswordHash | None:
        """Return *stored*, or what has replaced it, if *password* fits."""
        try:
            is_right = await self.pool.is_right(password, stored)
        except Overloaded:
            await self.throttling.was_not_made(guess)
            raise
        if stored is None or not is_right:
            return None
        await self.throttling.was_right(guess)
        return stored

    async def renew(self, user_id: UUID, password: str, proven: PasswordHash) -> PasswordHash:
        """Return the hash of a proven password as we hash today, stored in place of an old one.

        A full queue is no reason to fail a log-in that has succeeded: next time, then.
        """
        if not self.pool.is_stale(proven):
            return proven
        with suppress(Overloaded):
            fresh = await self.pool.hash(password)
            if await self.users.rehash(user_id, proven, fresh):
                return fresh
        return proven
