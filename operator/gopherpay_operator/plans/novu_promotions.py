"""What would be brought from one environment of Novu to another, and who must agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from gopherpay_operator.plans.actions import Action, Plan, Reason, Refused, Risk
from gopherpay_operator.plans.novu import hashed

DELETED: Final = "Deleted"
_VERBS: Final = {"Added": "Add", "Modified": "Change", DELETED: "Delete"}


class Blocking(NamedTuple):
    """What must be in the target too."""

    kind: str
    identifier: str


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """One thing that differs.

    Attributes:
        kind: ``Workflow`` or ``Layout``.
        action: ``Added``, ``Modified`` or ``Deleted``: what publishing does with it.
        version: When it was last written in the source.
        content: What differs in it, as Novu says.
        blocking: What it needs that the target has not.
    """

    kind: str
    identifier: str
    action: str
    version: str = ""
    content: tuple[str, ...] = ()
    blocking: tuple[Blocking, ...] = ()


@dataclass(frozen=True, slots=True)
class Selection:
    """What is brought over; *everything* makes the others needless."""

    everything: bool = False
    workflows: frozenset[str] = frozenset()
    layouts: frozenset[str] = frozenset()

    def has(self, kind: str, identifier: str) -> bool:
        """Tell whether a thing is brought over."""
        named = self.workflows if kind == "Workflow" else self.layouts
        return self.everything or identifier in named


@dataclass(frozen=True, slots=True)
class Publish:
    """Bring one thing over."""

    change: Change

    @property
    def risk(self) -> Risk:
        """Tell what could be lost."""
        return Risk.DATA_LOSS if self.change.action == DELETED else Risk.SAFE

    @property
    def sentence(self) -> str:
        """Say it."""
        change = self.change
        verb = _VERBS[change.action]
        return f"{verb} {change.kind.lower()} '{change.identifier}' in the target."


def plan(changes: tuple[Change, ...], selection: Selection) -> Plan:
    """Return what is brought over, and what cannot be since something is missing in the target."""
    chosen = [each for each in changes if selection.has(each.kind, each.identifier)]
    names = {(each.kind, each.identifier) for each in chosen if each.action != DELETED}
    return Plan(tuple(_action(each, names) for each in chosen))


def _action(change: Change, names: set[tuple[str, str]]) -> Action:
    missing = [each for each in change.blocking if tuple(each) not in names]
    if not missing:
        return Publish(change)
    listed = ", ".join(f"{each.kind.lower()} '{each.identifier}'" for each in missing)
    return Refused(
        Reason.PLACE_MISSING,
        f"{change.kind} '{change.identifier}' needs {listed}, which the target has not. Name it "
        "in resources as well.",
    )


def changes_in(made: Plan) -> tuple[Change, ...]:
    """Return what *made* brings over."""
    return tuple(each.change for each in made.actions if isinstance(each, Publish))


def hash_of(changes: tuple[Change, ...]) -> str:
    """Return the hash of a plan, to which a person agrees."""
    return hashed(
        [[each.kind, each.identifier, each.action, each.version, *each.content] for each in changes]
    )
