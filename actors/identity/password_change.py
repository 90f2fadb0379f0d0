"""Changing a password, and getting in again without it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from actors.domain.credentials import RESET_SECONDS, MailToken
from actors.domain.errors import Unauthenticated
from actors.domain.errors_identity import PasswordWrong, TokenInvalid
from actors.domain.events import password_changed
from actors.domain.users import canonical_email
from actors.identity.proof import Proof, person
from actors.identity.throttling import Throttling
from actors.identity.vault import Vault
from actors.security.opaque_tokens import mail_token_hash, new_mail_token
from actors.security.password_rules import check_password
from actors.security.passwords import HashPool
from actors.store.identity.everything import IdentityStore
from actors.store.identity.users import PasswordChange

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from actors.domain.credentials import PasswordHash
    from actors.domain.principals import Principal
    from actors.store.identity.users import UserRow

NEW_PASSWORD: Final = "new_password"  # noqa: S105  the name of a field
FORGOT_SECONDS: Final = 0.1
"""How long an answer takes at least, so that known and unknown addresses take the same."""


@dataclass(frozen=True, slots=True)
class Passwords:
    """The passwords of people who are signed in, or cannot sign in."""

    store: IdentityStore
    vault: Vault
    pool: HashPool
    proof: Proof
    throttling: Throttling

    async def change(self, principal: Principal, current: str, new: str) -> None:
        """Replace the password and end every other session.

        Raises:
            PasswordWrong: If *current* is not it.
            FieldInvalid: If *new* is not allowed, with the reason.
            InsufficientScope: If the credential is an API key.
            Throttled, Overloaded: If it cannot be tried now.
        """
        row = await self.store.users.active(person(principal))
        if row is None:
            raise Unauthenticated
        self._check(row, new)
        old = await self.proof.of_user(row.id, current, "current_password")
        change = self._change(row, await self.pool.hash(new))
        if not await self.store.users.change_password(
            change, old, kept_session=principal.session_id
        ):
            raise PasswordWrong

    async def forgot(self, email: str, *, source: str) -> None:
        """Send a reset token if *email* is a verified user's; say nothing either way.

        Raises:
            FieldInvalid: If *email* is no address.
            Throttled: If the source has asked too often.
        """
        index = self.vault.address_index(canonical_email(email))
        await self.throttling.forgot(source)
        async with _at_least(FORGOT_SECONDS):
            row = await self.store.users.active_by_address(index)
            if row is not None:
                await self._send_reset(row)

    async def reset(self, token: str, new: str) -> None:
        """Use up a reset token, replace the password and end every session.

        Raises:
            TokenInvalid: If the token is unknown, used or expired.
            FieldInvalid: If *new* is not allowed; the token can be used again.
            Overloaded: If too many wait.
        """
        token_hash = mail_token_hash(token)
        row = await self.store.users.resetting(token_hash)
        if row is None:
            raise TokenInvalid
        self._check(row, new)
        change = self._change(row, await self.pool.hash(new))
        if not await self.store.users.reset_password(token_hash, change):
            raise TokenInvalid

    def _check(self, row: UserRow, new: str) -> None:
        user = self.vault.user(row)
        check_password(new, field=NEW_PASSWORD, email=user.email, full_name=user.full_name)

    def _change(self, row: UserRow, password: PasswordHash) -> PasswordChange:
        mail = self.vault.mail_to(row, "password-changed")
        return PasswordChange(row.id, password, mail, password_changed(row.id, mail.id))

    async def _send_reset(self, row: UserRow) -> None:
        token = new_mail_token()
        await self.store.users.add_reset(
            row.id,
            MailToken("reset", mail_token_hash(token), RESET_SECONDS),
            self.vault.mail_to(row, "reset-password", token),
        )


@asynccontextmanager
async def _at_least(seconds: float) -> AsyncIterator[None]:
    """Let the block take at least *seconds*."""
    clock = asyncio.get_running_loop().time
    ends_at = clock() + seconds
    yield
    await asyncio.sleep(ends_at - clock())
