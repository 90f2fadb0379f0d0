"""The steps of things in Novu; a sentence names what is changed and never what it says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gopherpay_operator.plans.actions import Risk
from gopherpay_operator.plans.novu import NovuIntegration, NovuThing

PATHS_SHOWN_MAX: Final = 10


@dataclass(frozen=True, slots=True)
class ClaimInNovu:
    """Put our mark on what is there and nobody's."""

    desired: NovuThing
    claim: str
    risk: Risk = Risk.SAFE

    @property
    def sentence(self) -> str:
        """Say it."""
        return f"Record '{self.claim}' as the owner of {_named(self.desired)}."


@dataclass(frozen=True, slots=True)
class ReleaseInNovu:
    """Take our mark away; the thing stays."""

    desired: NovuThing
    claim: str
    risk: Risk = Risk.SAFE

    @property
    def sentence(self) -> str:
        """Say it."""
        return f"Give up the ownership of {_named(self.desired)} and leave it as it is."


@dataclass(frozen=True, slots=True)
class CreateInNovu:
    """Make the thing, with our mark from the beginning."""

    desired: NovuThing
    claim: str
    risk: Risk = Risk.SAFE

    @property
    def sentence(self) -> str:
        """Say it."""
        return f"Create {_named(self.desired)}."


@dataclass(frozen=True, slots=True)
class ChangeInNovu:
    """Write the thing anew, as a whole.

    Attributes:
        paths: Where it differs.
        owner: Whose it was when it was looked at; ``None`` for nobody's, which is claimed before.
    """

    desired: NovuThing
    paths: tuple[str, ...]
    owner: str | None = None
    risk: Risk = Risk.SAFE

    @property
    def sentence(self) -> str:
        """Say it."""
        shown = ", ".join(self.paths[:PATHS_SHOWN_MAX])
        more = len(self.paths) - PATHS_SHOWN_MAX
        return f"Change {shown}{f' and {more} more' if more > 0 else ''} of {_named(self.desired)}."


@dataclass(frozen=True, slots=True)
class SendCredentials:
    """Send the credentials of the Secret, which replace all that were there."""

    desired: NovuIntegration
    risk: Risk = Risk.SAFE

    @property
    def sentence(self) -> str:
        """Say it."""
        return f"Send the credentials of {_named(self.desired)}."


@dataclass(frozen=True, slots=True)
class MakePrimary:
    """Make the integration the one that is used when no other is meant."""

    desired: NovuIntegration
    risk: Risk = Risk.SAFE

    @property
    def sentence(self) -> str:
        """Say it."""
        channel = self.desired.channel
        return f"Make {_named(self.desired)} the primary one of the channel {channel}."


@dataclass(frozen=True, slots=True)
class DeleteInNovu:
    """Delete the thing, if it is still the one that was looked at, and still its owner's."""

    desired: NovuThing
    id: str
    owner: str | None = None
    risk: Risk = Risk.DATA_LOSS

    @property
    def sentence(self) -> str:
        """Say it."""
        lost = " with its subscriptions" if self.desired.what == "topic" else ""
        return f"Delete {_named(self.desired)}{lost}."


def _named(desired: NovuThing) -> str:
    return f"{desired.what} '{desired.name}' in Novu"
