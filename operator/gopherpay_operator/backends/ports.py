"""What the engine needs of a backend, and how a backend says that it cannot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gopherpay_operator.plans.actions import Action
    from gopherpay_operator.plans.observed import Found

Wish_contra = TypeVar("Wish_contra", contravariant=True)
State = TypeVar("State")


class BackendFailure(Exception):
    """A backend did not do what was asked; the message is a sentence without secrets."""


class Unavailable(BackendFailure):
    """It does not answer, or not now: ask again later. Nothing is known of the last step."""


class Forbidden(BackendFailure):
    """Our credential is not accepted or may not do this: a person has to change something."""


class Rejected(BackendFailure):
    """It will never accept this step as it is: a person has to change the resource."""


class DependencyMissing(BackendFailure):
    """Something that the step needs is not there yet, such as a role that is named."""


class Overtaken(BackendFailure):
    """The thing is no longer what the plan was made for: observe it and plan again.

    Somebody made, claimed, filled or removed it in between; nothing was done to it.
    """


class Backend(Protocol[Wish_contra, State]):
    """One server for things of one kind."""

    def observe(
        self, wishes: Sequence[Wish_contra], *, is_leaving: bool = False
    ) -> Mapping[str, Found[State]]:
        """Return by name what is there of every one of *wishes*, changing nothing.

        Args:
            wishes: What the resources want.
            is_leaving: Count what would be lost with them as well, which takes longer.

        Raises:
            Unavailable: If the server does not answer.
            Forbidden: If it does not let us look.
        """

    def apply(self, actions: Sequence[Action]) -> None:
        """Carry out *actions* in order, up to the first that fails.

        Repeating them after a failure is safe if they are planned anew.

        Raises:
            BackendFailure: By what the caller should do next; see its leaves.
        """


@dataclass(frozen=True, slots=True)
class Owner:
    """Who has claimed a topic, and whether the claim names the topic's id."""

    claim: str
    is_confirmed: bool


class TopicClaims(Protocol):
    """The record of who owns which topic, for Kafka has no place for it on the topic itself."""

    def owners(self, topics: Mapping[str, str | None]) -> Mapping[str, Owner]:
        """Return who owns which of *topics*, given by name with the id that each has now.

        A claim on a topic that was deleted and made again by others counts no more.

        Raises:
            Unavailable: If the record cannot be read.
        """

    def claim(self, topic: str, topic_id: str | None, claim: str) -> None:
        """Record that *topic* belongs to *claim*; ``None`` as its id before it is made.

        Raises:
            Overtaken: If another has claimed it before.
            Unavailable: If it is not certain that it was recorded.
        """

    def release(self, topic: str, claim: str) -> None:
        """Take back what *claim* has recorded on *topic*; nothing happens when it has not.

        Raises:
            Unavailable: If it is not certain.
        """

    def close(self) -> None:
        """Let go of what is held open; nothing is asked of it afterwards."""
