"""What the routes need of the inside, as Protocols that they own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from actors.domain.accounts import AccountStatus, BalanceAt, Entry, Wallet
    from actors.domain.batches import KeptAnswer
    from actors.domain.errors import Unavailable
    from actors.domain.transfers import Movement, Outcome, Transfer
    from actors.identity.mailbox import Mail
    from actors.ports.ledger import KeyClaim
    from actors.store.books.report import Report
    from actors.store.transfers import TransferFilter


class Movements(Protocol):
    """Takes movements to where they are decided, together with those of others."""

    async def submit(self, movement: Movement, deadline_seconds: float) -> Outcome:
        """Return what became of *movement*.

        Raises:
            Overloaded: If it was not executed.
            OutcomeUnknown: If it may have been.
        """
        ...

    async def submit_many(
        self, movements: Sequence[Movement], deadline_seconds: float
    ) -> list[Outcome | Unavailable]:
        """Return what became of each of *movements*; a trouble is a value in its place."""
        ...


class Books(Protocol):
    """The part of the ledger that does not go through the actors."""

    async def commit_all_or_none(self, movements: Sequence[Movement]) -> list[Outcome]:
        """Post all of *movements*, or none.

        Raises:
            StoreUnavailable: If nothing was written.
            OutcomeUnknown: If that is not known.
        """
        ...

    async def rehearse(self, movement: Movement) -> Outcome:
        """Return what would be answered now, and keep nothing."""
        ...


class AccountCommands(Protocol):
    """What an owner or an operator does to an account; all raise ``NotFound``."""

    async def open(
        self,
        account_id: UUID,
        owner_id: UUID,
        currency: str,
        name: str | None,
        claim: KeyClaim | None,
    ) -> tuple[Wallet, bool]:
        """Open an account once per key; tell whether it was opened before.

        Raises:
            KeyReused, KeyInProgress: If the key is another command's, or a twin's.
        """
        ...

    async def rename(self, account_id: UUID, owner_id: UUID, name: str) -> Wallet:
        """Give the account another name."""
        ...

    async def make_default(self, account_id: UUID, owner_id: UUID) -> Wallet:
        """Name the account as the default of its currency.

        Raises:
            AccountClosed: If it is closed.
        """
        ...

    async def close(self, account_id: UUID, owner_id: UUID) -> Wallet:
        """Close an empty account.

        Raises:
            AccountNotEmpty: If it is not.
        """
        ...

    async def freeze(self, account_id: UUID, reason: str) -> Wallet:
        """Stop every debit.

        Raises:
            AccountClosed: If it is closed.
        """
        ...

    async def unfreeze(self, account_id: UUID, reason: str) -> Wallet:
        """Allow debits again.

        Raises:
            AccountClosed: If it is closed.
        """
        ...


class AccountReads(Protocol):
    """Questions about accounts; an *owner_id* of None asks as an operator."""

    async def one(self, account_id: UUID, owner_id: UUID | None) -> Wallet:
        """Return an account.

        Raises:
            NotFound: If there is none, or it is another's.
        """
        ...

    async def many(
        self, owner_id: UUID, *, status: AccountStatus | None, before: UUID | None, limit: int
    ) -> list[Wallet]:
        """Return the owner's accounts, newest first."""
        ...

    async def entries(
        self,
        account_id: UUID,
        owner_id: UUID | None,
        *,
        before_version: int | None,
        limit: int,
    ) -> list[Entry]:
        """Return the postings of an account, newest first.

        Raises:
            NotFound: If there is none, or it is another's.
        """
        ...

    async def balance_at(self, account_id: UUID, at: datetime | None) -> BalanceAt | None:
        """Return what the account held at *at* (now); None when that lies in the future."""
        ...


class TransferReads(Protocol):
    """Questions about transfers."""

    async def one(self, transfer_id: UUID, owner_id: UUID | None) -> Transfer | None:
        """Return a transfer of an account of *owner_id*; None asks as an operator."""
        ...

    async def many(
        self, wanted: TransferFilter, *, before: UUID | None, limit: int
    ) -> list[Transfer]:
        """Return the transfers that pass the filter, newest first."""
        ...

    async def kept(self, principal_id: UUID, idempotency_key: str) -> KeptAnswer | None:
        """Return what a key remembers."""
        ...


class Names(Protocol):
    """What may be told of a person to another."""

    async def masked(self, user_ids: Iterable[UUID]) -> Mapping[UUID, str]:
        """Return the masked name of each user that there is, such as ``A*** L.``."""
        ...


class Health(Protocol):
    """Whether this process can serve."""

    async def failing(self) -> list[str]:
        """Return the parts that are not ready, such as ``database``; empty when all are."""
        ...


class Verifications(Protocol):
    """What is known of the state of the books."""

    async def last(self) -> Report | None:
        """Return the last verification, if there was one."""
        ...


class Mailbox(Protocol):
    """The mails that would have been sent."""

    async def read(self, email: str) -> list[Mail]:
        """Return the newest mails to *email*, newest first.

        Raises:
            FieldInvalid: If it is no address.
        """
        ...
