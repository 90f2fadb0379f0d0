"""Webhooks: a person's servers are told what happens to the person's accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeAlias
from uuid import UUID

import msgspec
from msgspec import Meta

from actors.domain.errors import Forbidden
from actors.domain.errors_identity import WebhookDisabled, WebhooksTooMany
from actors.domain.events import SUBJECT_KINDS, TYPE_PREFIX, TYPE_VERSION
from actors.domain.webhooks import URL_MAX_CHARACTERS, WEBHOOKS_MAX
from serve_app.http.access import Scoped
from serve_app.http.errors import CursorInvalid
from serve_app.http.exchange import Answer, created, nothing, ok
from serve_app.http.routing import Route
from serve_app.http.texts import Body, Empty, Query, Text
from serve_app.routes.credentials import utc
from serve_app.routes.lists import Listing, Page, Paged
from serve_app.routes.objects import TimeText

if TYPE_CHECKING:
    from actors.domain.webhooks import DeliveryInfo, WebhookInfo
    from actors.identity.webhooks import Webhooks as People
    from serve_app.http.cursors import Cursors
    from serve_app.http.exchange import Call

TAG: Final = "Webhooks"
WRITE: Final = Scoped("webhooks:write")
EVENT_TYPES_MAX: Final = 64
EXAMPLE_URL: Final = "https://shop.example.com/hooks/gopherpay"
ALL: Final = "/v1/webhooks"
ITEM: Final = f"{ALL}/{{webhook_id}}"

UrlText: TypeAlias = Annotated[
    Text,
    Meta(
        min_length=1,
        max_length=URL_MAX_CHARACTERS,
        description=(
            "`https` and a public host, unless the deployment allows others; no user name, no"
            " fragment."
        ),
        extra_json_schema={"format": "uri"},
        examples=[EXAMPLE_URL],
    ),
]
_NAMES: Final = sorted(SUBJECT_KINDS)
EventType: TypeAlias = Annotated[
    Text,
    Meta(
        extra_json_schema={
            "enum": [*_NAMES, *(f"{TYPE_PREFIX}{name}{TYPE_VERSION}" for name in _NAMES)]
        }
    ),
]
EventTypes: TypeAlias = Annotated[
    list[EventType],
    Meta(
        max_length=EVENT_TYPES_MAX,
        description=(
            "Which events, as `transfer.posted` or as the whole CloudEvents type; none means all: "
            + ", ".join(_NAMES)
            + "."
        ),
        examples=[["transfer.posted", "deposit.posted"]],
    ),
]
StatusText: TypeAlias = Literal["active", "disabled"]


class NewWebhook(Body, frozen=True):
    """Where to send, and what."""

    url: UrlText
    event_types: EventTypes = msgspec.field(default_factory=list)


class WebhookChange(Body, frozen=True):
    """What shall become of a webhook; what is left out stays."""

    url: UrlText | None = None
    event_types: EventTypes | None = None
    status: StatusText | None = None


class WebhookObject(msgspec.Struct, frozen=True):
    """A webhook, without its secret; ``failing_since`` is null while it answers well."""

    id: UUID
    url: str
    event_types: list[str]
    status: StatusText
    failing_since: TimeText | None
    created_at: TimeText


class MadeWebhookObject(msgspec.Struct, frozen=True):
    """A new webhook; the secret is shown this once."""

    id: UUID
    url: str
    event_types: list[str]
    status: StatusText
    failing_since: TimeText | None
    created_at: TimeText
    secret: str


class DeliveryObject(msgspec.Struct, frozen=True):
    """An event on its way to a webhook; ``id`` is what the receiver sees as ``webhook-id``."""

    id: UUID
    event_id: UUID
    event_type: str
    status: Literal["pending", "delivered", "failed"]
    attempts: int
    response_status: int | None
    last_error: str | None
    next_attempt_at: TimeText | None
    created_at: TimeText


class Webhooks:
    """The endpoints of webhooks."""

    def __init__(self, webhooks: People, cursors: Cursors) -> None:
        self._webhooks = webhooks
        self._cursors = cursors

    async def create(self, call: Call[NewWebhook, Query]) -> Answer:
        """Make a webhook."""
        body = call.body
        made = await self._webhooks.create(call.principal, body.url, body.event_types)
        shown = msgspec.structs.asdict(_webhook_object(made.info))
        return created(MadeWebhookObject(**shown, secret=made.secret))

    async def many(self, call: Call[None, Paged]) -> Answer:
        """List the caller's webhooks."""
        query = call.query
        listing = Listing(self._cursors, call.principal.id, "webhooks")
        position = listing.position(query.cursor)
        rows = await self._webhooks.page(
            call.principal,
            before=None if position is None else UUID(str(position[0])),
            limit=query.limit + 1,
        )
        return ok(listing.page(rows, query.limit, lambda row: (str(row.id),), _webhook_object))

    async def one(self, call: Call[None, Query]) -> Answer:
        """Show a webhook."""
        return ok(_webhook_object(await self._webhooks.one(call.principal, call.ids[0])))

    async def change(self, call: Call[WebhookChange, Query]) -> Answer:
        """Change a webhook."""
        body = call.body
        changed = await self._webhooks.change(
            call.principal,
            call.ids[0],
            url=body.url,
            event_types=body.event_types,
            status=body.status,
        )
        return ok(_webhook_object(changed))

    async def delete(self, call: Call[None, Query]) -> Answer:
        """Delete a webhook."""
        await self._webhooks.delete(call.principal, call.ids[0])
        return nothing()

    async def deliveries(self, call: Call[None, Paged]) -> Answer:
        """List what was sent to a webhook, or is on its way."""
        query, webhook_id = call.query, call.ids[0]
        listing = Listing(self._cursors, call.principal.id, "webhook-deliveries", (webhook_id,))
        position = listing.position(query.cursor)
        rows = await self._webhooks.deliveries(
            call.principal,
            webhook_id,
            before=None if position is None else UUID(str(position[0])),
            limit=query.limit + 1,
        )
        return ok(listing.page(rows, query.limit, lambda row: (str(row.id),), _delivery_object))

    async def replay(self, call: Call[Empty, Query]) -> Answer:
        """Send a delivery again."""
        again = await self._webhooks.replay(call.principal, call.ids[0], call.ids[1])
        return ok(_delivery_object(again))


def _webhook_object(webhook: WebhookInfo) -> WebhookObject:
    """Return *webhook* on the wire."""
    return WebhookObject(
        id=webhook.id,
        url=webhook.url,
        event_types=list(webhook.event_types),
        status=webhook.status,
        failing_since=utc(webhook.failing_since) if webhook.failing_since else None,
        created_at=utc(webhook.created_at),
    )


def _delivery_object(delivery: DeliveryInfo) -> DeliveryObject:
    """Return *delivery* on the wire."""
    return DeliveryObject(
        id=delivery.id,
        event_id=delivery.event_id,
        event_type=delivery.event_type,
        status=delivery.status,
        attempts=delivery.attempts,
        response_status=delivery.response_status,
        last_error=delivery.last_error,
        next_attempt_at=utc(delivery.next_attempt_at) if delivery.next_attempt_at else None,
        created_at=utc(delivery.created_at),
    )


def routes(webhooks: Webhooks) -> list[Route]:
    """Return the routes of webhooks."""
    return [*_collection(webhooks), *_item(webhooks), *_log(webhooks)]


def _collection(webhooks: Webhooks) -> list[Route]:
    """Return the routes of all webhooks."""
    return [
        Route(
            method="POST",
            path=ALL,
            endpoint=webhooks.create,
            access=WRITE,
            tag=TAG,
            summary="Make a webhook",
            body=NewWebhook,
            answers={201: MadeWebhookObject},
            problems=(Forbidden, WebhooksTooMany),
            example={"url": EXAMPLE_URL, "event_types": ["transfer.posted", "deposit.posted"]},
            notes=(
                f"The secret is shown this once. A person has at most {WEBHOOKS_MAX} webhooks."
                " A webhook hears what happens after it was made."
            ),
        ),
        Route(
            method="GET",
            path=ALL,
            endpoint=webhooks.many,
            access=WRITE,
            tag=TAG,
            summary="List your webhooks",
            query=Paged,
            answers={200: Page[WebhookObject]},
            problems=(CursorInvalid,),
        ),
    ]


def _item(webhooks: Webhooks) -> list[Route]:
    """Return the routes of one webhook."""
    shared: dict[str, Any] = {"path": ITEM, "access": WRITE, "tag": TAG}
    return [
        Route(
            method="GET",
            endpoint=webhooks.one,
            summary="Show a webhook",
            answers={200: WebhookObject},
            **shared,
        ),
        Route(
            method="PATCH",
            endpoint=webhooks.change,
            summary="Change a webhook, or switch it on again",
            body=WebhookChange,
            answers={200: WebhookObject},
            example={"status": "active"},
            notes="A disabled webhook misses what happens meanwhile.",
            **shared,
        ),
        Route(
            method="DELETE",
            endpoint=webhooks.delete,
            summary="Delete a webhook",
            answers={204: None},
            notes="What is on its way to it is not sent any more.",
            **shared,
        ),
    ]


def _log(webhooks: Webhooks) -> list[Route]:
    """Return the routes of what was sent."""
    return [
        Route(
            method="GET",
            path=f"{ITEM}/deliveries",
            endpoint=webhooks.deliveries,
            access=WRITE,
            tag=TAG,
            summary="List what was sent to a webhook",
            query=Paged,
            answers={200: Page[DeliveryObject]},
            problems=(CursorInvalid,),
            notes="Kept for 30 days. The receiver's answers are not kept, only their status.",
        ),
        Route(
            method="POST",
            path=f"{ITEM}/deliveries/{{delivery_id}}/replay",
            endpoint=webhooks.replay,
            access=WRITE,
            tag=TAG,
            summary="Send a delivery again",
            body=Empty,
            body_optional=True,
            answers={200: DeliveryObject},
            problems=(WebhookDisabled,),
            notes="It keeps its webhook-id, and is retried as if it were new.",
        ),
    ]
