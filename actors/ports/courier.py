"""How people are told by mail and push: what waits to be sent, and who carries it.

A delivery is a row of the platform's own ledger, one for each event, workflow and subscriber.
Whoever carries it may answer late, twice or never; the ledger decides what is sent again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, Protocol, TypeAlias
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

MAIL_WORKFLOWS: Final = {
    "verify-email": "gopherpay-verify-email",
    "account-exists": "gopherpay-account-exists",
    "reset-password": "gopherpay-reset-password",
    "password-changed": "gopherpay-password-changed",
}
"""The workflow for each kind of sealed mail; its deliveries carry the mail's id as event id."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery that this process may send now.

    Attributes:
        event_id: The event that caused it, or the id of a sealed mail.
        payload: What the workflow is filled with; empty for a mail, which stays sealed.
        attempts: How often it was begun, this time included.
        is_doubtful: Whether an earlier attempt may have been accepted: ask before sending again.
    """

    id: UUID
    event_id: UUID
    workflow: str
    subscriber_id: UUID
    payload: Mapping[str, object] = field(repr=False)
    attempts: int
    is_doubtful: bool

    @property
    def is_mail(self) -> bool:
        """Tell whether the content is that of a sealed mail."""
        return self.workflow in MAIL_WORKFLOWS.values()

    @property
    def transaction_id(self) -> str:
        """Return the id of every attempt of this delivery, here or in another process."""
        once = f"{self.event_id}/{self.workflow}/{self.subscriber_id}"
        return hashlib.sha256(once.encode()).hexdigest()[:40]


@dataclass(frozen=True, slots=True)
class Message:
    """What is handed over to be told to one person; *payload* may hold a secret.

    Attributes:
        transaction_id: The same for every attempt: who has it twice sends it once.
        idempotency_key: Under which one request has one answer.
    """

    workflow: str
    subscriber_id: UUID
    transaction_id: str
    idempotency_key: str
    payload: Mapping[str, object] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Profile:
    """A person as those who carry messages must know them.

    Attributes:
        language: ``en`` or ``vi``.
        digest: A keyed hash of all of it, which tells nothing to those without the key.
    """

    user_id: UUID
    email: str = field(repr=False)
    full_name: str = field(repr=False)
    language: str
    digest: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail, opened just before it is sent; *link* and *token* are secrets."""

    mail_id: UUID
    subject: str
    text: str = field(repr=False)
    link: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Accepted:
    """It will be sent, once."""


@dataclass(frozen=True, slots=True)
class AlreadyAccepted:
    """It was handed over before; nothing more is to be done."""


@dataclass(frozen=True, slots=True)
class Refused:
    """It will never be accepted as it is; *reason* is a code."""

    reason: str


@dataclass(frozen=True, slots=True)
class Later:
    """It was not accepted now, as far as is known; *reason* is a code.

    Attributes:
        retry_after_seconds: What was asked of us; None when nothing was.
        is_doubtful: Whether it may have been accepted all the same.
        is_replayed: Whether this answer is that of an earlier request under the same key, which
            will be given for as long as the key is remembered.
    """

    reason: str
    retry_after_seconds: float | None = None
    is_doubtful: bool = False
    is_replayed: bool = False


Outcome: TypeAlias = Accepted | AlreadyAccepted | Refused | Later


class Messenger(Protocol):
    """Carries messages to people; whatever happens is an outcome, nothing is raised."""

    @property
    def environment(self) -> bytes:
        """Return a mark of where subscribers are kept; another place knows none of them."""
        ...

    def pause_seconds(self) -> float:
        """Return for how long nothing should be sent at all, as the other side asked."""
        ...

    async def tell(self, message: Message) -> Outcome:
        """Hand *message* over."""
        ...

    async def has(self, transaction_id: str) -> bool | Later:
        """Tell whether a message was accepted under *transaction_id*.

        What cannot be found out for good counts as no; only what is worth asking again is later.
        """
        ...

    async def keep(self, profile: Profile) -> Outcome:
        """Make the subscriber, or bring it to *profile*."""
        ...

    async def forget(self, user_id: UUID) -> Outcome:
        """Delete the subscriber; that there is none is well."""
        ...


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of an attempt.

    Attributes:
        status: ``pending`` when it is to be tried again.
        reason: A code; None when all is well.
        wait_seconds: Until the next attempt.
        is_doubtful: Whether it may have been accepted all the same.
    """

    delivery: Delivery
    status: Literal["pending", "sent", "failed"]
    reason: str | None = None
    wait_seconds: float = 0
    is_doubtful: bool = False


class Deliveries(Protocol):
    """The ledger of what is to be sent; all raise ``StoreUnavailable``, ``OutcomeUnknown``."""

    async def add_mails(self, *, window_seconds: float) -> int:
        """Make deliveries of unsent mails written within the window; return how many."""
        ...

    async def expire(self, limit: int) -> int:
        """End what has come too late; return how many."""
        ...

    async def claim(self, limit: int, *, lease_seconds: float) -> list[Delivery]:
        """Take what is due, mails first; no other process gets it before the lease is over.

        From here on an attempt may have been made, whether or not its verdict is recorded.
        """
        ...

    async def record(self, verdicts: Sequence[Verdict]) -> None:
        """Write down what became of attempts; those that another process took over stay."""
        ...

    async def sweep(self, limit: int) -> int:
        """Delete what ended long ago; return how many."""
        ...


class People(Protocol):
    """Those to whom messages go, and their mails, readable."""

    async def profiles(self, user_ids: Collection[UUID]) -> Mapping[UUID, Profile | None]:
        """Return the profile of each user that is there and not closed; None if unreadable.

        Raises:
            StoreUnavailable: If the database does not answer.
        """
        ...

    async def letters(self, mail_ids: Collection[UUID]) -> Mapping[UUID, Letter | None]:
        """Return each mail that is still there, opened; None if unreadable.

        Raises:
            StoreUnavailable: If the database does not answer.
        """
        ...


@dataclass(frozen=True, slots=True)
class Stale:
    """A subscriber to be looked at again; *claim* ends this look and no later one."""

    user_id: UUID
    claim: str


class Subscribers(Protocol):
    """What the messenger was told of people; all raise ``StoreUnavailable``, ``OutcomeUnknown``."""

    async def known(self, user_ids: Collection[UUID]) -> Mapping[UUID, bytes]:
        """Return the digest of the profile under which each is known."""
        ...

    async def doubt(self, user_ids: Collection[UUID]) -> None:
        """Write down that it is not certain under which profile the messenger knows them."""
        ...

    async def remember(self, user_id: UUID, digest: bytes) -> None:
        """Write down that the messenger knows the user by that profile."""
        ...

    async def claim_stale(self, limit: int, *, lease_seconds: float) -> list[Stale]:
        """Take subscribers whose users have changed; others get them when the lease is over."""
        ...

    async def settle(self, stale: Stale, *, is_gone: bool) -> None:
        """End the look at a subscriber, unless its user changed again meanwhile."""
        ...

    async def mark_gone(self, after: UUID, limit: int) -> UUID | None:
        """Mark subscribers beyond *after* whose users are closed or deleted.

        Return the last one looked at; None at the end.
        """
        ...
