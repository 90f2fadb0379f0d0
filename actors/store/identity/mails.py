"""Mails that must go out, sealed; a relay delivers them, the development mailbox shows them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from psycopg.rows import class_row

from actors.domain.credentials import MailKind, SealedMail, WrappedKey

if TYPE_CHECKING:
    from psycopg import AsyncConnection

    from actors.store.pool import Pool


@dataclass(frozen=True, slots=True)
class MailRow:
    """A stored mail with the wrapped key that opens it, and the language of its user."""

    id: UUID
    user_id: UUID
    kind: MailKind
    payload_sealed: bytes
    created_at: datetime
    kek_id: str
    data_key: bytes
    language: str

    @property
    def wrapped_key(self) -> WrappedKey:
        """Return the wrapped data key of the mail's user."""
        return WrappedKey(self.kek_id, self.data_key)


class MailStore:
    """Reads and writes mails."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def add(self, mail: SealedMail) -> None:
        """Add *mail*."""
        async with self._pool.transaction() as connection:
            await insert_mail(connection, mail)

    async def newest_of(self, recipient_index: bytes, limit: int) -> list[MailRow]:
        """Return the newest mails to an address."""
        async with (
            self._pool.transaction() as connection,
            connection.cursor(row_factory=class_row(MailRow)) as cursor,
        ):
            await cursor.execute(
                "SELECT m.id, m.user_id, m.kind, m.payload_sealed, m.created_at,"
                " u.kek_id, u.data_key, u.language FROM mails m JOIN users u ON u.id = m.user_id"
                " WHERE m.recipient_index = %s ORDER BY m.id DESC LIMIT %s",
                (recipient_index, limit),
            )
            return await cursor.fetchall()


async def insert_mail(connection: AsyncConnection, mail: SealedMail) -> None:
    """Add *mail* inside the open transaction of *connection*."""
    await connection.execute(
        "INSERT INTO mails (id, user_id, recipient_index, kind, payload_sealed)"
        " VALUES (%s, %s, %s, %s, %s)",
        (mail.id, mail.user_id, mail.recipient_index, mail.kind, mail.payload_sealed),
    )
