"""Webhooks as their owners manage them, and the log of what was sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from actors.domain.errors import NotFound
from actors.domain.errors_identity import WebhookDisabled, WebhooksTooMany
from actors.domain.webhooks import (
    GIVE_UP_SECONDS,
    WEBHOOKS_MAX,
    DeliveryInfo,
    WebhookInfo,
    WebhookStatus,
)

if TYPE_CHECKING:
    from psycopg import AsyncConnection

    from actors.store.pool import Pool

_COLUMNS: Final = "id, url, event_types, status, failing_since, created_at"
_SENT: Final = (
    "d.id, d.event_id, d.event_type, d.status, d.attempts, d.response_status, d.last_error,"
    " d.next_attempt_at, d.created_at"
)
_OWN: Final = "id = %(id)s AND owner_id = %(owner)s AND deleted_at IS NULL"

INSERT: Final = (
    "INSERT INTO webhooks (id, owner_id, url, event_types, secret_sealed)"  # noqa: S608  constants
    f" VALUES (%s, %s, %s, %s, %s) RETURNING {_COLUMNS}"
)

PAGE: Final = (
    f"SELECT {_COLUMNS} FROM webhooks WHERE owner_id = %(owner)s AND deleted_at IS NULL"  # noqa: S608
    " AND (%(before)s::uuid IS NULL OR id < %(before)s) ORDER BY id DESC LIMIT %(limit)s"
)

ONE: Final = f"SELECT {_COLUMNS} FROM webhooks WHERE {_OWN}"  # noqa: S608

CHANGE: Final = (
    "UPDATE webhooks SET url = coalesce(%(url)s, url),"  # noqa: S608
    " event_types = coalesce(%(event_types)s::text[], event_types),"
    " failing_since = CASE WHEN %(status)s::text = 'active' THEN NULL ELSE failing_since END,"
    f" status = coalesce(%(status)s, status) WHERE {_OWN} RETURNING {_COLUMNS}"
)

DELETE: Final = f"UPDATE webhooks SET deleted_at = now(), status = 'disabled' WHERE {_OWN}"  # noqa: S608

DELIVERIES: Final = (
    f"SELECT {_SENT} FROM webhook_deliveries d WHERE d.webhook_id = %(id)s"  # noqa: S608
    " AND (%(before)s::uuid IS NULL OR d.id < %(before)s) ORDER BY d.id DESC LIMIT %(limit)s"
)

REPLAY: Final = (
    "UPDATE webhook_deliveries d SET status = 'pending', attempts = 0, ended_at = NULL,"  # noqa: S608
    " next_attempt_at = now(), give_up_at = now() + make_interval(secs => %(give_up)s)"
    f" WHERE d.id = %(delivery)s AND d.webhook_id = %(id)s RETURNING {_SENT}"
)


@dataclass(frozen=True, slots=True)
class NewWebhook:
    """What the making of a webhook stores."""

    id: UUID
    owner_id: UUID
    url: str
    event_types: tuple[str, ...]
    secret_sealed: bytes


@dataclass(frozen=True, slots=True)
class WebhookChange:
    """What shall become of a webhook; None stays."""

    url: str | None = None
    event_types: tuple[str, ...] | None = None
    status: WebhookStatus | None = None


class WebhookStore:
    """Reads and writes webhooks; another's is the same as none: ``NotFound``."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def add(self, new: NewWebhook) -> WebhookInfo:
        """Add a webhook.

        Raises:
            WebhooksTooMany: If its owner has as many as there may be.
        """
        values = (new.id, new.owner_id, new.url, list(new.event_types), new.secret_sealed)
        async with self._pool.transaction() as connection:
            await _make_room(connection, new.owner_id)
            cursor = await connection.execute(INSERT, values)
            return _webhook(await cursor.fetchone())

    async def page_of(
        self, owner_id: UUID, *, before: UUID | None, limit: int
    ) -> list[WebhookInfo]:
        """Return at most *limit* webhooks of a user, newest first."""
        asked = {"owner": owner_id, "before": before, "limit": limit}
        return [_webhook(row) for row in await self._pool.rows(PAGE, asked)]

    async def one(self, webhook_id: UUID, owner_id: UUID) -> WebhookInfo:
        """Return a webhook."""
        rows = await self._pool.rows(ONE, {"id": webhook_id, "owner": owner_id})
        return _webhook(rows[0] if rows else None)

    async def change(self, webhook_id: UUID, owner_id: UUID, change: WebhookChange) -> WebhookInfo:
        """Change a webhook; one that is made active begins without a past."""
        asked = {
            "id": webhook_id,
            "owner": owner_id,
            "url": change.url,
            "event_types": None if change.event_types is None else list(change.event_types),
            "status": change.status,
        }
        async with self._pool.transaction() as connection:
            return _webhook(await (await connection.execute(CHANGE, asked)).fetchone())

    async def delete(self, webhook_id: UUID, owner_id: UUID) -> None:
        """Delete a webhook; what is on its way to it is not sent any more."""
        async with self._pool.transaction() as connection:
            gone = await connection.execute(DELETE, {"id": webhook_id, "owner": owner_id})
        if not gone.rowcount:
            raise NotFound

    async def deliveries(
        self, webhook_id: UUID, *, before: UUID | None, limit: int
    ) -> list[DeliveryInfo]:
        """Return at most *limit* deliveries of a webhook, newest first."""
        asked = {"id": webhook_id, "before": before, "limit": limit}
        return [DeliveryInfo(*row) for row in await self._pool.rows(DELIVERIES, asked)]

    async def replay(self, webhook_id: UUID, owner_id: UUID, delivery_id: UUID) -> DeliveryInfo:
        """Send a delivery again, under the same id, as if it had never been tried.

        Raises:
            WebhookDisabled: If nothing is sent to the webhook now.
        """
        asked = {"id": webhook_id, "owner": owner_id, "delivery": delivery_id}
        async with self._pool.transaction() as connection:
            found = await connection.execute(f"{ONE} FOR SHARE".encode(), asked)
            if _webhook(await found.fetchone()).status == "disabled":
                raise WebhookDisabled
            again = await connection.execute(REPLAY, {**asked, "give_up": GIVE_UP_SECONDS})
            row = await again.fetchone()
        if row is None:
            raise NotFound
        return DeliveryInfo(*row)


async def _make_room(connection: AsyncConnection, owner_id: UUID) -> None:
    """Pass if the user may have one more, and let those that are made at once take turns.

    Raises:
        WebhooksTooMany: If not.
    """
    await connection.execute("SELECT FROM users WHERE id = %s FOR NO KEY UPDATE", (owner_id,))
    found = await connection.execute(
        "SELECT count(*) FROM webhooks WHERE owner_id = %s AND deleted_at IS NULL", (owner_id,)
    )
    row = await found.fetchone()
    if row is not None and row[0] >= WEBHOOKS_MAX:
        raise WebhooksTooMany(WEBHOOKS_MAX)


def _webhook(row: tuple[Any, ...] | None) -> WebhookInfo:
    """Return the webhook of *row*.

    Raises:
        NotFound: If there is none.
    """
    if row is None:
        raise NotFound
    return WebhookInfo(row[0], row[1], tuple(row[2]), row[3], row[4], row[5])
