"""Mails as a person would read them; the development profile shows them instead of sending."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final
from uuid import UUID

from actors.domain.credentials import MailKind
from actors.domain.users import canonical_email
from actors.identity.vault import Vault
from actors.store.identity.mails import MailStore

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actors.identity.vault import OpenedMail

NEWEST: Final = 50


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail; *link* and *token* only where the reader has to do something with them."""

    id: UUID
    to: str
    kind: MailKind
    subject: str
    text: str
    link: str | None
    token: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class _Template:
    subject: str
    text: str
    page: str | None = None


_TEMPLATES: Final[Mapping[MailKind, _Template]] = {
    "verify-email": _Template(
        "Confirm your address",
        "Hello {name}, confirm your address within 15 minutes: {link}",
        "verify-email",
    ),
    "account-exists": _Template(
        "You already have an account",
        "Hello {name}, somebody tried to sign up with your address. If it was you, sign in.",
    ),
    "reset-password": _Template(
        "Reset your password",
        "Hello {name}, choose a new password within 10 minutes: {link}",
        "reset-password",
    ),
    "password-changed": _Template(
        "Your password was changed",
        "Hello {name}, your password was changed. If it was not you, reset it at once.",
    ),
}


@dataclass(frozen=True, slots=True)
class Mailbox:
    """The mails to an address."""

    mails: MailStore
    vault: Vault
    public_url: str

    async def read(self, email: str) -> list[Mail]:
        """Return the newest mails to *email*, newest first.

        Raises:
            FieldInvalid: If *email* is no address.
        """
        index = self.vault.address_index(canonical_email(email))
        rows = await self.mails.newest_of(index, NEWEST)
        return [written(self.vault.opened(row), self.public_url) for row in rows]


def written(mail: OpenedMail, public_url: str) -> Mail:
    """Return *mail* in words.

    The token stands in the link's fragment, which no server and no log ever sees.
    """
    template = _TEMPLATES[mail.kind]
    link = f"{public_url}/{template.page}#token={mail.token}" if template.page else None
    return Mail(
        id=mail.id,
        to=mail.to,
        kind=mail.kind,
        subject=template.subject,
        text=template.text.format(name=mail.full_name, link=link),
        link=link,
        token=mail.token,
        created_at=mail.created_at,
    )
