"""The steps of a topic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gopherpay_operator.plans.actions import Risk, shown
from gopherpay_operator.plans.desired import DataLossGuard


@dataclass(frozen=True, slots=True)
class ClaimTopic:
    """Record that the topic, as it is or is not there now, is ours."""

    name: str
    claim: str
    risk: Risk = Risk.SAFE

    @property
    def sentence(self) -> str:
        """Say it."""
        return f"Record '{self.claim}' as the owner of topic '{self.name}'."


@dataclass(frozen=True, slots=True)
class ReleaseTopic:
    """Take our claim back; the topic stays."""

    name: str
    claim: str
    risk: Risk = Risk.SAFE

    @property
    def sentence(self) -> str:
        """Say it."""
        return f"Give up the ownership of topic '{self.name}' and leave it as it is."


@dataclass(frozen=True, slots=True)
class CreateTopic:
    """Make the topic."""

    name: str
    partitions: int
    replication_factor: int | None
    config: Mapping[str, str]
    risk: Risk = Risk.SAFE

    @property
    def sentence(self) -> str:
        """Say it."""
        config = ", ".join(f"{key} {shown(key, self.config[key])}" for key in sorted(self.config))
        replicas = (
            "" if self.replication_factor is None else f" of {self.replication_factor} replicas"
        )
        return (
            f"Create topic '{self.name}' with {self.partitions} partitions{replicas}"
            f"{', and ' + config if config else ''}."
        )


@dataclass(frozen=True, slots=True)
class AddPartitions:
    """Raise the number of partitions, which cannot be undone."""

    name: str
    before: int
    after: int
    risk: Risk = Risk.SAFE

    @property
    def sentence(self) -> str:
        """Say it."""
        return f"Raise the partitions of topic '{self.name}' from {self.before} to {self.after}."


@dataclass(frozen=True, slots=True)
class SetTopicConfig:
    """Set one key on the topic, or take it back."""

    name: str
    key: str
    before: str | None
    after: str | None
    risk: Risk = Risk.SAFE

    @property
    def sentence(self) -> str:
        """Say it."""
        return (
            f"Change {self.key} of topic '{self.name}' from {shown(self.key, self.before)} "
            f"to {shown(self.key, self.after)}."
        )


@dataclass(frozen=True, slots=True)
class DeleteTopic:
    """Delete the topic with its records, if it is still the one that was looked at."""

    name: str
    topic_id: str
    guard: DataLossGuard
    risk: Risk = Risk.DATA_LOSS

    @property
    def sentence(self) -> str:
        """Say it."""
        return f"Delete topic '{self.name}' with its records."
