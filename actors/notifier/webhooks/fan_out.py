"""From events to deliveries: one for each webhook of whom an event concerns."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from actors.domain.webhooks import Concern, concern, shown_to, wants
from actors.ids import new_id
from actors.ports.events import Poison
from actors.ports.webhooks import NewDelivery

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from uuid import UUID

    from actors.domain.events import CloudEvent
    from actors.ports.webhooks import Listener, WebhookQueue


class FanOut:
    """The effect of the consumers ``webhooks``.

    Args:
        queue: Where deliveries go.
        structured: Writes a CloudEvent as structured JSON.
    """

    def __init__(self, queue: WebhookQueue, structured: Callable[[CloudEvent], bytes]) -> None:
        self._queue = queue
        self._structured = structured

    async def apply(self, events: Sequence[CloudEvent]) -> None:
        """Add the deliveries of *events*, each event's once.

        With no webhook among those concerned this is one statement.

        Raises:
            StoreUnavailable, OutcomeUnknown: If it is not certain; the same events come again.
            Poison: If an event names no accounts where its kind has two; nothing was done.
        """
        concerns = [_concern(event) for event in events]
        listeners = await self._queue.listeners(
            {account for each in concerns for account in each.accounts},
            {user for each in concerns for user in each.users},
        )
        if not listeners:
            return
        by_subject = defaultdict(list)
        for listener in listeners:
            by_subject[listener.subject_id].append(listener)
        deliveries = [
            delivery
            for event, whom in zip(events, concerns, strict=True)
            for delivery in self._deliveries(event, whom, by_subject)
        ]
        if deliveries:
            await self._queue.add(deliveries)

    def _deliveries(
        self, event: CloudEvent, whom: Concern, by_subject: Mapping[UUID, list[Listener]]
    ) -> Iterator[NewDelivery]:
        """Yield what *event* is to each webhook; one owner of both sides gets one of it."""
        owned: dict[UUID, set[UUID]] = defaultdict(set)
        for subject in (*whom.accounts, *whom.users):
            for listener in by_subject.get(subject, ()):
                if wants(listener.event_types, event) and event.time >= listener.since:
                    owned[listener.webhook_id].add(subject)
        bodies: dict[frozenset[UUID], str] = {}
        for webhook_id, subjects in owned.items():
            mine = frozenset(subjects)
            if mine not in bodies:
                bodies[mine] = self._structured(shown_to(event, mine)).decode()
            yield NewDelivery(new_id(), webhook_id, event.id, event.type, bodies[mine])


def _concern(event: CloudEvent) -> Concern:
    """Return whom *event* concerns.

    Raises:
        Poison: If it does not say.
    """
    try:
        return concern(event)
    except (KeyError, ValueError) as missing:
        raise Poison(f"{event.type} without its two accounts") from missing
