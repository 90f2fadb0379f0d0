"""The effect of the consumer group ``notifier``: a batch of facts becomes notices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from uuid import UUID

import msgspec

from actors.domain.errors import CurrencyUnknown
from actors.notifier.kinds import channels
from actors.notifier.messages import RULES, Message, messages, notice, notice_id
from actors.notifier.names import NameMemory
from actors.ports.events import Poison
from actors.ports.notifications import Delivery, Telling

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from actors.domain.events import CloudEvent
    from actors.ports.notifications import Audience, Channels, MaskedNames, Notice, Notices, Person

CONSUMER: Final = "notifier"

WORKFLOW_PREFIX: Final = "gopherpay-"

_ACCOUNTS: Final = ("source_account_id", "destination_account_id")
_PROFILE: Final = frozenset({"user.updated", "user.verified", "user.closed"})
"""After which whoever sends mail and push must look at the person again."""

_encode: Final = msgspec.json.Encoder().encode


class FanOut:
    """Tells people what happened.

    Args:
        notices: Where it is kept.
        names: Who the other side of a transfer was.
        sends: Whether there is somebody who takes notices on by mail and push.
    """

    def __init__(self, notices: Notices, names: MaskedNames, *, sends: bool) -> None:
        self._notices = notices
        self._names = NameMemory(names)
        self._sends = sends
        self.events = 0
        """How many events had their effect here."""

    async def apply(self, events: Sequence[CloudEvent]) -> None:
        """Tell of *events* in one transaction, of each once however often it comes.

        Raises:
            StoreUnavailable, OutcomeUnknown: If it is not certain; the same events come again.
            Poison: If one of them is at fault; nothing was done.
        """
        events = list({event.id: event for event in events}.values())  # twice in one batch, too
        try:
            audience = await self._notices.audience(*_concerned(events))
            said = [(event, each) for event in events for each in messages(event, audience)]
            names = await self._names.of(each.other_id for _, each in said if each.other_id)
            told = [self._told(event, each, audience, names) for event, each in said]
        except (CurrencyUnknown, KeyError, TypeError, ValueError) as error:
            raise Poison(f"{type(error).__name__} in a batch of {len(events)}") from error
        changed = {event.subject for event in events if event.name in _PROFILE}
        self._names.forget(changed)
        self.events += await self._notices.tell(
            CONSUMER,
            Telling(
                [event.id for event in events],
                [one for one, ways, _ in told if ways.in_app],
                [delivery for _, _, delivery in told if delivery is not None],
                sorted(changed) if self._sends else (),
            ),
        )

    def _told(
        self, event: CloudEvent, message: Message, audience: Audience, names: Mapping[UUID, str]
    ) -> tuple[Notice, Channels, Delivery | None]:
        """Return what one person is told, and the ways it goes."""
        person = audience.people[message.user_id]
        one, ways = notice(message, event, person, names), channels(message.kind, person.chosen)
        if "mail_id" in event.data:
            ways = ways._replace(email=False)  # the mail itself is on its way already
        sent = self._sends and (ways.email or ways.push)
        return one, ways, _delivery(one, person, ways) if sent else None


def _concerned(events: Iterable[CloudEvent]) -> tuple[set[UUID], set[UUID]]:
    """Return the accounts and the users whom *events* may concern.

    Raises:
        KeyError, ValueError: If an event lacks what its kind must have.
    """
    accounts: set[UUID] = set()
    users: set[UUID] = set()
    for event in events:
        name = event.name
        if name not in RULES:
            continue
        if name.endswith(".posted"):
            accounts.update(UUID(str(event.data[member])) for member in _ACCOUNTS)
        else:
            (accounts if name.startswith("account.") else users).add(event.subject)
    return accounts, users


def _delivery(one: Notice, person: Person, ways: Channels) -> Delivery:
    """Return *one* for those who send mail and push."""
    workflow = WORKFLOW_PREFIX + one.kind.replace(".", "-")
    payload = {
        "kind": one.kind,
        "title": one.title,
        "body": one.body,
        "data": msgspec.Raw(one.data.encode()),
        "channels": [way for way in ("email", "push") if getattr(ways, way)],
        "language": person.language,
    }
    delivery_id = notice_id(one.event_id, one.user_id, workflow, one.created_at)
    return Delivery(delivery_id, one.event_id, one.user_id, workflow, _encode(payload).decode())
