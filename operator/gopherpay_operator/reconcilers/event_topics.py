"""Topics of Kafka, as the engine needs them."""

from __future__ import annotations

import hashlib
import json
import secrets
from typing import TYPE_CHECKING, Final

from gopherpay_operator import wishes
from gopherpay_operator.backends.kafka import KafkaTopics
from gopherpay_operator.backends.kafka_claims import KafkaClaims
from gopherpay_operator.backends.ports import DependencyMissing
from gopherpay_operator.engine.durations import seconds_of
from gopherpay_operator.engine.ports import Fact, Key
from gopherpay_operator.engine.things import Access, Description, Finish
from gopherpay_operator.plans import topic_acls
from gopherpay_operator.plans.actions import HIDDEN, Refused, shown
from gopherpay_operator.reconcilers import event_schemas, kafka_limits
from gopherpay_operator.reconcilers.kafka_connections import settings, spec_of, value_of
from gopherpay_operator.resources.kafka import EventTopicSpec, TopicObserved

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from gopherpay_operator.engine.ports import Cluster, Resource
    from gopherpay_operator.plans.actions import Plan
    from gopherpay_operator.plans.desired import EventTopic
    from gopherpay_operator.plans.observed import Found, TopicState
    from gopherpay_operator.resources.references import ConfigMapKeyReference

CONCURRENCY: Final = 8
BATCH_MAX: Final = 100
"""As Strimzi's topic operator has it: one request tells of so many topics at once."""

CONFIG_SHOWN_MAX: Final = 64
VALUE_SHOWN_CHARACTERS_MAX: Final = 1024
AS_WRITTEN: Final = "AsWritten"
DIFFERS: Final = "Differs"

_KEY: Final = secrets.token_bytes(32)  # so that nobody can try passwords on a fingerprint


class EventTopics:
    """`engine.things.Thing` for `EventTopic`."""

    kind = "EventTopic"
    connection_kind = "KafkaConnection"

    def needs(self, resource: Resource) -> frozenset[Key]:
        """Return the ConfigMap of its schema, if it names one."""
        reference = _schema_reference(resource)
        if reference is None:
            return frozenset()
        return frozenset({Key("ConfigMap", resource.key.namespace, reference.name)})

    def external_name(self, resource: Resource) -> str:
        """Return the name of the topic in Kafka."""
        return _spec(resource).external_name or resource.key.name

    async def access(self, connection: Resource, cluster: Cluster) -> Access:
        """Return how the cluster is reached."""
        configuration = await settings(connection, cluster)
        answer_seconds = seconds_of(spec_of(connection).admin_timeout)

        def make() -> KafkaTopics:
            claims = KafkaClaims(configuration, answer_seconds=answer_seconds)
            return KafkaTopics(configuration, claims, answer_seconds=answer_seconds)

        return Access(
            fingerprint(configuration, answer_seconds),
            make,
            concurrency=CONCURRENCY,
            batch_max=BATCH_MAX,
        )

    async def wish(self, resource: Resource, connection: Resource, cluster: Cluster) -> EventTopic:
        """Return the topic that is wanted, within the limits of its connection."""
        reference = _schema_reference(resource)
        # What goes away waits for nothing: the ConfigMap may have gone before it.
        if reference is not None and not resource.is_deleting:
            await _schema(reference, resource.key.namespace, cluster)
        known = spec_of(connection)
        left = kafka_limits.left(resource, connection.key, known.limits, cluster)
        return wishes.topic(
            resource.key.name,
            _spec(resource),
            config_allowed=known.config_allow_list,
            partitions_max=left.partitions,
            topics_left=left.topics,
        )

    def describe(
        self, resource: Resource, wish: EventTopic, found: Found[TopicState], plan: Plan
    ) -> Description:
        """Return what the status says of the topic."""
        del resource, plan
        state = found.state
        if state is None:
            return Description()
        return Description(
            observed=TopicObserved(
                topic_id=state.topic_id,
                partitions=state.partitions,
                replication_factor=state.replication_factor,
                config=_shown(state.config),
            ),
            external_id=state.topic_id,
            facts=(
                _partitions(wish, state),
                _replication(wish, state),
                _config(wish, state),
                *_acls(wish, found),
            ),
        )

    async def finish(
        self,
        resource: Resource,
        wish: EventTopic,
        found: Found[TopicState],
        cluster: Cluster,
        now: datetime,
    ) -> Finish:
        """Look whether the schema that is named can be one."""
        del wish, found, now
        named = _spec(resource).schema_ref
        if named is None:
            return Finish()
        if named.config_map_key_ref is None:
            not_fetched = "The operator fetches nothing from addresses."
            return Finish(facts=(Fact("SchemaValid", "Unknown", "NotFetched", not_fetched),))
        text = await _schema(named.config_map_key_ref, resource.key.namespace, cluster)
        return _judged(named.config_map_key_ref, event_schemas.mistake(text))


def fingerprint(configuration: Mapping[str, str], answer_seconds: float) -> str:
    """Return what is another one as soon as *configuration* is, and tells nothing of it.

    It is another one in every process.
    """
    text = json.dumps([sorted(configuration.items()), answer_seconds]).encode()
    return hashlib.blake2b(text, key=_KEY, digest_size=16).hexdigest()


def _spec(resource: Resource) -> EventTopicSpec:
    assert isinstance(resource.spec, EventTopicSpec)  # noqa: S101 - the engine's promise
    return resource.spec


def _schema_reference(resource: Resource) -> ConfigMapKeyReference | None:
    named = _spec(resource).schema_ref
    return None if named is None else named.config_map_key_ref


async def _schema(reference: ConfigMapKeyReference, namespace: str, cluster: Cluster) -> str:
    where = f"ConfigMap '{reference.name}'"
    data = await cluster.config_map(namespace, reference.name)
    if data is None:
        raise DependencyMissing(f"{where} is not there.")
    return value_of(data, where, reference.key)


def _judged(reference: ConfigMapKeyReference, mistake: str | None) -> Finish:
    if mistake is None:
        return Finish(facts=(Fact("SchemaValid", "True", "Valid"),))
    message = f"Key '{reference.key}' of ConfigMap '{reference.name}' is no schema. {mistake}"
    return Finish(
        facts=(Fact("SchemaValid", "False", "SchemaInvalid", message),),
        is_ready=False,
        reason="SchemaInvalid",
        message=message,
    )


def _partitions(wish: EventTopic, state: TopicState) -> Fact:
    return _matches("PartitionsMatch", "partitions", wish.partitions, state.partitions)


def _replication(wish: EventTopic, state: TopicState) -> Fact:
    if wish.replication_factor is None:
        return Fact("ReplicationMatch", "True", "NotCompared", "The cluster's default is wanted.")
    return _matches(
        "ReplicationMatch", "replicas", wish.replication_factor, state.replication_factor
    )


def _matches(type_: str, what: str, wanted: int, there: int) -> Fact:
    if wanted == there:
        return Fact(type_, "True", AS_WRITTEN)
    return Fact(type_, "False", DIFFERS, f"It has {there} {what}; {wanted} are wanted.")


def _config(wish: EventTopic, state: TopicState) -> Fact:
    wrong = sorted(key for key, after in wish.config.items() if state.config.get(key) != after)
    if not wrong:
        return Fact("ConfigMatch", "True", AS_WRITTEN)
    return Fact("ConfigMatch", "False", DIFFERS, f"These are not as written: {', '.join(wrong)}.")


def _acls(wish: EventTopic, found: Found[TopicState]) -> tuple[Fact, ...]:
    if wish.acls is None:
        return ()
    left = topic_acls.differences(wish, found)
    if not left:
        return (Fact("AclsMatch", "True", AS_WRITTEN),)
    reason = left[0].reason.value if isinstance(left[0], Refused) else DIFFERS
    message = " ".join(each.sentence for each in left[:10])
    return (Fact("AclsMatch", "False", reason, message),)


def _shown(config: Mapping[str, str]) -> dict[str, str]:
    """Return *config* as far as the status has room for it, without what sounds like a secret."""
    return {
        key: HIDDEN
        if shown(key, config[key]) == HIDDEN
        else config[key][:VALUE_SHOWN_CHARACTERS_MAX]
        for key in sorted(config)[:CONFIG_SHOWN_MAX]
    }
