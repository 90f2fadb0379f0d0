"""API keys: a person's programs act by them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final
from uuid import UUID

import msgspec
from msgspec import Meta

from actors.domain.errors_identity import ScopeBeyondRole
from serve_app.http.access import Session
from serve_app.http.errors import CursorInvalid, invalid
from serve_app.http.exchange import Answer, created, nothing, ok
from serve_app.http.routing import Route
from serve_app.http.texts import Body, Name, Query
from serve_app.routes.credentials import ScopeText, utc
from serve_app.routes.lists import Listing, Page, Paged
from serve_app.routes.objects import TimeText

if TYPE_CHECKING:
    from actors.domain.credentials import ApiKeyInfo
    from actors.identity.api_keys import ApiKeys as Keys
    from serve_app.http.cursors import Cursors
    from serve_app.http.exchange import Call

TAG: Final = "API keys"
SCOPES_MAX: Final = 9
"""As many as there are."""


class NewApiKey(Body, frozen=True):
    """What the key shall be able to do, and until when."""

    name: Name
    scopes: Annotated[list[ScopeText], Meta(min_length=1, max_length=SCOPES_MAX)]
    expires_at: Annotated[datetime, Meta(tz=True)] | None = None


class ApiKeyObject(msgspec.Struct, frozen=True):
    """A key, without its secret."""

    id: UUID
    name: str
    scopes: list[str]
    created_at: TimeText
    expires_at: TimeText | None


class MadeApiKeyObject(msgspec.Struct, frozen=True):
    """A new key; the secret is shown this once."""

    id: UUID
    name: str
    scopes: list[str]
    created_at: TimeText
    expires_at: TimeText | None
    secret: str


class ApiKeys:
    """The endpoints of API keys."""

    def __init__(self, keys: Keys, cursors: Cursors) -> None:
        self._keys = keys
        self._cursors = cursors

    async def create(self, call: Call[NewApiKey, Query]) -> Answer:
        """Make a key."""
        body = call.body
        made = await self._keys.create(
            call.principal, body.name, body.scopes, _in_utc(body.expires_at)
        )
        shown = _api_key_object(made.info)
        return created(
            MadeApiKeyObject(
                id=shown.id,
                name=shown.name,
                scopes=shown.scopes,
                created_at=shown.created_at,
                expires_at=shown.expires_at,
                secret=made.secret,
            )
        )

    async def many(self, call: Call[None, Paged]) -> Answer:
        """List the caller's keys."""
        query = call.query
        listing = Listing(self._cursors, call.principal.id, "api-keys")
        position = listing.position(query.cursor)
        rows = await self._keys.page(
            call.principal,
            before=None if position is None else UUID(str(position[0])),
            limit=query.limit + 1,
        )
        return ok(listing.page(rows, query.limit, lambda row: (str(row.id),), _api_key_object))

    async def delete(self, call: Call[None, Query]) -> Answer:
        """Delete a key."""
        await self._keys.delete(call.principal, call.ids[0])
        return nothing()


def _in_utc(at: datetime | None) -> datetime | None:
    """Return *at* in UTC.

    Raises:
        ValidationFailed: If no calendar of ours reaches there.
    """
    try:
        return at.astimezone(UTC) if at else None
    except OverflowError:
        raise invalid("expires_at", "must be a time within the years 1 to 9999") from None


def _api_key_object(key: ApiKeyInfo) -> ApiKeyObject:
    """Return *key* on the wire."""
    return ApiKeyObject(
        id=key.id,
        name=key.name,
        scopes=list(key.scopes),
        created_at=utc(key.created_at),
        expires_at=utc(key.expires_at) if key.expires_at else None,
    )


def routes(api_keys: ApiKeys) -> list[Route]:
    """Return the routes of API keys."""
    return [_making(api_keys), *_managing(api_keys)]


def _making(api_keys: ApiKeys) -> Route:
    """Return the route that makes a key."""
    return Route(
        method="POST",
        path="/v1/api-keys",
        endpoint=api_keys.create,
        access=Session(),
        tag=TAG,
        summary="Make a key",
        body=NewApiKey,
        answers={201: MadeApiKeyObject},
        problems=(ScopeBeyondRole,),
        example={"name": "Shop", "scopes": ["accounts:read", "transfers:write"]},
        notes="The secret is shown this once.",
    )


def _managing(api_keys: ApiKeys) -> list[Route]:
    """Return the routes of the keys there are."""
    shared: dict[str, Any] = {"access": Session(), "tag": TAG}
    return [
        Route(
            method="GET",
            path="/v1/api-keys",
            endpoint=api_keys.many,
            summary="List your keys",
            query=Paged,
            answers={200: Page[ApiKeyObject]},
            problems=(CursorInvalid,),
            **shared,
        ),
        Route(
            method="DELETE",
            path="/v1/api-keys/{api_key_id}",
            endpoint=api_keys.delete,
            summary="Delete a key",
            answers={204: None},
            notes="It is dead everywhere within five seconds.",
            **shared,
        ),
    ]
