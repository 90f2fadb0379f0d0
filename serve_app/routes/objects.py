"""The JSON objects of the answers, and how the domain's values become them.

A replayed answer is the same bytes as the first: what a 201 shows of a transfer
comes from facts that never change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal, TypeAlias
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from actors.currencies import currencies
from actors.domain.money import format_amount
from actors.domain.transfers import TransferKind

if TYPE_CHECKING:
    from datetime import datetime

    from actors.domain.accounts import BalanceAt, Entry, Wallet
    from actors.domain.transfers import Transfer

TimeText: TypeAlias = Annotated[
    str,
    Meta(
        description="RFC 3339 in UTC with microseconds.",
        extra_json_schema={"format": "date-time"},
        examples=["2026-01-31T12:00:00.000000Z"],
    ),
]
DecimalText: TypeAlias = Annotated[
    str,
    Meta(
        description="A decimal with exactly the currency's decimals.",
        extra_json_schema={"pattern": r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?$"},
        examples=["10.50"],
    ),
]
MetadataObject: TypeAlias = Annotated[
    msgspec.Raw,
    Meta(
        description="The sender's own notes; empty for everybody else.",
        extra_json_schema={"type": "object", "additionalProperties": {"type": "string"}},
    ),
]
TransferKindText: TypeAlias = Literal["transfer", "deposit", "withdrawal"]

_NO_METADATA: Final = msgspec.Raw(b"{}")
_MICROSECOND_DIGITS: Final = 26


class BalanceObject(msgspec.Struct, frozen=True):
    """The parts of a balance; ``available`` is what may be debited now."""

    posted: DecimalText
    held: DecimalText
    overdraft_limit: DecimalText
    available: DecimalText


class AccountObject(msgspec.Struct, frozen=True):
    """A wallet of one owner in one currency."""

    id: UUID
    owner_id: UUID
    currency: str
    name: str | None
    default: bool
    status: Literal["open", "frozen", "closed"]
    balance: BalanceObject
    version: int
    created_at: TimeText


class CounterpartyObject(msgspec.Struct, frozen=True):
    """Who is on the other side; the platform has no name."""

    name: str | None


class EntryObject(msgspec.Struct, frozen=True):
    """One posting of an account; negative amounts debit."""

    transfer_id: UUID
    kind: TransferKindText
    amount: DecimalText
    currency: str
    balance_after: DecimalText
    version: int
    counterparty: CounterpartyObject
    description: str | None
    posted_at: TimeText


class BalanceAtObject(msgspec.Struct, frozen=True):
    """What an account held at a moment."""

    posted: DecimalText
    held: DecimalText
    available: DecimalText
    currency: str
    version: int
    at: TimeText


class TransferObject(msgspec.Struct, frozen=True, gc=False, tag_field="status", tag="posted"):
    """Money that has moved.

    ``idempotency_key`` and ``metadata`` are shown to the one who sent it;
    ``reference`` belongs to deposits and withdrawals. In a dry run ``id`` is null.
    """

    id: UUID | None
    kind: TransferKindText
    source_account_id: UUID
    destination_account_id: UUID
    amount: DecimalText
    currency: str
    description: str | None
    metadata: MetadataObject
    refunded_amount: DecimalText
    original_transfer_id: UUID | None
    hold_id: UUID | None
    posted_at: TimeText
    reference: str | UnsetType = UNSET
    idempotency_key: str | UnsetType = UNSET


def rfc3339(at: datetime) -> str:
    """Return the UTC time *at* with microseconds and a Z."""
    return at.isoformat(timespec="microseconds")[:_MICROSECOND_DIGITS] + "Z"


def account_object(wallet: Wallet) -> AccountObject:
    """Return *wallet* as its owner sees it."""
    decimals = currencies()[wallet.currency].decimals
    return AccountObject(
        id=wallet.id,
        owner_id=wallet.owner_id,
        currency=wallet.currency,
        name=wallet.name,
        default=wallet.is_default,
        status=wallet.status.value,
        balance=BalanceObject(
            posted=format_amount(wallet.balance_minor, decimals),
            held=format_amount(wallet.held_minor, decimals),
            overdraft_limit=format_amount(wallet.overdraft_minor, decimals),
            available=format_amount(wallet.available_minor, decimals),
        ),
        version=wallet.version,
        created_at=rfc3339(wallet.created_at),
    )


def entry_object(entry: Entry, counterparty: str | None) -> EntryObject:
    """Return *entry* as its account's owner sees it."""
    decimals = currencies()[entry.currency].decimals
    return EntryObject(
        transfer_id=entry.transfer_id,
        kind=TransferKind(entry.kind).value,
        amount=format_amount(entry.amount_minor, decimals),
        currency=entry.currency,
        balance_after=format_amount(entry.balance_after_minor, decimals),
        version=entry.version,
        counterparty=CounterpartyObject(counterparty),
        description=entry.description,
        posted_at=rfc3339(entry.posted_at),
    )


def balance_at_object(balance: BalanceAt) -> BalanceAtObject:
    """Return *balance* as its account's owner sees it."""
    decimals = currencies()[balance.currency].decimals
    return BalanceAtObject(
        posted=format_amount(balance.posted_minor, decimals),
        held=format_amount(balance.held_minor, decimals),
        available=format_amount(balance.available_minor, decimals),
        currency=balance.currency,
        version=balance.version,
        at=rfc3339(balance.at),
    )


def transfer_object(transfer: Transfer, viewer_id: UUID) -> TransferObject:
    """Return *transfer* as *viewer_id* may see it."""
    decimals = currencies()[transfer.currency].decimals
    own = transfer.principal_id == viewer_id
    return TransferObject(
        id=transfer.id,
        kind=transfer.kind.value,
        source_account_id=transfer.source_account_id,
        destination_account_id=transfer.destination_account_id,
        amount=format_amount(transfer.amount_minor, decimals),
        currency=transfer.currency,
        description=transfer.description,
        metadata=msgspec.Raw(transfer.metadata) if own and transfer.metadata else _NO_METADATA,
        refunded_amount=format_amount(0, decimals),
        original_transfer_id=None,
        hold_id=None,
        posted_at=rfc3339(transfer.posted_at),
        reference=UNSET if transfer.reference is None else transfer.reference,
        idempotency_key=transfer.idempotency_key if own else UNSET,
    )
