"""Webhooks: people's servers, and what may be asked of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from actors.domain.errors import Forbidden, Unauthenticated
from actors.domain.errors_identity import FieldInvalid
from actors.domain.webhooks import WebhookInfo, checked_event_types
from actors.identity.webhook_secrets import WebhookSecrets
from actors.ids import new_id
from actors.notifier.webhooks.addresses import UrlRefused, target
from actors.store.identity.users import UserStore
from actors.store.webhooks import NewWebhook, WebhookChange, WebhookStore

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from actors.domain.principals import Principal
    from actors.domain.webhooks import DeliveryInfo, WebhookStatus


@dataclass(frozen=True, slots=True)
class MadeWebhook:
    """A new webhook with its secret, which is shown this once."""

    info: WebhookInfo
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Webhooks:
    """The webhooks of people; all but ``create`` raise ``NotFound`` for another's.

    Attributes:
        anywhere: Whether they may lead to plain HTTP and to addresses of the inside.
    """

    store: WebhookStore
    users: UserStore
    secrets: WebhookSecrets
    anywhere: bool

    async def create(
        self, principal: Principal, url: str, event_types: Sequence[str]
    ) -> MadeWebhook:
        """Make a webhook.

        Raises:
            Forbidden: If the credential is a key of the platform itself.
            FieldInvalid: If the URL may not be used, or an event type is none.
            WebhooksTooMany: If the person has as many as there may be.
        """
        owner_id = _owner(principal)
        self._check(url)
        wanted = checked_event_types(event_types)
        owner = await self.users.active(owner_id)
        if owner is None:  # closed within the last seconds
            raise Unauthenticated
        webhook_id = new_id()
        secret, sealed = self.secrets.new(owner, webhook_id)
        info = await self.store.add(NewWebhook(webhook_id, owner_id, url, wanted, sealed))
        return MadeWebhook(info, secret)

    async def page(
        self, principal: Principal, *, before: UUID | None, limit: int
    ) -> list[WebhookInfo]:
        """Return the person's webhooks, newest first, those made before *before*."""
        return await self.store.page_of(_owner(principal), before=before, limit=limit)

    async def one(self, principal: Principal, webhook_id: UUID) -> WebhookInfo:
        """Return a webhook."""
        return await self.store.one(webhook_id, _owner(principal))

    async def change(
        self,
        principal: Principal,
        webhook_id: UUID,
        *,
        url: str | None = None,
        event_types: Sequence[str] | None = None,
        status: WebhookStatus | None = None,
    ) -> WebhookInfo:
        """Change what is given; an active webhook begins without a past.

        Raises:
            FieldInvalid: If the URL may not be used, or an event type is none.
        """
        if url is not None:
            self._check(url)
        wanted = None if event_types is None else checked_event_types(event_types)
        change = WebhookChange(url, wanted, status)
        return await self.store.change(webhook_id, _owner(principal), change)

    async def delete(self, principal: Principal, webhook_id: UUID) -> None:
        """Delete a webhook; nothing more is sent to it."""
        await self.store.delete(webhook_id, _owner(principal))

    async def deliveries(
        self, principal: Principal, webhook_id: UUID, *, before: UUID | None, limit: int
    ) -> list[DeliveryInfo]:
        """Return what was sent to a webhook or is on its way, newest first."""
        await self.store.one(webhook_id, _owner(principal))
        return await self.store.deliveries(webhook_id, before=before, limit=limit)

    async def replay(
        self, principal: Principal, webhook_id: UUID, delivery_id: UUID
    ) -> DeliveryInfo:
        """Send a delivery again, under the same id.

        Raises:
            WebhookDisabled: If nothing is sent to the webhook now.
        """
        return await self.store.replay(webhook_id, _owner(principal), delivery_id)

    def _check(self, url: str) -> None:
        try:
            target(url, anywhere=self.anywhere)
        except UrlRefused as refused:
            raise FieldInvalid("url", str(refused)) from None


def _owner(principal: Principal) -> UUID:
    """Return the person behind a session or key.

    Raises:
        Forbidden: If it is the platform, which has no events of its own.
    """
    if principal.is_platform:
        raise Forbidden
    return principal.id
