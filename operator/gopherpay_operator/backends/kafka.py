"""Topics of Kafka: looked at in batches, changed one step at a time."""

from __future__ import annotations

from functools import singledispatchmethod
from typing import TYPE_CHECKING, Any, Final

from confluent_kafka import TopicCollection
from confluent_kafka.admin import (
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ConfigSource,
    ResourceType,
)
from confluent_kafka.cimpl import NewPartitions, NewTopic

from gopherpay_operator.backends import kafka_acls
from gopherpay_operator.backends.kafka_client import ANSWER_SECONDS, KafkaClient
from gopherpay_operator.backends.kafka_counts import Counts, count
from gopherpay_operator.backends.ports import Overtaken
from gopherpay_operator.plans.desired import DataLossGuard
from gopherpay_operator.plans.observed import Found, TopicState
from gopherpay_operator.plans.topic_acls import CreateAcl, DeleteAcl
from gopherpay_operator.plans.topic_actions import (
    AddPartitions,
    ClaimTopic,
    CreateTopic,
    DeleteTopic,
    ReleaseTopic,
    SetTopicConfig,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from confluent_kafka.admin import TopicDescription

    from gopherpay_operator.backends.ports import Owner, TopicClaims
    from gopherpay_operator.plans.actions import Action
    from gopherpay_operator.plans.desired import EventTopic
    from gopherpay_operator.plans.topic_acls import AclEntry

BROKERS_DEFAULT: Final = -1
_LOOKING: Final = "The topics cannot be looked at"
_RETENTION: Final = (
    ("log.retention.ms", 1),
    ("log.retention.minutes", 60_000),
    ("log.retention.hours", 3_600_000),
)
"""The brokers' names for ``retention.ms``, the strongest first, with their milliseconds."""


class KafkaTopics:
    """The topics of one Kafka: `ports.Backend` for `EventTopic`."""

    def __init__(
        self,
        configuration: Mapping[str, object],
        claims: TopicClaims,
        *,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        """Make the client; nothing is connected yet.

        Args:
            configuration: Settings of librdkafka: servers, protocol, credentials.
            claims: Who owns what.
            answer_seconds: How long one request may take.

        Raises:
            Rejected: If librdkafka refuses a setting.
        """
        self._client = KafkaClient(configuration, answer_seconds)
        self._claims = claims

    def observe(
        self, wishes: Sequence[EventTopic], *, is_leaving: bool = False
    ) -> dict[str, Found[TopicState]]:
        """Return the topics of *wishes*, by a handful of requests for all of them."""
        if not wishes:
            return {}
        states = self._states([wish.name for wish in wishes])
        if is_leaving:
            guards = {wish.name: wish.data_loss_guard for wish in wishes}
            states = self._with_counts(states, guards)
        ids = {name: state.topic_id if state else None for name, state in states.items()}
        owners = self._claims.owners(ids)
        acls = kafka_acls.entries(self._client, wishes)
        return {
            name: _found(state, owners.get(name), acls.get(name)) for name, state in states.items()
        }

    def apply(self, actions: Sequence[Action]) -> None:
        """Carry out *actions* in order, each until the brokers show it."""
        for action in actions:
            self._do(action)

    def close(self) -> None:
        """Let go of what the claims hold open."""
        self._claims.close()

    @singledispatchmethod
    def _do(self, action: Action) -> None:
        raise TypeError(f"{type(action).__name__} is no step of a topic.")

    @_do.register
    def _(self, action: ClaimTopic) -> None:
        there = self._described([action.name])[action.name]
        topic_id = None if there is None else str(there.topic_id)
        self._claims.claim(action.name, topic_id, action.claim)

    @_do.register
    def _(self, action: ReleaseTopic) -> None:
        self._claims.release(action.name, action.claim)

    @_do.register
    def _(self, action: CreateTopic) -> None:
        replicas = action.replication_factor or BROKERS_DEFAULT
        wanted = NewTopic(action.name, action.partitions, replicas, config=dict(action.config))
        asked = self._client.admin.create_topics([wanted], **self._bound)
        self._client.answer(asked[action.name], _doing(action))
        self._client.settle(lambda: self._is_led(action.name, action.partitions), _doing(action))

    @_do.register
    def _(self, action: AddPartitions) -> None:
        state = self._states([action.name])[action.name]
        if state is None or state.partitions != action.before:
            raise Overtaken(f"{_doing(action)}: its partitions are not {action.before} any more.")
        wanted = NewPartitions(action.name, action.after)
        asked = self._client.admin.create_partitions([wanted], **self._bound)
        self._client.answer(asked[action.name], _doing(action))
        self._client.settle(lambda: self._is_led(action.name, action.after), _doing(action))

    @_do.register
    def _(self, action: SetTopicConfig) -> None:
        way = AlterConfigOpType.DELETE if action.after is None else AlterConfigOpType.SET
        entry = ConfigEntry(action.key, action.after, incremental_operation=way)
        resource = ConfigResource(ResourceType.TOPIC, action.name, incremental_configs=[entry])
        asked = self._client.admin.incremental_alter_configs([resource], **self._bound)
        self._client.answer(asked[resource], _doing(action))
        self._client.settle(lambda: self._has_set(action), _doing(action))

    @_do.register
    def _(self, action: CreateAcl) -> None:
        kafka_acls.add(self._client, action.entry, _doing(action))

    @_do.register
    def _(self, action: DeleteAcl) -> None:
        kafka_acls.remove(self._client, action.entry, _doing(action))

    @_do.register
    def _(self, action: DeleteTopic) -> None:
        states = self._states([action.name])
        state = states[action.name]
        if state is None or state.topic_id != action.topic_id:
            raise Overtaken(f"{_doing(action)}: it is not the topic any more that was looked at.")
        self._check_guard(action, states)
        asked = self._client.admin.delete_topics([action.name], **self._bound)
        self._client.answer(asked[action.name], _doing(action))
        self._client.settle(
            lambda: self._described([action.name])[action.name] is None, _doing(action)
        )

    def _check_guard(self, action: DeleteTopic, states: dict[str, TopicState | None]) -> None:
        """Look once more, for records may have come since the plan was made."""
        if action.guard is DataLossGuard.OFF:
            return
        counted = self._with_counts(states, {action.name: action.guard})[action.name]
        number = counted and (
            counted.records if action.guard is DataLossGuard.RECORDS else counted.unread
        )
        if number:
            raise Overtaken(f"{_doing(action)}: {number} records have come in between.")

    @property
    def _bound(self) -> dict[str, float]:
        return {"request_timeout": self._client.answer_seconds}

    def _described(self, names: Collection[str]) -> dict[str, TopicDescription | None]:
        asked = self._client.admin.describe_topics(TopicCollection(list(names)), **self._bound)
        return {
            name: self._client.answer_if_there(answer, _LOOKING) for name, answer in asked.items()
        }

    def _states(self, names: Sequence[str]) -> dict[str, TopicState | None]:
        described = self._described(dict.fromkeys(names))
        configs = self._configs([name for name, has in described.items() if has is not None])
        return {
            name: _state(has, configs[name]) if has is not None and name in configs else None
            for name, has in described.items()
        }

    def _configs(self, names: Sequence[str]) -> dict[str, dict[str, ConfigEntry]]:
        if not names:
            return {}
        resources = [ConfigResource(ResourceType.TOPIC, name) for name in names]
        asked = self._client.admin.describe_configs(resources, **self._bound)
        found = {
            resource.name: self._client.answer_if_there(answer, _LOOKING)
            for resource, answer in asked.items()
        }
        return {name: entries for name, entries in found.items() if entries is not None}

    def _with_counts(
        self, states: Mapping[str, TopicState | None], guards: Mapping[str, DataLossGuard]
    ) -> dict[str, TopicState | None]:
        partitions = {name: state.partitions for name, state in states.items() if state}
        counts = count(
            self._client, partitions, with_groups=DataLossGuard.CONSUMER_LAG in guards.values()
        )
        return {
            name: _counted(state, counts[name]) if state else None for name, state in states.items()
        }

    def _is_led(self, name: str, partitions: int) -> bool:
        there = self._described([name])[name]
        if there is None or len(there.partitions) != partitions:
            return False
        return all(each.leader is not None for each in there.partitions)

    def _has_set(self, action: SetTopicConfig) -> bool:
        state = self._states([action.name])[action.name]
        return state is None or state.config.get(action.key) == action.after


def _found(
    state: TopicState | None, owner: Owner | None, acls: frozenset[AclEntry] | None
) -> Found[TopicState]:
    if owner is None:
        return Found(state, acls=acls)
    return Found(state, owner.claim, owner.is_confirmed, acls=acls)


def _doing(action: Action) -> str:
    return action.sentence.rstrip(".")


def _state(described: TopicDescription, entries: Mapping[str, ConfigEntry]) -> TopicState:
    own = {name for name, each in entries.items() if _source(each) == _ON_TOPIC}
    # A value that is hidden from us reads as None; it is never one of a topic.
    defaults = {
        name: _default(each) if name in own else each.value for name, each in entries.items()
    }
    return TopicState(
        topic_id=str(described.topic_id),
        partitions=len(described.partitions),
        replication_factor=min(len(each.replicas) for each in described.partitions),
        config={name: entries[name].value or "" for name in sorted(own)},
        defaults={name: value for name, value in defaults.items() if value is not None},
    )


_ON_TOPIC: Final = ConfigSource.DYNAMIC_TOPIC_CONFIG.value


def _source(entry: ConfigEntry) -> int:
    source: Any = entry.source  # a number, although it is declared to be the enum
    return int(getattr(source, "value", source))


def _default(entry: ConfigEntry) -> str | None:
    """Return what would hold if *entry* were not set on the topic; ``None`` if nobody says."""
    others = {
        name: each.value
        for name, each in (entry.synonyms or {}).items()
        if _source(each) != _ON_TOPIC
    }
    if entry.name != "retention.ms":
        return next(iter(others.values()), None)
    told = ((others.get(name), unit_ms) for name, unit_ms in _RETENTION)
    return next((_times(value, unit_ms) for value, unit_ms in told if value is not None), None)


def _times(value: str, unit_ms: int) -> str:
    return value if int(value) < 0 else str(int(value) * unit_ms)


def _counted(state: TopicState, counts: Counts) -> TopicState:
    return TopicState(
        state.topic_id,
        state.partitions,
        state.replication_factor,
        state.config,
        state.defaults,
        counts.records,
        counts.unread,
    )
