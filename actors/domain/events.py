"""The facts that leave the platform, by their CloudEvents type."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from uuid import UUID

from actors.domain.values import value

if TYPE_CHECKING:
    from actors.domain.transfers import Movement, Outcome, Transfer

TYPE_PREFIX: Final = "dev.gopherpay."
TYPE_VERSION: Final = ".v1"

_POSTED: Final = {
    "transfer": "transfer.posted",
    "deposit": "deposit.posted",
    "withdrawal": "withdrawal.posted",
}


@value
class Event:
    """A fact about one account or user; events of one subject leave in the order written.

    Attributes:
        name: Such as ``transfer.posted``; the CloudEvents type is made from it.
        subject_kind: ``account`` or ``user``.
        subject_id: The key that orders it.
        payload: JSON text.
        trace_parent: W3C trace context of the request that caused it.
    """

    name: str
    subject_kind: str
    subject_id: UUID
    payload: str
    trace_parent: str | None = None

    @property
    def type(self) -> str:
        """Return the CloudEvents type."""
        return f"{TYPE_PREFIX}{self.name}{TYPE_VERSION}"


@value
class CloudEvent:
    """A fact as a consumer sees it (CloudEvents 1.0).

    Attributes:
        id: One for each fact; what is done with it is done once per id.
        type: Such as ``dev.gopherpay.transfer.posted.v1``.
        source: Who tells it.
        subject: The id of the account or user.
        time: When it became true, UTC.
        data: Members beyond those of the schema may be there and mean nothing yet.
    """

    id: UUID
    type: str
    source: str
    subject: UUID
    time: datetime
    data: Mapping[str, object]
    trace_parent: str | None = None

    @property
    def name(self) -> str:
        """Return the type without prefix and version, such as ``transfer.posted``."""
        return self.type.removeprefix(TYPE_PREFIX).removesuffix(TYPE_VERSION)


def fact(name: str, subject_kind: str, subject_id: UUID, data: Mapping[str, object]) -> Event:
    """Return an event whose payload is *data* as JSON; it must hold no secret."""
    return Event(name, subject_kind, subject_id, _text(data))


@lru_cache(maxsize=128)
def rfc3339(at: datetime) -> str:
    """Return *at* (UTC) with microseconds and a Z (RFC 3339); a batch has one time for many."""
    return f"{at:%Y-%m-%dT%H:%M:%S.%f}Z"


def transfer_posted(
    transfer: Transfer, movement: Movement, source_version: int, destination_version: int
) -> Event:
    """Return the event of a posted transfer, ordered with those of the customer's account."""
    subject = (
        transfer.destination_account_id
        if transfer.kind == "deposit"
        else transfer.source_account_id
    )
    # Written out, since it is made for every transfer: only a description can need escaping.
    payload = (
        f'{{"transfer_id":"{transfer.id}","kind":"{transfer.kind}"'
        f',"source_account_id":"{transfer.source_account_id}","source_version":{source_version}'
        f',"destination_account_id":"{transfer.destination_account_id}"'
        f',"destination_version":{destination_version},"amount_minor":{transfer.amount_minor}'
        f',"currency":"{transfer.currency}","description":{_string(transfer.description)}'
        f',"posted_at":"{rfc3339(transfer.posted_at)}"}}'
    )
    return Event(_POSTED[transfer.kind], "account", subject, payload, movement.trace_parent)


def transfer_refused(movement: Movement, outcome: Outcome) -> Event:
    """Return the event of a refusal that is kept under its key."""
    payload = _text(
        {
            "kind": movement.kind,
            "source_account_id": str(movement.source_id),
            "destination_account_id": str(movement.destination_id),
            "amount_minor": movement.amount_minor,
            "currency": movement.currency,
            "code": outcome.code,
        }
    )
    subject = movement.destination_id if movement.kind == "deposit" else movement.source_id
    return Event("transfer.refused", "account", subject, payload, movement.trace_parent)


def _string(text: str | None) -> str:
    """Return *text* as a JSON value."""
    return "null" if text is None else json.dumps(text, ensure_ascii=False)


def _text(data: Mapping[str, object]) -> str:
    """Return compact JSON; member order is the order of writing."""
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False)
