"""Between sealed rows and readable values: nobody else opens what names a person."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final
from uuid import UUID

from actors.domain.credentials import MailKind, SealedMail
from actors.domain.users import User, UserStatus
from actors.ids import new_id
from actors.security.keys import KeyRing
from actors.security.sealing import Place, Sealer
from actors.store.identity.users import NewUser

if TYPE_CHECKING:
    from actors.domain.credentials import PasswordHash
    from actors.security.sealing import DataKey
    from actors.store.identity.mails import MailRow
    from actors.store.identity.users import UserRow

_USERS: Final = "users"
_MAILS: Final = "mails"


@dataclass(frozen=True, slots=True)
class OpenedMail:
    """A mail, readable, and the language its reader has chosen."""

    id: UUID
    kind: MailKind
    created_at: datetime
    language: str
    to: str
    full_name: str
    token: str | None


@dataclass(frozen=True, slots=True)
class _Letter:
    """What a mail says, before it is sealed."""

    kind: MailKind
    to: str
    full_name: str
    token: str | None

    def sealed(self, data_key: DataKey, user_id: UUID, recipient_index: bytes) -> SealedMail:
        """Return the mail as stored, under an id of its own."""
        mail_id = new_id()
        text = json.dumps({"to": self.to, "full_name": self.full_name, "token": self.token})
        sealed = data_key.seal(text, Place(_MAILS, "payload_sealed", mail_id))
        return SealedMail(mail_id, user_id, recipient_index, self.kind, sealed)


@dataclass(frozen=True, slots=True)
class Vault:
    """Seals and opens with the keys of the platform."""

    keys: KeyRing

    @property
    def _sealer(self) -> Sealer:
        return Sealer(self.keys.kek, self.keys.keks)

    def address_index(self, canonical_address: str) -> bytes:
        """Return by what an address is looked up."""
        return self.keys.email_index(canonical_address)

    def new_user(
        self,
        email: str,
        canonical_address: str,
        full_name: str,
        password: PasswordHash,
        *,
        language: str,
    ) -> NewUser:
        """Return a user to be stored, with a data key of its own."""
        user_id = new_id()
        data_key = self._sealer.new_key(user_id)
        return NewUser(
            id=user_id,
            email_index=self.address_index(canonical_address),
            wrapped_key=data_key.wrapped,
            email_sealed=data_key.seal(email, Place(_USERS, "email_sealed", user_id)),
            full_name_sealed=data_key.seal(full_name, Place(_USERS, "full_name_sealed", user_id)),
            password=password,
            language=language,
        )

    def user(self, row: UserRow) -> User:
        """Return the person of *row*.

        Raises:
            SealBroken: If the row was tampered with, or its key is gone.
        """
        data_key = self._key(row)
        return User(
            id=row.id,
            email=data_key.open(row.email_sealed, Place(_USERS, "email_sealed", row.id)),
            full_name=data_key.open(
                row.full_name_sealed, Place(_USERS, "full_name_sealed", row.id)
            ),
            status=UserStatus(row.status),
            roles=tuple(row.roles),
            created_at=row.created_at,
            language=row.language,
        )

    def renamed(self, row: UserRow, full_name: str) -> bytes:
        """Return *full_name* sealed for *row*."""
        return self._key(row).seal(full_name, Place(_USERS, "full_name_sealed", row.id))

    def mail_to(self, row: UserRow, kind: MailKind, token: str | None = None) -> SealedMail:
        """Return a mail to the person of *row*."""
        user = self.user(row)
        letter = _Letter(kind, user.email, user.full_name, token)
        return letter.sealed(self._key(row), row.id, row.email_index)

    def first_mail(self, new: NewUser, email: str, full_name: str, token: str) -> SealedMail:
        """Return the mail that verifies the address of a user about to be stored."""
        data_key = self._sealer.unwrap(new.wrapped_key, new.id)
        letter = _Letter("verify-email", email, full_name, token)
        return letter.sealed(data_key, new.id, new.email_index)

    def opened(self, row: MailRow) -> OpenedMail:
        """Return the mail of *row*, readable."""
        data_key = self._sealer.unwrap(row.wrapped_key, row.user_id)
        text = data_key.open(row.payload_sealed, Place(_MAILS, "payload_sealed", row.id))
        return OpenedMail(
            id=row.id,
            kind=row.kind,
            created_at=row.created_at,
            language=row.language,
            **json.loads(text),
        )

    def _key(self, row: UserRow) -> DataKey:
        return self._sealer.unwrap(row.wrapped_key, row.id)
