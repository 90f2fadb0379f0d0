"""From a checked body to the movement it asks for: parsed, canonical, fingerprinted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import msgspec

from actors.currencies import currency
from actors.domain.accounts import world_account_id
from actors.domain.money import parse_amount
from actors.domain.transfers import Movement, TransferKind
from actors.domain.values import value
from serve_app.http.idempotency import fingerprint
from serve_app.http.texts import (
    AmountText,
    Body,
    CurrencyText,
    Description,
    IdText,
    KeyText,
    Metadata,
    id_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actors.ports.ledger import IdSource
    from serve_app.http.exchange import Call

_encode: Final = msgspec.json.Encoder().encode


class NewTransfer(Body, frozen=True, gc=False):
    """The wish to move money from an own account to any other."""

    source_account_id: IdText
    destination_account_id: IdText
    amount: AmountText
    currency: CurrencyText
    description: Description | None = None
    metadata: Metadata | None = None


class BulkItem(Body, frozen=True, gc=False):
    """One transfer of a bulk, with its own key."""

    idempotency_key: KeyText
    source_account_id: IdText
    destination_account_id: IdText
    amount: AmountText
    currency: CurrencyText
    description: Description | None = None
    metadata: Metadata | None = None


class NewTreasuryMovement(Body, frozen=True, gc=False):
    """The wish to bring money in from the world outside, or out to it."""

    account_id: IdText
    amount: AmountText
    currency: CurrencyText
    reference: Description


@value
class Asked:
    """Who asks for a movement, and under which key."""

    principal_id: UUID
    idempotency_key: str
    request_id: str
    trace_parent: str | None

    @staticmethod
    def by(call: Call[Any, Any], idempotency_key: str | None = None) -> Asked:
        """Return the asker of *call*, under *idempotency_key* or the call's own."""
        key = call.idempotency_key if idempotency_key is None else idempotency_key
        return Asked(call.principal.id, key or "", call.request_id, call.trace_parent)


def transfer(body: NewTransfer | BulkItem, asked: Asked, new_id: IdSource) -> Movement:
    """Return the movement of a transfer.

    Raises:
        CurrencyUnknown, AmountInvalid: As their names say.
    """
    source_id, destination_id = id_of(body.source_account_id), id_of(body.destination_account_id)
    minor = parse_amount(body.amount, currency(body.currency))
    metadata = _canonical(body.metadata)
    return Movement(
        transfer_id=new_id(),
        kind=TransferKind.TRANSFER,
        source_id=source_id,
        destination_id=destination_id,
        amount_minor=minor,
        currency=body.currency,
        principal_id=asked.principal_id,
        owner_id=asked.principal_id,
        idempotency_key=asked.idempotency_key,
        fingerprint=fingerprint(
            "transfer", source_id, destination_id, minor, body.currency, body.description, metadata
        ),
        request_id=asked.request_id,
        description=body.description,
        metadata=metadata,
        trace_parent=asked.trace_parent,
    )


def treasury(
    kind: TransferKind, body: NewTreasuryMovement, asked: Asked, new_id: IdSource
) -> Movement:
    """Return the movement of a deposit or a withdrawal, against the currency's world account.

    Raises:
        CurrencyUnknown, AmountInvalid: As their names say.
    """
    account_id = id_of(body.account_id)
    minor = parse_amount(body.amount, currency(body.currency))
    world_id = world_account_id(body.currency)
    inward = kind is TransferKind.DEPOSIT
    return Movement(
        transfer_id=new_id(),
        kind=kind,
        source_id=world_id if inward else account_id,
        destination_id=account_id if inward else world_id,
        amount_minor=minor,
        currency=body.currency,
        principal_id=asked.principal_id,
        owner_id=None,
        idempotency_key=asked.idempotency_key,
        fingerprint=fingerprint(kind, account_id, minor, body.currency, body.reference),
        request_id=asked.request_id,
        reference=body.reference,
        trace_parent=asked.trace_parent,
    )


def _canonical(metadata: Mapping[str, str | None] | None) -> str | None:
    """Return *metadata* as JSON text in the order of its keys; nothing noted is None."""
    noted = {key: text for key, text in sorted((metadata or {}).items()) if text is not None}
    return _encode(noted).decode() if noted else None
