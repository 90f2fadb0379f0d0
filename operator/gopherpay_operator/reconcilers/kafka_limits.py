"""What the limits of a Kafka connection leave for one of its topics.

What is there counts in any case; of what is only wanted, the oldest resources come first.  One
that wants more than is left, or cannot go on for another reason, takes nothing from the younger.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gopherpay_operator.engine.connections import users_of
from gopherpay_operator.resources.kafka import EventTopicSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gopherpay_operator.engine.ports import Cluster, Key, Resource
    from gopherpay_operator.resources.connections import KafkaLimits


class Left(NamedTuple):
    """What is left for one topic, with what it has; ``None`` for no limit."""

    topics: int | None = None
    partitions: int | None = None


class _Use(NamedTuple):
    has: int
    wants: int


def left(resource: Resource, connection: Key, limits: KafkaLimits, cluster: Cluster) -> Left:
    """Return what *limits* of *connection* leave for *resource*."""
    if limits.max_topics is None and limits.max_partitions is None:
        return Left()
    users = users_of(connection, ["EventTopic"], cluster)
    place = next(
        (number for number, each in enumerate(users) if each.key == resource.key), len(users)
    )
    older, younger = users[:place], users[place + 1 :]
    return Left(
        _left(
            [_topics(each) for each in older],
            [_topics(each) for each in younger],
            limits.max_topics,
        ),
        _left(
            [_partitions(each) for each in older],
            [_partitions(each) for each in younger],
            limits.max_partitions,
        ),
    )


def _left(older: Sequence[_Use], younger: Sequence[_Use], most: int | None) -> int | None:
    if most is None:
        return None
    taken = sum(each.has for each in (*older, *younger))
    for each in older:
        more = max(0, each.wants - each.has)
        taken += more if taken + more <= most else 0
    return most - taken


def _topics(resource: Resource) -> _Use:
    return _Use(int(_is_there(resource)), int(_goes_on(resource)))


def _partitions(resource: Resource) -> _Use:
    observed = resource.status.get("observed") or {}
    has = int(observed.get("partitions") or 0) if _is_there(resource) else 0
    return _Use(has, _spec(resource).partitions if _goes_on(resource) else has)


def _is_there(resource: Resource) -> bool:
    """Tell whether its topic was there, and its own, when we last looked."""
    return bool((resource.status.get("ownership") or {}).get("owned"))


def _goes_on(resource: Resource) -> bool:
    """Tell whether what it wants will come to be without somebody's help."""
    is_stalled = any(
        (each.get("type"), each.get("status")) == ("Stalled", "True")
        for each in resource.status.get("conditions") or ()
    )
    return not (resource.is_deleting or _spec(resource).suspend or is_stalled)


def _spec(resource: Resource) -> EventTopicSpec:
    assert isinstance(resource.spec, EventTopicSpec)  # noqa: S101 - the engine's promise
    return resource.spec
