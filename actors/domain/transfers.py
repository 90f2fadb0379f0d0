"""Transfers: the wish, what it became, and the rules between the two."""

from __future__ import annotations

from dataclasses import field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from actors.domain.accounts import Account, AccountStatus
from actors.domain.errors import (
    REFUSALS_BY_CODE,
    AccountClosed,
    AccountFrozen,
    BalanceOverflow,
    CurrencyMismatch,
    DestinationUnknown,
    Fact,
    GopherPayError,
    InsufficientFunds,
    KeyReused,
    NotFound,
    SameAccount,
)
from actors.domain.money import BALANCE_MINOR_MAX, BALANCE_MINOR_MIN
from actors.domain.values import value


class TransferKind(StrEnum):
    """Why money moved."""

    TRANSFER = "transfer"
    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"


@value
class Movement:
    """The wish to move money from one account to another.

    Attributes:
        transfer_id: The id it gets if it is posted.
        principal_id: Whose key space *idempotency_key* belongs to.
        owner_id: Who must own the source; None when the treasury acts.
        fingerprint: A hash of the canonical command: the same wish has the same one.
        metadata: Canonical JSON text of the sender's own notes.
        request_id: Named again when this answer is replayed.
        trace_parent: W3C trace context of the request, carried to the event.
    """

    transfer_id: UUID
    kind: TransferKind
    source_id: UUID
    destination_id: UUID
    amount_minor: int
    currency: str
    principal_id: UUID
    owner_id: UUID | None
    idempotency_key: str
    fingerprint: bytes
    request_id: str
    description: str | None = None
    reference: str | None = None
    metadata: str | None = None
    trace_parent: str | None = None


@value
class Transfer:
    """Money that has moved."""

    id: UUID
    kind: TransferKind
    source_account_id: UUID
    destination_account_id: UUID
    amount_minor: int
    currency: str
    description: str | None
    reference: str | None
    metadata: str | None
    principal_id: UUID
    idempotency_key: str
    posted_at: datetime


@value
class Posting:
    """One side of a transfer: a signed amount, and the account's state right after it."""

    account_id: UUID
    version: int
    transfer_id: UUID
    amount_minor: int
    balance_after_minor: int
    posted_at: datetime


class Verdict(StrEnum):
    """What became of a movement."""

    POSTED = "posted"
    REFUSED = "refused"
    NOT_FOUND = "not-found"
    KEY_REUSED = "key-reused"


@value
class Outcome:
    """The definite answer to a movement.

    Attributes:
        transfer: When posted.
        code: Why not, when refused.
        facts: The facts of the refusal, or the object that holds the key.
        request_id: The request that was first answered so.
        replayed: Whether this answer was given before under the same key.
    """

    verdict: Verdict
    transfer: Transfer | None = None
    code: str | None = None
    facts: dict[str, Fact] = field(default_factory=dict)
    request_id: str = ""
    replayed: bool = False

    def error(self) -> GopherPayError:
        """Return what a caller would have been told by an exception."""
        if self.verdict is Verdict.KEY_REUSED:
            return KeyReused(**self.facts)  # type: ignore[arg-type]  # the facts are its fields
        if self.verdict is Verdict.REFUSED:
            return REFUSALS_BY_CODE[str(self.code)](**self.facts)
        return NotFound()


def check(movement: Movement, source: Account | None, destination: Account | None) -> None:
    """Pass if *movement* may be posted on these two accounts as they stand.

    Raises:
        NotFound: If the mover has no such account.
        DestinationUnknown: If there is no such open destination.
        SameAccount, CurrencyMismatch, AccountClosed, AccountFrozen, InsufficientFunds,
        BalanceOverflow: As their names say.
    """
    source, destination = _seen_by_mover(movement, source, destination)
    if source.id == destination.id:
        raise SameAccount
    if not source.currency == destination.currency == movement.currency:
        raise CurrencyMismatch
    _may_be_debited(movement, source)
    if destination.balance_minor + movement.amount_minor > BALANCE_MINOR_MAX:
        raise BalanceOverflow


def _seen_by_mover(
    movement: Movement, source: Account | None, destination: Account | None
) -> tuple[Account, Account]:
    """Return both accounts, if the mover may name them in these roles."""
    if source is None or source.is_world != (movement.kind is TransferKind.DEPOSIT):
        raise NotFound
    if movement.owner_id is not None and source.owner_id != movement.owner_id:
        raise NotFound
    if movement.kind is TransferKind.DEPOSIT:
        return source, _depositable(destination)
    if (
        destination is None
        or destination.is_world != (movement.kind is TransferKind.WITHDRAWAL)
        or destination.status is AccountStatus.CLOSED
    ):
        raise DestinationUnknown
    return source, destination


def _depositable(destination: Account | None) -> Account:
    """Return the account that a deposit names: the treasury may learn that it is closed."""
    if destination is None or destination.is_world:
        raise NotFound
    if destination.status is AccountStatus.CLOSED:
        raise AccountClosed
    return destination


def _may_be_debited(movement: Movement, source: Account) -> None:
    """Pass if *source* can give the amount."""
    if source.status is AccountStatus.CLOSED:
        raise AccountClosed
    if source.status is AccountStatus.FROZEN:
        raise AccountFrozen
    if source.is_world:
        if source.balance_minor - movement.amount_minor < BALANCE_MINOR_MIN:
            raise BalanceOverflow
    elif source.available_minor < movement.amount_minor:
        raise InsufficientFunds(source.available_minor, movement.amount_minor, movement.currency)
