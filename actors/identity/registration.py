"""Signing up: register, then prove the address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from actors.domain.credentials import VERIFY_SECONDS, MailToken
from actors.domain.errors_identity import TokenInvalid
from actors.domain.events import user_registered, user_verified
from actors.domain.users import LANGUAGES, canonical_email, checked_full_name, checked_language
from actors.identity.throttling import Throttling
from actors.identity.vault import Vault
from actors.security.opaque_tokens import mail_token_hash, new_mail_token
from actors.security.password_rules import check_password
from actors.security.passwords import HashPool
from actors.store.identity.everything import IdentityStore

if TYPE_CHECKING:
    from actors.domain.credentials import PasswordHash
    from actors.domain.users import User


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody who wants to join has sent."""

    email: str
    full_name: str
    password: str
    language: str = LANGUAGES[0]


@dataclass(frozen=True, slots=True)
class Registration:
    """New people."""

    store: IdentityStore
    vault: Vault
    pool: HashPool
    throttling: Throttling

    async def register(self, wish: Wish, *, source: str) -> None:
        """Store *wish* and send a mail to its address.

        Nothing tells the caller whether the address is taken; its owner learns by mail.
        Until one is proven, several registrations of an address may wait, each with its own
        password: a stranger cannot slip a password under somebody else's verification.

        Raises:
            FieldInvalid: If a value is not allowed, the password's reason included.
            Throttled, Overloaded: If it cannot be done now.
        """
        address = canonical_email(wish.email)
        checked_full_name(wish.full_name)
        checked_language(wish.language)
        check_password(wish.password, field="password", email=address, full_name=wish.full_name)
        self.pool.require_room()
        await self.throttling.register(source)
        password = await self.pool.hash(wish.password)
        taken = await self.store.users.active_by_address(self.vault.address_index(address))
        if taken is not None:
            await self.store.mails.add(self.vault.mail_to(taken, "account-exists"))
            return
        await self._add(wish, address, password)

    async def verify(self, token: str) -> User:
        """Use up a verification token and return the user, now active.

        Raises:
            TokenInvalid: If it is unknown, used or expired.
        """
        token_hash = mail_token_hash(token)
        user_id = await self.store.users.waiting(token_hash)
        if user_id is None:
            raise TokenInvalid
        row = await self.store.users.verify(token_hash, user_verified(user_id))
        if row is None:
            raise TokenInvalid
        return self.vault.user(row)

    async def _add(self, wish: Wish, address: str, password: PasswordHash) -> None:
        token = new_mail_token()
        user = self.vault.new_user(
            wish.email, address, wish.full_name, password, language=wish.language
        )
        mail = self.vault.first_mail(user, wish.email, wish.full_name, token)
        await self.store.users.register(
            user,
            MailToken("verify", mail_token_hash(token), VERIFY_SECONDS),
            mail,
            user_registered(user.id, mail.id),
        )
