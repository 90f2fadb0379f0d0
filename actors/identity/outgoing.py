"""What leaves the platform by mail and push, opened just before: ``actors.ports.courier.People``.

Nothing that is opened here is ever stored, logged or written to a bus.
"""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog

from actors.identity.mailbox import written
from actors.identity.vault import Vault
from actors.ports.courier import Letter, Profile
from actors.security.keys import KeyRing
from actors.security.sealing import Place, SealBroken, Sealer
from actors.store.deliveries import PostgresDeliveries
from actors.store.subscribers import PostgresSubscribers

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from uuid import UUID

    from actors.store.identity.mails import MailRow
    from actors.store.pool import Pool
    from actors.store.subscribers import PersonRow

_USERS: Final = "users"
_PROFILE: Final = b"profile told to a messenger\0"
"""Sets these hashes apart from those of addresses, which the same key makes."""

_log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Opens profiles and mails for those who carry them."""

    subscribers: PostgresSubscribers
    deliveries: PostgresDeliveries
    keys: KeyRing
    public_url: str

    async def profiles(self, user_ids: Collection[UUID]) -> Mapping[UUID, Profile | None]:
        """Return the profile of each user that is there and not closed; None if unreadable."""
        rows = await self.subscribers.persons(user_ids)
        return {row.user_id: self._profile(row) for row in rows}

    async def letters(self, mail_ids: Collection[UUID]) -> Mapping[UUID, Letter | None]:
        """Return each mail that is still there, opened; None if unreadable."""
        return {row.id: self._letter(row) for row in await self.deliveries.mails(mail_ids)}

    def _profile(self, row: PersonRow) -> Profile | None:
        try:
            key = Sealer(self.keys.kek, self.keys.keks).unwrap(row.wrapped_key, row.user_id)
            email = key.open(row.email_sealed, Place(_USERS, "email_sealed", row.user_id))
            name = key.open(row.full_name_sealed, Place(_USERS, "full_name_sealed", row.user_id))
        except SealBroken:
            _log.exception("profile.not_opened", user_id=str(row.user_id))
            return None
        told = json.dumps([email, name, row.language]).encode()
        digest = hmac.digest(self.keys.email_lookup.key, _PROFILE + told, "sha256")
        return Profile(row.user_id, email, name, row.language, digest)

    def _letter(self, row: MailRow) -> Letter | None:
        try:
            mail = written(Vault(self.keys).opened(row), self.public_url)
        except SealBroken:
            _log.exception("mail.not_opened", mail_id=str(row.id))
            return None
        return Letter(mail.id, mail.subject, mail.text, mail.link)


def outgoing(pool: Pool, keys: KeyRing, public_url: str) -> Outgoing:
    """Return what opens the profiles and mails of one database."""
    return Outgoing(PostgresSubscribers(pool), PostgresDeliveries(pool), keys, public_url)
