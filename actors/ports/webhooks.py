"""What those who send webhooks need: who listens, what is due, and the secrets to sign with."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple, Protocol
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from actors.domain.webhooks import DeliveryStatus


class Listener(NamedTuple):
    """An active webhook, found by an account or user of its owner.

    Attributes:
        subject_id: By which it was found.
        since: When the webhook was made; it hears nothing of what was before.
    """

    subject_id: UUID
    webhook_id: UUID
    event_types: tuple[str, ...]
    since: datetime


class NewDelivery(NamedTuple):
    """An event for a webhook.

    Attributes:
        id: What the receiver sees as ``webhook-id``, the same at every attempt.
        body: The CloudEvent in structured JSON.
    """

    id: UUID
    webhook_id: UUID
    event_id: UUID
    event_type: str
    body: str


@dataclass(frozen=True, slots=True)
class SealedSecret:
    """A webhook's secret, with the wrapped key of its owner that opens it."""

    webhook_id: UUID
    owner_id: UUID
    sealed: bytes = field(repr=False)
    kek_id: str
    data_key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Due:
    """A delivery to be tried now.

    Attributes:
        attempts: Tried so often, this time included.
        leased_until: Until then nobody else tries it; a result counts only under its lease.
    """

    id: UUID
    webhook_id: UUID
    url: str = field(repr=False)
    body: str = field(repr=False)
    attempts: int
    leased_until: datetime
    secret: SealedSecret


class Told(NamedTuple):
    """What came of one attempt.

    Attributes:
        response_status: None where there was no answer.
        error: A code of ours, None for a success; nothing that the receiver has said.
    """

    response_status: int | None
    error: str | None


class Result(NamedTuple):
    """What an attempt means for its delivery.

    Attributes:
        status: ``pending`` where it is tried again, after *retry_seconds*.
        is_gone: Whether the receiver wants no more of anything.
    """

    id: UUID
    leased_until: datetime
    status: DeliveryStatus
    told: Told
    retry_seconds: float | None = None
    is_gone: bool = False


class SecretUnreadable(Exception):
    """A secret does not open here: it was changed, or its key is gone."""


class Secrets(Protocol):
    """Opens the secrets of webhooks."""

    def open(self, sealed: SealedSecret) -> bytes:
        """Return the key to sign with.

        Raises:
            SecretUnreadable: If it does not open.
        """
        ...


class WebhookQueue(Protocol):
    """The deliveries of all webhooks."""

    async def listeners(
        self, accounts: Collection[UUID], users: Collection[UUID]
    ) -> list[Listener]:
        """Return the active webhooks of *users* and of the owners of *accounts*.

        Raises:
            StoreUnavailable: If the database does not answer.
        """
        ...

    async def add(self, deliveries: Sequence[NewDelivery]) -> int:
        """Add *deliveries*, but none of an event that was consumed before; return how many.

        Raises:
            StoreUnavailable: If nothing was written.
            OutcomeUnknown: If that is not known; it may be repeated.
        """
        ...

    async def claim(self, room: int, sending: Mapping[UUID, int], after: UUID) -> list[Due]:
        """Lease up to *room* due deliveries, a few of each webhook.

        Args:
            room: How many at most.
            sending: How many of each webhook are under way here.
            after: The webhook that had the last turn; those behind it come first.

        Raises:
            StoreUnavailable, OutcomeUnknown: If it is not certain; leases end by themselves.
        """
        ...

    async def record(self, results: Sequence[Result]) -> list[UUID]:
        """Write down *results* whose lease still stands; return the webhooks that this disabled.

        Raises:
            StoreUnavailable, OutcomeUnknown: If it is not certain; it may be repeated.
        """
        ...

    async def sweep(self) -> int:
        """End some deliveries that are over and forget some old ones; return how many.

        Raises:
            StoreUnavailable, OutcomeUnknown: If it is not certain; it may be repeated.
        """
        ...
