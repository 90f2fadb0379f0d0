"""The development mailbox: the mails that would have been sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from serve_app.http.access import Public
from serve_app.http.exchange import Answer, ok
from serve_app.http.routing import Route
from serve_app.http.texts import Query
from serve_app.routes.objects import TimeText, rfc3339

if TYPE_CHECKING:
    from actors.identity.mailbox import Mail
    from serve_app.http.exchange import Call
    from serve_app.ports import Mailbox


class Addressee(Query, frozen=True):
    """Whose mails."""

    email: Annotated[
        str,
        Meta(max_length=254, extra_json_schema={"format": "email"}, examples=["ada@example.com"]),
    ]


class MailObject(msgspec.Struct, frozen=True):
    """A mail; ``token`` and ``link`` are null where there is nothing to do."""

    id: UUID
    to: str
    kind: Literal["verify-email", "account-exists", "reset-password", "password-changed"]
    subject: str
    text: str
    link: str | None
    token: str | None
    created_at: TimeText


class MailsObject(msgspec.Struct, frozen=True):
    """The mails to an address, newest first."""

    data: list[MailObject]


class DevelopmentMailbox:
    """The endpoint of the mailbox."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    async def read(self, call: Call[None, Addressee]) -> Answer:
        """Show the mails to an address."""
        mails = await self._mailbox.read(call.query.email)
        return ok(MailsObject([_mail_object(mail) for mail in mails]))


def _mail_object(mail: Mail) -> MailObject:
    """Return *mail* as a developer sees it."""
    return MailObject(
        id=mail.id,
        to=mail.to,
        kind=mail.kind,
        subject=mail.subject,
        text=mail.text,
        link=mail.link,
        token=mail.token,
        created_at=rfc3339(mail.created_at),
    )


def routes(mailbox: DevelopmentMailbox) -> list[Route]:
    """Return the route of the mailbox; only the development profile has it."""
    return [
        Route(
            method="GET",
            path="/v1/dev/mailbox",
            endpoint=mailbox.read,
            access=Public(),
            tag="Development",
            summary="Read the mails to an address",
            query=Addressee,
            answers={200: MailsObject},
        ),
    ]
