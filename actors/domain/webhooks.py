"""Webhooks: who hears of an event, what each may see of it, and how long a receiver is tried."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal, TypeAlias
from uuid import UUID

from actors.domain.errors_identity import FieldInvalid
from actors.domain.events import SUBJECT_KINDS, TYPE_PREFIX, TYPE_VERSION
from actors.domain.values import value

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from actors.domain.events import CloudEvent

WebhookStatus: TypeAlias = Literal["active", "disabled"]
DeliveryStatus: TypeAlias = Literal["pending", "delivered", "failed"]

WEBHOOKS_MAX: Final = 20
"""Of one user: each of them is another request for each of the user's events."""

URL_MAX_CHARACTERS: Final = 2_048

RETRY_SECONDS: Final = (5, 30, 300, 1_800, 7_200, 18_000, 28_800, 43_200, 64_800, 68_400)
"""From the end of each failed attempt to the next; with the longest jitter less than three days."""

JITTER: Final = 0.1
"""By how much of itself a wait may be longer: what failed together is not tried together."""

GIVE_UP_SECONDS: Final = 3 * 86_400
"""After which a delivery is over, tried or not: a receiver that is down for days has a backlog."""

DISABLE_SECONDS: Final = 5 * 86_400
"""Of nothing but failures, after which a webhook is switched off."""

_SIDES: Final = ("source_", "destination_")
_ACCOUNT: Final = "account_id"


@value
class WebhookInfo:
    """A webhook as its owner sees it, without the secret."""

    id: UUID
    url: str
    event_types: tuple[str, ...]
    status: WebhookStatus
    failing_since: datetime | None
    created_at: datetime


@value
class DeliveryInfo:
    """An event on its way to a webhook, as the owner sees it.

    Attributes:
        event_type: The CloudEvents type.
        last_error: A code of ours; nothing that the receiver has said.
        next_attempt_at: None once it is over.
    """

    id: UUID
    event_id: UUID
    event_type: str
    status: DeliveryStatus
    attempts: int
    response_status: int | None
    last_error: str | None
    next_attempt_at: datetime | None
    created_at: datetime


@value
class Concern:
    """Whom an event concerns: the owners of *accounts*, and *users*."""

    accounts: tuple[UUID, ...] = ()
    users: tuple[UUID, ...] = ()


def concern(event: CloudEvent) -> Concern:
    """Return whom *event* concerns; a posting both sides, a refusal only the one who tried.

    Raises:
        KeyError, ValueError: If it names no accounts where its kind has two.
    """
    kind = SUBJECT_KINDS.get(event.name, "account")
    if kind == "user":
        return Concern(users=(event.subject,))
    if event.name.endswith(".posted"):
        sides = (UUID(str(event.data[f"{side}{_ACCOUNT}"])) for side in _SIDES)
        return Concern(accounts=tuple(dict.fromkeys((event.subject, *sides))))
    return Concern(accounts=(event.subject,))


def shown_to(event: CloudEvent, owned: Collection[UUID]) -> CloudEvent:
    """Return *event* as the owner of *owned* may see it.

    Both sides know both accounts; what else begins with the name of a side (its version) is for
    the owner of that side, and the trace is the sender's.
    """
    hidden = tuple(
        side
        for side in _SIDES
        if (account := event.data.get(f"{side}{_ACCOUNT}")) is not None
        and not any(account == str(mine) for mine in owned)
    )
    data = {
        name: member
        for name, member in event.data.items()
        if name.endswith(_ACCOUNT) or not hidden or not name.startswith(hidden)
    }
    return replace(event, data=data, trace_parent=None)


def wants(event_types: Collection[str], event: CloudEvent) -> bool:
    """Tell whether a webhook with that filter hears of *event*; an empty one hears of all."""
    return not event_types or event.name in event_types or event.type in event_types


def checked_event_types(wanted: Iterable[str]) -> tuple[str, ...]:
    """Return *wanted* without repetitions; ``transfer.posted`` and the whole type are both known.

    Raises:
        FieldInvalid: If one is no event of ours; the known ones are named.
    """
    chosen = tuple(dict.fromkeys(wanted))
    for name in chosen:
        short = name.removeprefix(TYPE_PREFIX).removesuffix(TYPE_VERSION)
        if short not in SUBJECT_KINDS or name not in {short, f"{TYPE_PREFIX}{short}{TYPE_VERSION}"}:
            known = ", ".join(sorted(SUBJECT_KINDS))
            raise FieldInvalid("event_types", f"each must be one of {known}")
    return chosen


def retry_seconds(attempts: int, luck: float) -> float | None:
    """Return how long to wait after so many failed *attempts*, None to give up.

    Args:
        attempts: Made so far, at least 1.
        luck: From 0 to 1, drawn at random.
    """
    if attempts > len(RETRY_SECONDS):
        return None
    return RETRY_SECONDS[attempts - 1] * (1 + JITTER * luck)
