"""Mails as a person would read them; the development profile shows them instead of sending."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple
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


_PAGES: Final[Mapping[MailKind, str]] = MappingProxyType(
    {"verify-email": "verify-email", "reset-password": "reset-password"}
)
"""Where a link leads; the other mails have none."""


class Wording(NamedTuple):
    """A mail in one language."""

    subject: str
    text: str


_ENGLISH: Final[Mapping[MailKind, Wording]] = {
    "verify-email": Wording(
        "Confirm your address",
        "Hello {name}, confirm your address within 15 minutes: {link}",
    ),
    "account-exists": Wording(
        "You already have an account",
        "Hello {name}, somebody tried to sign up with your address. If it was you, sign in.",
    ),
    "reset-password": Wording(
        "Reset your password",
        "Hello {name}, choose a new password within 10 minutes: {link}",
    ),
    "password-changed": Wording(
        "Your password was changed",
        "Hello {name}, your password was changed. If it was not you, reset it at once.",
    ),
}

_VIETNAMESE: Final[Mapping[MailKind, Wording]] = {
    "verify-email": Wording(
        "Xác nhận địa chỉ của bạn",
        "Chào {name}, hãy xác nhận địa chỉ của bạn trong vòng 15 phút: {link}",
    ),
    "account-exists": Wording(
        "Bạn đã có tài khoản",
        "Chào {name}, có người vừa đăng ký bằng địa chỉ của bạn. Nếu đó là bạn, hãy đăng nhập.",
    ),
    "reset-password": Wording(
        "Đặt lại mật khẩu",
        "Chào {name}, hãy chọn mật khẩu mới trong vòng 10 phút: {link}",
    ),
    "password-changed": Wording(
        "Mật khẩu của bạn đã được đổi",
        "Chào {name}, mật khẩu của bạn đã được đổi. Nếu không phải bạn, hãy đặt lại ngay.",
    ),
}

WORDINGS: Final[Mapping[str, Mapping[MailKind, Wording]]] = MappingProxyType(
    {"en": MappingProxyType(_ENGLISH), "vi": MappingProxyType(_VIETNAMESE)}
)
"""By language and kind."""


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
    """Return *mail* in words of its reader's language.

    The token stands in the link's fragment, which no server and no log ever sees.
    """
    wording = WORDINGS[mail.language][mail.kind]
    page = _PAGES.get(mail.kind)
    link = f"{public_url}/{page}#token={mail.token}" if page else None
    return Mail(
        id=mail.id,
        to=mail.to,
        kind=mail.kind,
        subject=wording.subject,
        text=wording.text.format(name=mail.full_name, link=link),
        link=link,
        token=mail.token,
        created_at=mail.created_at,
    )
