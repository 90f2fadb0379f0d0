"""What people are told: who there is to tell, how it is kept, and how it is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple, Protocol
from uuid import UUID

from actors.domain.values import value

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable


class Channels(NamedTuple):
    """Which ways a person wants a kind of notification to go."""

    in_app: bool
    email: bool
    push: bool


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who can be told.

    Attributes:
        language: Such as ``en``.
        chosen: What was chosen by kind; the defaults hold for the rest.
    """

    id: UUID
    language: str
    chosen: Mapping[str, Channels]


@dataclass(frozen=True, slots=True)
class Audience:
    """Whom a batch of events may concern.

    Attributes:
        owners: Of the customers' accounts among those asked for; the platform's have none.
        people: The active users by id.
    """

    owners: Mapping[UUID, UUID]
    people: Mapping[UUID, Person]


@value
class Notice:
    """One thing told to one person.

    Attributes:
        id: Made of event, user and kind.
        data: JSON text of an object.
        created_at: When it happened.
    """

    id: UUID
    event_id: UUID
    user_id: UUID
    kind: str
    title: str
    body: str
    data: str
    created_at: datetime


@value
class Delivery:
    """A notice that shall also go by mail or push.

    Attributes:
        workflow: Of Novu, such as ``gopherpay-transfer-received``.
        payload: JSON text of an object; never a secret.
    """

    id: UUID
    event_id: UUID
    user_id: UUID
    workflow: str
    payload: str


@dataclass(frozen=True, slots=True)
class Telling:
    """All that a batch of events demands.

    Attributes:
        event_ids: Of the whole batch; what is done for one is done once.
        changed_users: Whose profile is to be looked at again where mail and push are sent from.
    """

    event_ids: Sequence[UUID]
    notices: Sequence[Notice]
    deliveries: Sequence[Delivery]
    changed_users: Sequence[UUID] = ()


class Notices(Protocol):
    """Where notices are kept."""

    async def audience(self, account_ids: Collection[UUID], user_ids: Collection[UUID]) -> Audience:
        """Return who owns *account_ids*, and what is known of them and of *user_ids*.

        Raises:
            StoreUnavailable: If the database does not answer.
        """
        ...

    async def tell(self, consumer: str, telling: Telling) -> int:
        """Keep *telling* in one transaction, without what an earlier one has done.

        Return how many of its events were new.

        Raises:
            StoreUnavailable, OutcomeUnknown: If it is not certain; the same may be told again.
        """
        ...


class MaskedNames(Protocol):
    """What may be told of a person to another."""

    async def masked(self, user_ids: Iterable[UUID]) -> Mapping[UUID, str]:
        """Return the masked name of each user that there is, such as ``A*** L.``."""
        ...


@value
class Kept:
    """A notice in somebody's inbox.

    Attributes:
        number: Counts a person's notices by one, without gaps, in the order they became visible.
        data: JSON text of an object.
    """

    user_id: UUID
    number: int
    id: UUID
    kind: str
    title: str
    body: str
    data: str
    created_at: datetime
    read_at: datetime | None


class Inbox(Protocol):
    """What one person was told."""

    async def page(
        self, user_id: UUID, *, unread: bool, before: int | None, limit: int
    ) -> list[Kept]:
        """Return at most *limit* notices numbered below *before*, newest first."""
        ...

    async def read(self, user_id: UUID, notice_id: UUID) -> Kept:
        """Mark a notice as read, the first time; return it.

        Raises:
            NotFound: If this person has no such notice.
        """
        ...

    async def read_all(self, user_id: UUID) -> int:
        """Mark everything as read; return how much was not."""
        ...


class News(Protocol):
    """What has been added to inboxes."""

    async def place(self, user_id: UUID, last_id: UUID | None) -> int:
        """Return the number of *last_id*; that of the newest notice if there is no such."""
        ...

    async def beyond(self, places: Mapping[UUID, int], *, limit: int) -> list[Kept]:
        """Return up to *limit* notices of each user beyond the number given, in order.

        Raises:
            StoreUnavailable: If the database does not answer.
        """
        ...


class Preferences(Protocol):
    """What people chose."""

    async def of(self, user_id: UUID) -> Mapping[str, Channels]:
        """Return what a person chose by kind."""
        ...

    async def choose(self, user_id: UUID, chosen: Mapping[str, Channels]) -> None:
        """Keep *chosen*; other kinds stay as they are."""
        ...
