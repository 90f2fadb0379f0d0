"""What would be done to a topic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gopherpay_operator.plans import topic_acls
from gopherpay_operator.plans.actions import Action, Reason, Refused, Risk, reserved
from gopherpay_operator.plans.desired import DataLossGuard
from gopherpay_operator.plans.topic_actions import (
    AddPartitions,
    ClaimTopic,
    CreateTopic,
    DeleteTopic,
    ReleaseTopic,
    SetTopicConfig,
)

if TYPE_CHECKING:
    from gopherpay_operator.plans.desired import EventTopic
    from gopherpay_operator.plans.observed import Found, TopicState

RESERVED_PREFIX: Final = "__"
FOR_EVER: Final = -1
KEEPING: Final = frozenset({"retention.ms", "retention.bytes"})
UNCLEAN: Final = "unclean.leader.election.enable"
KEPT_WITHOUT: Final = {"retention.ms": 604_800_000, "retention.bytes": FOR_EVER}
"""What Apache Kafka does by default, should the brokers not say what theirs is."""


def forbidden(desired: EventTopic, _: Found[TopicState]) -> Refused | None:
    """Return why nothing is done to it: Kafka and its tools, and we, have names of their own."""
    return reserved(desired.name) if desired.name.startswith(RESERVED_PREFIX) else None


def create(desired: EventTopic, found: Found[TopicState], claim: str) -> list[Action]:
    """Return how it comes to be.

    It is claimed before it is there, so that of two who want it one is first, and again
    afterwards, with its id: should we die in between, it is still known to be ours.
    """
    access = topic_acls.differences(desired, found)
    refused = [
        *_keys_not_allowed(desired),
        *_too_many(desired),
        *_one_too_many(desired),
        *(each for each in access if isinstance(each, Refused)),
    ]
    if refused:
        return refused
    config = {key: value for key, value in desired.config.items() if value is not None}
    return [
        ClaimTopic(desired.name, claim),
        CreateTopic(desired.name, desired.partitions, desired.replication_factor, config),
        ClaimTopic(desired.name, claim),
        *access,
    ]


def differences(desired: EventTopic, found: Found[TopicState]) -> list[Action]:
    """Return what makes the topic what it shall be, and what cannot."""
    state = found.state
    assert state is not None  # noqa: S101 - the planner asks only about what is there
    claim = found.claim
    return [
        # We died after making it and before its id was recorded.
        *([ClaimTopic(desired.name, claim)] if claim and not found.is_confirmed else []),
        *_partitions(desired, state),
        *_replication(desired, state),
        *_keys_not_allowed(desired),
        *config_differences(desired, state),
        *topic_acls.differences(desired, found),
    ]


def own(desired: EventTopic, claim: str) -> Action:
    """Return how the topic becomes ours."""
    return ClaimTopic(desired.name, claim)


def release(desired: EventTopic, claim: str) -> Action:
    """Return how the topic stops being ours."""
    return ReleaseTopic(desired.name, claim)


def drop(desired: EventTopic, found: Found[TopicState], claim: str) -> list[Action]:
    """Return how it goes away, or why it does not."""
    state = found.state
    if state is None:
        return [*topic_acls.removal(desired, found), ReleaseTopic(desired.name, claim)]
    held_by = _held_by(desired.data_loss_guard, state)
    if held_by is not None:
        return [
            Refused(
                Reason.HOLDS_RECORDS,
                f"Topic '{desired.name}' is not deleted: {held_by}. Set dataLossGuard to None to "
                "delete them with it.",
            )
        ]
    return [
        DeleteTopic(desired.name, state.topic_id, desired.data_loss_guard),
        *topic_acls.removal(desired, found),
        ReleaseTopic(desired.name, claim),
    ]


def _held_by(guard: DataLossGuard, state: TopicState) -> str | None:
    """Return what *guard* sees that would be lost; what nobody has counted counts as some."""
    if guard is DataLossGuard.OFF:
        return None
    if guard is DataLossGuard.RECORDS:
        return None if state.records == 0 else f"it keeps {_many(state.records)} records"
    return (
        None if state.unread == 0 else f"its consumers have {_many(state.unread)} records to read"
    )


def _many(number: int | None) -> str:
    return "an unknown number of" if number is None else str(number)


def is_half_made(_: EventTopic, __: Found[TopicState]) -> bool:
    """Tell whether it is the rest of a creation that was cut off: a claim says so for topics."""
    return False


def may_lose_data(desired: EventTopic, found: Found[TopicState], *, is_named: bool) -> bool:
    """Tell whether steps that lose data are allowed; without the guard a topic's config may."""
    return is_named or (found.state is not None and desired.data_loss_guard is DataLossGuard.OFF)


def _partitions(desired: EventTopic, state: TopicState) -> list[Action]:
    if desired.partitions == state.partitions:
        return []
    if desired.partitions < state.partitions:
        return [
            Refused(
                Reason.PARTITION_DECREASE,
                f"Topic '{desired.name}' has {state.partitions} partitions and cannot have "
                f"{desired.partitions}: Kafka never takes partitions away. Set partitions to "
                f"{state.partitions}, or move to a new topic.",
            )
        ]
    if not _may_grow(desired):
        return [
            Refused(
                Reason.PARTITION_INCREASE_NOT_ALLOWED,
                f"Topic '{desired.name}' is keyed: with {desired.partitions} partitions instead of "
                f"{state.partitions}, keys would move and lose their order. Set "
                "allowPartitionIncrease to true if its consumers can bear that.",
            )
        ]
    too_many = _too_many(desired)
    return too_many or [AddPartitions(desired.name, state.partitions, desired.partitions)]


def _may_grow(desired: EventTopic) -> bool:
    chosen = desired.allow_partition_increase
    return not desired.keyed if chosen is None else chosen


def _too_many(desired: EventTopic) -> list[Action]:
    limit = desired.partitions_max
    if limit is None or desired.partitions <= limit:
        return []
    return [
        Refused(
            Reason.LIMIT_EXCEEDED,
            f"Topic '{desired.name}' wants {desired.partitions} partitions; its connection leaves "
            f"it {limit}. Want fewer, or raise limits.maxPartitions of the connection.",
        )
    ]


def _one_too_many(desired: EventTopic) -> list[Action]:
    if desired.topics_left is None or desired.topics_left > 0:
        return []
    return [
        Refused(
            Reason.LIMIT_EXCEEDED,
            f"Topic '{desired.name}' is not made: its connection's topics are used up. Delete "
            "EventTopics that nobody needs, or raise limits.maxTopics of the connection.",
        )
    ]


def _replication(desired: EventTopic, state: TopicState) -> list[Action]:
    if desired.replication_factor in {None, state.replication_factor}:
        return []
    return [
        Refused(
            Reason.NOT_SUPPORTED,
            f"Topic '{desired.name}' has {state.replication_factor} replicas a partition and "
            f"shall have {desired.replication_factor}; this operator cannot move replicas. Write "
            "a plan for kafka-reassign-partitions.sh (--generate), run it with --execute, wait "
            "for --verify; the operator sees the change at its next pass.",
        )
    ]


def _keys_not_allowed(desired: EventTopic) -> list[Action]:
    allowed = desired.config_allowed
    wrong = [] if allowed is None else sorted(desired.config.keys() - allowed)
    return [
        Refused(
            Reason.CONFIG_NOT_ALLOWED,
            f"Topic '{desired.name}' may not set {key}; its connection allows only "
            f"{', '.join(sorted(allowed or ())) or 'nothing'}.",
        )
        for key in wrong
    ]


def config_differences(desired: EventTopic, state: TopicState) -> list[Action]:
    """Return what makes the configuration what it shall be, as far as the connection allows."""
    allowed = desired.config_allowed
    return [
        SetTopicConfig(desired.name, key, before, after, _risk(key, after, state))
        for key, after in sorted(desired.config.items())
        if (before := state.config.get(key)) != after and (allowed is None or key in allowed)
    ]


def _risk(key: str, after: str | None, state: TopicState) -> Risk:
    """Return whether the change lets the brokers throw records away that they would have kept."""
    before = state.config.get(key, state.defaults.get(key))
    then = state.defaults.get(key) if after is None else after
    if key in KEEPING:
        loses = _kept(key, then) < _kept(key, before)
    elif key == "cleanup.policy":
        loses = not _ways(then) <= _ways(before)
    else:
        loses = key == UNCLEAN and then == "true" != before
    return Risk.DATA_LOSS if loses else Risk.SAFE


def _kept(key: str, value: str | None) -> float:
    """Return how much is kept; what is no number keeps nothing, which is the careful answer."""
    try:
        number = KEPT_WITHOUT[key] if value is None else int(value)
    except ValueError:
        return FOR_EVER
    return float("inf") if number == FOR_EVER else number


def _ways(policy: str | None) -> frozenset[str]:
    """Return the ways by which records go: ``delete``, ``compact``."""
    return frozenset((policy or "delete").replace(" ", "").split(","))
