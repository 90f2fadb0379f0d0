"""What people were told, and which ways they want to be told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeAlias
from uuid import UUID

import msgspec
from msgspec import Meta

from actors.domain.errors_notifications import PreferenceLocked
from actors.notifier.kinds import changed, effective
from serve_app.http.access import Scoped, Session
from serve_app.http.errors import CursorInvalid
from serve_app.http.exchange import Answer, ok
from serve_app.http.routing import Route
from serve_app.http.texts import Body, Empty, Query
from serve_app.routes.lists import Listing, Page, Paged
from serve_app.routes.objects import TimeText, rfc3339

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actors.ports.notifications import Channels, Inbox, Kept, Preferences
    from serve_app.http.cursors import Cursors
    from serve_app.http.exchange import Call

TAG: Final = "Notifications"
READ: Final = Scoped("notifications:read")

KindText: TypeAlias = Literal[
    "transfer.received",
    "transfer.sent",
    "refund.received",
    "hold.placed",
    "hold.captured",
    "hold.expired",
    "account.frozen",
    "credential.changed",
    "login.new",
]
DataObject: TypeAlias = Annotated[
    msgspec.Raw,
    Meta(
        description="Facts for programs, such as transfer_id, account_id and amount.",
        extra_json_schema={"type": "object"},
    ),
]

_KIND_NAMES: Final = {
    "transfer_received": "transfer.received",
    "transfer_sent": "transfer.sent",
    "refund_received": "refund.received",
    "hold_placed": "hold.placed",
    "hold_captured": "hold.captured",
    "hold_expired": "hold.expired",
    "account_frozen": "account.frozen",
    "credential_changed": "credential.changed",
    "login_new": "login.new",
}


class NotificationObject(msgspec.Struct, frozen=True):
    """One thing that somebody was told, in the language of that time."""

    id: UUID
    kind: KindText
    title: str
    body: str
    data: DataObject
    read_at: TimeText | None
    created_at: TimeText


class ChannelsObject(msgspec.Struct, frozen=True):
    """Which ways a kind of notification goes."""

    in_app: bool
    email: bool
    push: bool


class PreferencesObject(msgspec.Struct, frozen=True, rename=_KIND_NAMES):
    """Which ways each kind of notification goes."""

    transfer_received: ChannelsObject
    transfer_sent: ChannelsObject
    refund_received: ChannelsObject
    hold_placed: ChannelsObject
    hold_captured: ChannelsObject
    hold_expired: ChannelsObject
    account_frozen: ChannelsObject
    credential_changed: ChannelsObject
    login_new: ChannelsObject


class ChannelsChange(Body, frozen=True):
    """Which ways shall be switched; what is left out stays."""

    in_app: bool | None = None
    email: bool | None = None
    push: bool | None = None


class PreferencesChange(Body, frozen=True, rename=_KIND_NAMES):
    """What shall become of the preferences; what is left out stays."""

    transfer_received: ChannelsChange | None = None
    transfer_sent: ChannelsChange | None = None
    refund_received: ChannelsChange | None = None
    hold_placed: ChannelsChange | None = None
    hold_captured: ChannelsChange | None = None
    hold_expired: ChannelsChange | None = None
    account_frozen: ChannelsChange | None = None
    credential_changed: ChannelsChange | None = None
    login_new: ChannelsChange | None = None


class Updated(msgspec.Struct, frozen=True):
    """How many were marked."""

    updated: int


class WhichNotifications(Paged, frozen=True):
    """Which notifications to list."""

    unread: bool | None = None


class Notifications:
    """The endpoints of the inbox and of the preferences."""

    def __init__(self, inbox: Inbox, preferences: Preferences, cursors: Cursors) -> None:
        self._inbox = inbox
        self._preferences = preferences
        self._cursors = cursors

    async def many(self, call: Call[None, WhichNotifications]) -> Answer:
        """List what the caller was told."""
        query, user_id, unread = call.query, call.principal.id, bool(call.query.unread)
        listing = Listing(self._cursors, user_id, "notifications", (unread,))
        position = listing.position(query.cursor)
        rows = await self._inbox.page(
            user_id,
            unread=unread,
            before=None if position is None else int(position[0]),
            limit=query.limit + 1,
        )
        return ok(listing.page(rows, query.limit, lambda row: (row.number,), notification_object))

    async def read(self, call: Call[Empty, Query]) -> Answer:
        """Mark one as read."""
        return ok(notification_object(await self._inbox.read(call.principal.id, call.ids[0])))

    async def read_all(self, call: Call[Empty, Query]) -> Answer:
        """Mark all as read."""
        return ok(Updated(await self._inbox.read_all(call.principal.id)))

    async def preferences(self, call: Call[None, Query]) -> Answer:
        """Show which ways the caller is told."""
        return ok(_preferences(await self._preferences.of(call.principal.id)))

    async def prefer(self, call: Call[PreferencesChange, Query]) -> Answer:
        """Change which ways the caller is told."""
        user_id = call.principal.id
        chosen = await self._preferences.of(user_id)
        changes = changed(chosen, _wishes(call.body))
        await self._preferences.choose(user_id, changes)
        return ok(_preferences({**chosen, **changes}))


def notification_object(kept: Kept) -> NotificationObject:
    """Return *kept* on the wire."""
    return NotificationObject(
        id=kept.id,
        kind=kept.kind,  # type: ignore[arg-type]  # only these are stored
        title=kept.title,
        body=kept.body,
        data=msgspec.Raw(kept.data.encode()),
        read_at=None if kept.read_at is None else rfc3339(kept.read_at),
        created_at=rfc3339(kept.created_at),
    )


def _preferences(chosen: Mapping[str, Channels]) -> dict[str, ChannelsObject]:
    """Return all preferences on the wire."""
    return {kind: ChannelsObject(*ways) for kind, ways in effective(chosen).items()}


def _wishes(body: PreferencesChange) -> dict[str, dict[str, bool]]:
    """Return the channels that *body* names, by kind."""
    wishes = {}
    for field, kind in _KIND_NAMES.items():
        change = getattr(body, field)
        if change is not None:
            named = {way: getattr(change, way) for way in change.__struct_fields__}
            wishes[kind] = {way: wanted for way, wanted in named.items() if wanted is not None}
    return wishes


def routes(notifications: Notifications) -> list[Route]:
    """Return the routes of the inbox and of the preferences."""
    return [*_inbox(notifications), *_choosing(notifications)]


def _inbox(notifications: Notifications) -> list[Route]:
    """Return the routes of the inbox."""
    shared: dict[str, Any] = {"access": READ, "tag": TAG}
    marking: dict[str, Any] = {**shared, "method": "POST", "body": Empty, "body_optional": True}
    return [
        Route(
            method="GET",
            path="/v1/notifications",
            endpoint=notifications.many,
            summary="List what you were told",
            query=WhichNotifications,
            answers={200: Page[NotificationObject]},
            problems=(CursorInvalid,),
            **shared,
        ),
        Route(
            path="/v1/notifications/{notification_id}/read",
            endpoint=notifications.read,
            summary="Mark one as read",
            answers={200: NotificationObject},
            notes="The time of the first reading stays.",
            **marking,
        ),
        Route(
            path="/v1/notifications/read-all",
            endpoint=notifications.read_all,
            summary="Mark all as read",
            answers={200: Updated},
            **marking,
        ),
    ]


def _choosing(notifications: Notifications) -> list[Route]:
    """Return the routes of the preferences."""
    shared: dict[str, Any] = {
        "path": "/v1/notifications/preferences",
        "tag": TAG,
        "answers": {200: PreferencesObject},
    }
    return [
        Route(
            method="GET",
            endpoint=notifications.preferences,
            access=READ,
            summary="Show which ways you are told",
            **shared,
        ),
        Route(
            method="PATCH",
            endpoint=notifications.prefer,
            access=Session(),
            summary="Choose which ways you are told",
            body=PreferencesChange,
            example={"transfer.sent": {"email": True}},
            problems=(PreferenceLocked,),
            notes=(
                "What concerns safety (account.frozen, credential.changed, login.new) "
                "cannot be switched off."
            ),
            **shared,
        ),
    ]
