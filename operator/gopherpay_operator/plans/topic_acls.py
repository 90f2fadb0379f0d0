"""Who may use a topic: the entries of the brokers' access control that are about it.

The entries of the topic itself are all ours once they are managed. Those of consumer groups are
only ever added: another topic's readers may need the same entry, and without a right to any topic
it lets nobody read anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from gopherpay_operator.plans.actions import Action, Reason, Refused, Risk

if TYPE_CHECKING:
    from gopherpay_operator.plans.desired import EventTopic
    from gopherpay_operator.plans.observed import Found, TopicState

ANY_HOST: Final = "*"


@dataclass(frozen=True, slots=True, order=True)
class AclEntry:
    """One entry, for exactly one name.

    Attributes:
        on: What *name* is.
        principal: With its type, such as ``User:ledger``.
        operation: In Kafka's words, such as ``Read`` or ``DescribeConfigs``.
    """

    on: Literal["topic", "group"]
    name: str
    principal: str
    operation: str
    permission: Literal["Allow", "Deny"] = "Allow"
    host: str = ANY_HOST

    def __str__(self) -> str:
        """Return it as people say it."""
        place = "" if self.host == ANY_HOST else f" from {self.host}"
        return (
            f"{self.principal}{place}: {self.permission} {self.operation} on {self.on} {self.name}"
        )


@dataclass(frozen=True, slots=True)
class CreateAcl:
    """Add one entry."""

    name: str
    entry: AclEntry
    risk: Risk = Risk.SAFE

    @property
    def sentence(self) -> str:
        """Say it."""
        return f"For topic '{self.name}', add the access rule '{self.entry}'."


@dataclass(frozen=True, slots=True)
class DeleteAcl:
    """Take one entry away."""

    name: str
    entry: AclEntry
    risk: Risk = Risk.SAFE

    @property
    def sentence(self) -> str:
        """Say it."""
        return f"For topic '{self.name}', remove the access rule '{self.entry}'."


def differences(desired: EventTopic, found: Found[TopicState]) -> list[Action]:
    """Return what makes access what it shall be; nothing where nobody has said.

    What is added comes first, and what denies before what allows: nobody who keeps a right loses
    it in between, and nobody has one for a moment.
    """
    if desired.acls is None or (found.acls is None and not desired.acls):
        return []
    if found.acls is None:
        return [unsupported(desired)]
    missing = sorted(desired.acls - found.acls, key=_denials_first)
    return [
        *(CreateAcl(desired.name, each) for each in missing),
        *_removal(desired, found.acls - desired.acls),
    ]


def removal(desired: EventTopic, found: Found[TopicState]) -> list[Action]:
    """Return how the entries of a topic go with it, or they would hold for its next namesake."""
    return [] if desired.acls is None else _removal(desired, found.acls or frozenset())


def unsupported(desired: EventTopic) -> Refused:
    """Return why nobody's access is managed."""
    return Refused(
        Reason.NOT_SUPPORTED,
        f"Topic '{desired.name}' has acls, and its cluster has no authorizer, so that everybody "
        "may use every topic. Set authorizer.class.name on the brokers, or remove acls.",
    )


def _removal(desired: EventTopic, entries: frozenset[AclEntry]) -> list[Action]:
    own = [each for each in entries if (each.on, each.name) == ("topic", desired.name)]
    return [DeleteAcl(desired.name, each) for each in sorted(own)]


def _denials_first(entry: AclEntry) -> tuple[bool, AclEntry]:
    return entry.permission == "Allow", entry
