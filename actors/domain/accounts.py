"""What the rules of money need to know of an account."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import NAMESPACE_URL, UUID, uuid5


def world_account_id(currency: str) -> UUID:
    """Return the id of the world account of *currency*: the same in every database."""
    return uuid5(NAMESPACE_URL, f"https://gopherpay.dev/world/{currency}")


class AccountStatus(StrEnum):
    """The life of an account."""

    OPEN = "open"
    FROZEN = "frozen"
    CLOSED = "closed"


class AccountKind(StrEnum):
    """A customer's wallet, or the platform's door to the world outside the books."""

    CUSTOMER = "customer"
    WORLD = "world"


@dataclass(slots=True)
class Account:
    """An account as it was read under its row lock, moved on by each posting decided since.

    Attributes:
        held_minor: The sum of open holds: part of the balance, not available.
        overdraft_minor: How far below zero it may go.
        version: The number of its postings.
        last_posted_at: When it last changed; None before its first posting.
    """

    id: UUID
    owner_id: UUID
    kind: AccountKind
    currency: str
    status: AccountStatus
    balance_minor: int
    held_minor: int
    overdraft_minor: int
    version: int
    last_posted_at: datetime | None

    @property
    def available_minor(self) -> int:
        """Return what may be debited now."""
        return self.balance_minor - self.held_minor + self.overdraft_minor

    @property
    def is_world(self) -> bool:
        """Tell whether this is a world account: it has no floor and nobody's name."""
        return self.kind is AccountKind.WORLD


@dataclass(frozen=True, slots=True)
class Wallet:
    """An account as its owner sees it.

    Attributes:
        is_default: Whether it is where money for this owner and currency goes unless named.
    """

    id: UUID
    owner_id: UUID
    currency: str
    name: str | None
    is_default: bool
    status: AccountStatus
    balance_minor: int
    held_minor: int
    overdraft_minor: int
    version: int
    created_at: datetime

    @property
    def available_minor(self) -> int:
        """Return what may be debited now."""
        return self.balance_minor - self.held_minor + self.overdraft_minor


@dataclass(frozen=True, slots=True)
class BalanceAt:
    """What an account held at a moment."""

    held_minor: int
    posted_minor: int
    available_minor: int
    currency: str
    version: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """A posting as its account's owner sees it.

    Attributes:
        amount_minor: Signed: negative debits.
        counterparty_id: The user on the other side; the platform for deposits and withdrawals.
    """

    transfer_id: UUID
    kind: str
    amount_minor: int
    currency: str
    balance_after_minor: int
    version: int
    counterparty_id: UUID
    description: str | None
    posted_at: datetime
