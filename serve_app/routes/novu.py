"""What Novu's own inbox in a browser needs to show a person theirs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from uuid import UUID

import msgspec

from actors.domain.errors import NotFound
from actors.notifier.subscribers import subscriber_hash
from serve_app.http.access import Scoped
from serve_app.http.exchange import Answer, ok
from serve_app.http.routing import Route

if TYPE_CHECKING:
    from serve_app.http.exchange import Call
    from serve_app.http.texts import Query

TAG: Final = "Notifications"


class NovuSubscriberObject(msgspec.Struct, frozen=True):
    """The caller as a subscriber of Novu; the hash proves that the platform let them in."""

    application_identifier: str
    subscriber_id: UUID
    subscriber_hash: str


@dataclass(frozen=True, slots=True)
class NovuEnvironment:
    """Where people are subscribers.

    Attributes:
        application_identifier: Its public name.
        secret_key: Its secret.
    """

    application_identifier: str
    secret_key: str = field(repr=False)


class NovuInbox:
    """The endpoint of Novu's inbox; without an *environment* there is none."""

    def __init__(self, environment: NovuEnvironment | None) -> None:
        self._environment = environment

    async def subscriber(self, call: Call[None, Query]) -> Answer:
        """Show the caller as a subscriber."""
        if self._environment is None:
            raise NotFound
        user_id = call.principal.id
        return ok(
            NovuSubscriberObject(
                self._environment.application_identifier,
                user_id,
                subscriber_hash(self._environment.secret_key, user_id),
            )
        )


def routes(inbox: NovuInbox) -> list[Route]:
    """Return the route of Novu's inbox."""
    return [
        Route(
            method="GET",
            path="/v1/notifications/novu",
            endpoint=inbox.subscriber,
            access=Scoped("notifications:read"),
            tag=TAG,
            summary="Show yourself as a subscriber of Novu",
            answers={200: NovuSubscriberObject},
            problems=(NotFound,),
            notes="For Novu's inbox in a browser; 404 where the platform works without Novu.",
        ),
    ]
