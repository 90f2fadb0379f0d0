"""A plan: what would be done, each step with a sentence and a risk, and what is refused."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

HIDDEN: Final = "***"
_SECRET_WORDS: Final = ("password", "passwd", "secret", "token", "credential", "jaas", "key")


class Risk(StrEnum):
    """What could be lost by a step."""

    SAFE = "safe"
    DATA_LOSS = "data-loss"
    REFUSED = "refused"


class Reason(StrEnum):
    """Why a step is refused: the reason of a condition."""

    ADOPTION_FORBIDDEN = "AdoptionForbidden"
    CONFIG_NOT_ALLOWED = "ConfigNotAllowed"
    CONFLICT = "Conflict"
    DESTROY_NOT_ALLOWED = "DestroyNotAllowed"
    HOLDS_RECORDS = "HoldsRecords"
    IMMUTABLE = "Immutable"
    IN_USE = "InUse"
    LIMIT_EXCEEDED = "LimitExceeded"
    NAME_RESERVED = "NameReserved"
    NAME_WITHOUT_PREFIX = "NameWithoutPrefix"
    NOT_EMPTY = "NotEmpty"
    NOT_IDENTICAL = "NotIdentical"
    NOT_SUPPORTED = "NotSupported"
    OWNS_OBJECTS = "OwnsObjects"
    PARTITION_DECREASE = "PartitionDecrease"
    PARTITION_INCREASE_NOT_ALLOWED = "PartitionIncreaseNotAllowed"
    PLACE_MISSING = "PlaceMissing"
    SUPERUSER = "Superuser"


class Action(Protocol):
    """One step; it never holds a secret that its sentence or its repr would show."""

    @property
    def risk(self) -> Risk:
        """Tell what could be lost."""

    @property
    def sentence(self) -> str:
        """Say what is done, for a person, without secrets."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A step that is wished for and will not be done, and what a person can do."""

    reason: Reason
    sentence: str
    risk: Risk = Risk.REFUSED


@dataclass(frozen=True, slots=True)
class Plan:
    """What lies between what is wanted and what is there.

    Attributes:
        is_carried_out: Whether the policies let it be done; otherwise it is only reported.
    """

    actions: tuple[Action, ...] = ()
    is_carried_out: bool = True

    @property
    def steps(self) -> tuple[Action, ...]:
        """Return what can be done, in order, whether or not it is carried out."""
        return tuple(each for each in self.actions if each.risk is not Risk.REFUSED)

    @property
    def to_do(self) -> tuple[Action, ...]:
        """Return what shall be done now, in order."""
        return self.steps if self.is_carried_out else ()

    @property
    def refusals(self) -> tuple[Refused, ...]:
        """Return what will not be done."""
        return tuple(each for each in self.actions if isinstance(each, Refused))

    @property
    def is_empty(self) -> bool:
        """Tell whether everything is as it is wanted."""
        return not self.actions

    @property
    def sentences(self) -> tuple[str, ...]:
        """Return the plan for a person."""
        return tuple(each.sentence for each in self.actions)


def corrects_drift(action: Action) -> bool:
    """Tell whether *action* undoes what others did, once a spec was carried out.

    What becomes due by itself, such as another password, does not.
    """
    return bool(getattr(action, "is_drift", True))


def only_allowed(
    actions: Iterable[Action], name: str, *, may_lose_data: bool
) -> tuple[Action, ...]:
    """Return *actions* on *name*, with every step that loses data refused unless it may."""
    return tuple(
        Refused(
            Reason.DESTROY_NOT_ALLOWED,
            f"{each.sentence.rstrip('.')}: this can lose data. "
            f"If you mean it, annotate the resource with gopherpay.dev/allow-destroy: {name}.",
        )
        if each.risk is Risk.DATA_LOSS and not may_lose_data
        else each
        for each in actions
    )


def reserved(name: str) -> Refused:
    """Return the refusal of a *name* that belongs to the server."""
    return Refused(
        Reason.NAME_RESERVED,
        f"'{name}' belongs to the server and is never managed. Choose another name.",
    )


def shown(key: str, value: str | None) -> str:
    """Return the *value* of a setting for a person: hidden where *key* sounds like a secret."""
    if value is None:
        return "the default"
    # A part of a name, not of a word: "monkey" is no key.
    words = key.lower().replace("-", ".").replace("_", ".").split(".")
    return HIDDEN if any(word in _SECRET_WORDS for word in words) else f"'{value}'"


def counted(names: Sequence[str], one: str) -> str:
    """Return *names* in words: the few by name, the many by number.

    Args:
        names: What is listed.
        one: What one of them is called, as ``table``.
    """
    if len(names) == 1:
        return f"{one} '{names[0]}'"
    if len(names) <= NAMED_MAX:
        return f"{one}s {', '.join(repr(name) for name in names)}"
    return f"{len(names)} {one}s"


NAMED_MAX: Final = 5
