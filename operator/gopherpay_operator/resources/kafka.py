"""Topics."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from gopherpay_operator.resources.block import AS_SET, Block, Rule
from gopherpay_operator.resources.kinds import (
    AGE,
    MANAGED_CONDITIONS,
    REASON,
    Column,
    Kind,
    condition,
)
from gopherpay_operator.resources.policies import ManagedSpec
from gopherpay_operator.resources.references import ConfigMapKeyReference
from gopherpay_operator.resources.status import ManagedStatus

Partitions = Annotated[int, Field(ge=1, le=10_000)]
Replicas = Annotated[int, Field(ge=1, le=32)]
Principal = Annotated[str, Field(min_length=1, max_length=256)]
RetentionClass = Literal["Transient", "Standard", "Long", "Forever", "Compacted"]
ConfigValue = Annotated[str, Field(max_length=1024)] | None

_DAY_MS = 86_400_000

RETENTION: Mapping[RetentionClass, Mapping[str, str]] = {
    "Transient": {"cleanup.policy": "delete", "retention.ms": str(_DAY_MS)},
    "Standard": {"cleanup.policy": "delete", "retention.ms": str(7 * _DAY_MS)},
    "Long": {"cleanup.policy": "delete", "retention.ms": str(90 * _DAY_MS)},
    "Forever": {"cleanup.policy": "delete", "retention.ms": "-1"},
    "Compacted": {"cleanup.policy": "compact"},
}
"""What each class sets on the topic."""

_TOPIC = "(has(self.spec.externalName) ? self.spec.externalName : self.metadata.name)"


class EventSchema(Block):
    """Where the schema of a topic's values is written down."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "has(self.configMapKeyRef) != has(self.url)",
            "exactly one of configMapKeyRef and url must be given",
        ),
        Rule(
            "!has(self.url) || self.url.matches('^https?://[^ ]+$')",
            "url must be an address that begins with http:// or https://",
            ".url",
        ),
    )

    config_map_key_ref: ConfigMapKeyReference | None = None
    """A key of a ConfigMap that holds the schema."""

    url: Annotated[str, Field(min_length=8, max_length=512)] | None = None
    """The address of the schema; the operator does not fetch it."""


class TopicAcl(Block):
    """Who may do what with the topic."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "self.principal.matches('^[A-Za-z]+:.+$')",
            "principal must be a type, a colon and a name, such as User:ledger",
            ".principal",
        ),
        Rule(
            "!has(self.consumerGroups) || self.operations.exists(o, o in ['Read', 'All'])",
            "consumerGroups has no effect without the operation Read or All",
            ".consumerGroups",
        ),
        Rule(
            "!has(self.consumerGroups) || self.permission == 'Allow'",
            "consumerGroups are only ever allowed: to keep somebody out, deny the topic to them",
            ".consumerGroups",
        ),
    )

    principal: Principal
    """Whom it is about, such as User:ledger."""

    operations: Annotated[
        list[
            Literal["Read", "Write", "Describe", "DescribeConfigs", "AlterConfigs", "Delete", "All"]
        ],
        Field(min_length=1, max_length=8, json_schema_extra=AS_SET),
    ]
    """What it may or may not do."""

    permission: Literal["Allow", "Deny"] = "Allow"
    """Allow, or Deny, which wins."""

    host: Annotated[str, Field(min_length=1, max_length=253)] = "*"
    """Address that it comes from; * for any."""

    consumer_groups: (
        Annotated[
            list[Annotated[str, Field(min_length=1, max_length=249)]],
            Field(min_length=1, max_length=16, json_schema_extra=AS_SET),
        ]
        | None
    ) = None
    """Consumer groups that it may use to read. Their entries are added and never removed, since \
other topics may need the same."""


class EventTopicSpec(ManagedSpec):
    """How a topic is to be."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "self.partitions >= oldSelf.partitions",
            "partitions cannot become fewer: Kafka cannot merge them; make a new topic and move "
            "its readers",
            ".partitions",
        ),
        Rule(
            "self.partitions <= oldSelf.partitions || (has(self.allowPartitionIncrease)"
            " ? self.allowPartitionIncrease : !self.keyed)",
            "more partitions send the keys of a keyed topic to other partitions, and their order "
            "is lost: set allowPartitionIncrease to true if that is acceptable",
            ".partitions",
        ),
        Rule(
            "!has(self.config) || self.config.all(k, k.matches('^[a-z][a-z0-9.]{1,127}$'))",
            "keys of config must be Kafka's, in lower case with dots, such as retention.ms",
            ".config",
        ),
        Rule(
            "!has(self.retentionClass) || !has(self.config) || !('retention.ms' in self.config"
            " || 'cleanup.policy' in self.config)",
            "retentionClass decides retention.ms and cleanup.policy: give one or the other",
            ".retentionClass",
        ),
        Rule(
            "!(has(self.retentionClass) && self.retentionClass == 'Compacted') || self.keyed",
            "a topic without keys cannot be compacted: choose another retentionClass",
            ".retentionClass",
        ),
        Rule(
            "!has(self.config) || !has(self.replicationFactor)"
            " || !('min.insync.replicas' in self.config)"
            " || dyn(self.config['min.insync.replicas']) == null"
            " || (self.config['min.insync.replicas'].matches('^[1-9][0-9]{0,2}$')"
            " && int(self.config['min.insync.replicas']) <= self.replicationFactor)",
            "min.insync.replicas must be a whole number from 1 to replicationFactor, or nobody "
            "could write",
            ".config",
        ),
    )

    external_name: Annotated[str, Field(min_length=1, max_length=249)] | None = None
    """Name of the topic in Kafka; metadata.name when absent. It cannot be set, changed or \
removed later."""

    partitions: Partitions
    """How many partitions the topic has. They can become more, never fewer."""

    replication_factor: Replicas | None = None
    """How many brokers hold each partition. The cluster's default when absent, and not compared \
then. A topic that exists is not moved: the condition ReplicationMatch says how to do that."""

    config: Annotated[dict[str, ConfigValue], Field(max_length=64)] | None = None
    """Configuration of the topic. A key with a text is set to it and kept so; a key with null is \
removed from the topic, so that the cluster's default holds; a key that is not here is left as it \
is. Use server-side apply: the older kubectl apply drops null."""

    keyed: bool = True
    """Whether records have keys whose order counts."""

    allow_partition_increase: bool | None = None
    """Whether partitions may be added. When absent: yes without keys, no with them, because a \
key may then go to another partition than before."""

    retention_class: RetentionClass | None = None
    """How long records are kept: Transient one day, Standard seven days, Long ninety days, \
Forever without end, Compacted the last of each key. What config or the cluster says when absent."""

    schema_ref: EventSchema | None = None
    """Where the schema of the values is written down."""

    data_loss_guard: Literal["Records", "ConsumerLag", "None"] = "Records"
    """When deletion is refused even with deletionPolicy Delete: Records while the topic holds \
any, ConsumerLag while a consumer group has not read all, None never."""

    acls: Annotated[list[TopicAcl], Field(max_length=32)] | None = None
    """Who may use the topic. Absent leaves access as it is; a list makes the entries for exactly \
this topic what it says, and an empty one removes them all. Entries for prefixes and wildcards are \
left alone."""


class TopicObserved(Block):
    """What was found in Kafka."""

    topic_id: Annotated[str, Field(max_length=64)] | None = None
    """Id that Kafka gave the topic; another one means that it was deleted and made again."""

    partitions: int | None = None
    """How many partitions it has."""

    replication_factor: int | None = None
    """How many replicas the partition with the fewest has."""

    config: (
        Annotated[dict[str, Annotated[str, Field(max_length=1024)]], Field(max_length=64)] | None
    ) = None
    """Configuration that was set on the topic itself, whoever did it."""


class EventTopicStatus(ManagedStatus):
    """What a topic says of itself."""

    observed: TopicObserved | None = None
    """What was found in Kafka."""


EVENT_TOPIC = Kind(
    name="EventTopic",
    plural="eventtopics",
    short_names=("etopic",),
    summary=(
        "A topic in Kafka: its partitions, its configuration, and who may use it. Deleting this "
        "resource leaves the topic unless deletionPolicy says otherwise."
    ),
    spec=EventTopicSpec,
    status=EventTopicStatus,
    conditions={
        **MANAGED_CONDITIONS,
        "PartitionsMatch": "The topic has as many partitions as are written here.",
        "ReplicationMatch": "The topic has as many replicas as are written here.",
        "ConfigMatch": "The configurations that are written here are in effect.",
        "AclsMatch": "Access is as acls say; absent while they say nothing.",
        "SchemaValid": "The schema that is named can be a JSON Schema.",
    },
    columns=(
        Column("Topic", ".status.externalName"),
        Column("Partitions", ".spec.partitions", "integer"),
        Column("RF", ".status.observed.replicationFactor", "integer"),
        condition("Ready"),
        condition("Drifted"),
        REASON,
        Column("Connection", ".spec.connectionRef.name", wide=True),
        Column("TopicId", ".status.observed.topicId", wide=True),
        Column("DeletionPolicy", ".spec.deletionPolicy", wide=True),
        AGE,
    ),
    rules=(
        Rule(
            f"{_TOPIC}.matches('^[a-zA-Z0-9._-]{{1,249}}$') && !({_TOPIC} in ['.', '..'])",
            "the topic's name must be of letters, digits, '.', '_' and '-', at most 249 of them",
        ),
        Rule(
            f"!{_TOPIC}.startsWith('__')",
            "topics that begin with __ belong to Kafka and its tools: choose another name",
        ),
    ),
)
