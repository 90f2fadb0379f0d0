"""The facts that leave the platform, by their CloudEvents type."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Final
from uuid import UUID

from actors.domain.values import value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actors.domain.transfers import Movement, Outcome, Transfer

TYPE_PREFIX: Final = "dev.gopherpay."
TYPE_VERSION: Final = ".v1"

SUBJECT_KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "transfer.posted": "account",
        "transfer.refused": "account",
        "deposit.posted": "account",
        "withdrawal.posted": "account",
        "account.opened": "account",
        "account.closed": "account",
        "account.frozen": "account",
        "account.unfrozen": "account",
        "user.registered": "user",
        "user.verified": "user",
        "user.updated": "user",
        "user.closed": "user",
        "credential.changed": "user",
        "login.new": "user",
    }
)
"""Every fact that is told, and what it is a fact about."""

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


def account_opened(account_id: UUID, owner_id: UUID, currency: str) -> Event:
    """Return the event of a new account."""
    return _of_account("account.opened", account_id, owner_id, currency)


def account_closed(account_id: UUID, owner_id: UUID, currency: str) -> Event:
    """Return the event of an account that is closed for ever."""
    return _of_account("account.closed", account_id, owner_id, currency)


def account_frozen(account_id: UUID, owner_id: UUID, currency: str, reason: str) -> Event:
    """Return the event of an account that pays nothing out any more."""
    return _of_account("account.frozen", account_id, owner_id, currency, reason=reason)


def account_unfrozen(account_id: UUID, owner_id: UUID, currency: str, reason: str) -> Event:
    """Return the event of an account that pays out again."""
    return _of_account("account.unfrozen", account_id, owner_id, currency, reason=reason)


def user_registered(user_id: UUID, mail_id: UUID) -> Event:
    """Return the event of a registration; *mail_id* is where the sealed token is."""
    return _of_user("user.registered", user_id, mail_id=str(mail_id))


def user_verified(user_id: UUID) -> Event:
    """Return the event of an address that was proven."""
    return _of_user("user.verified", user_id)


def user_updated(user_id: UUID, changed: Sequence[str]) -> Event:
    """Return the event of a changed profile: the names of what changed, never the values."""
    return _of_user("user.updated", user_id, changed=list(changed))


def user_closed(user_id: UUID) -> Event:
    """Return the event of a person who left."""
    return _of_user("user.closed", user_id)


def password_changed(user_id: UUID, mail_id: UUID) -> Event:
    """Return the event of a new password; *mail_id* is the mail that tells of it."""
    return _of_user("credential.changed", user_id, credential="password", mail_id=str(mail_id))


def api_key_changed(owner_id: UUID, api_key_id: UUID) -> Event:
    """Return the event of an API key that was made or deleted."""
    return _of_user(
        "credential.changed", owner_id, credential="api_key", api_key_id=str(api_key_id)
    )


def roles_changed(user_id: UUID) -> Event:
    """Return the event of a role that was granted."""
    return _of_user("credential.changed", user_id, credential="roles")


def login_new(user_id: UUID) -> Event:
    """Return the event of a log-in from a network that is new to its user, named by nothing."""
    return _of_user("login.new", user_id)


def _of_account(
    name: str, account_id: UUID, owner_id: UUID, currency: str, **more: object
) -> Event:
    data = {"account_id": str(account_id), "owner_id": str(owner_id), "currency": currency}
    return fact(name, "account", account_id, {**data, **more})


def _of_user(name: str, user_id: UUID, **more: object) -> Event:
    return fact(name, "user", user_id, {"user_id": str(user_id), **more})


def _string(text: str | None) -> str:
    """Return *text* as a JSON value."""
    return "null" if text is None else json.dumps(text, ensure_ascii=False)


def _text(data: Mapping[str, object]) -> str:
    """Return compact JSON; member order is the order of writing."""
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False)
