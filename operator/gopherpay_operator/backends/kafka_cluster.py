"""A Kafka cluster as a whole: who it is, and what it lets be done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from confluent_kafka.admin import ConfigResource, ResourceType

from gopherpay_operator.backends.kafka_client import KafkaClient
from gopherpay_operator.backends.ports import Forbidden

if TYPE_CHECKING:
    from confluent_kafka.admin import ConfigEntry, DescribeClusterResult

AUTHORIZER: Final = "authorizer.class.name"
_ASKING: Final = "The cluster cannot be asked"


@dataclass(frozen=True, slots=True)
class ClusterState:
    """What a cluster says of itself.

    Attributes:
        controller_is_known: Whether it has one; nothing can be changed without.
        settings: Of one of its brokers; ``None`` when we may not know them.
    """

    cluster_id: str
    brokers: int
    controller_is_known: bool
    settings: Mapping[str, str] | None


def look(configuration: Mapping[str, object], answer_seconds: float) -> ClusterState:
    """Return the state of the cluster that *configuration* leads to, by two requests.

    Args:
        configuration: Settings of librdkafka: servers, protocol, credentials.
        answer_seconds: How long one request may take.

    Raises:
        Rejected: If librdkafka refuses a setting.
        Forbidden: If the brokers do not let us in.
        Unavailable: If nobody answers.
    """
    client = KafkaClient(configuration, answer_seconds)
    asked = client.admin.describe_cluster(request_timeout=answer_seconds)
    described = client.answer(asked, _ASKING)
    return ClusterState(
        cluster_id=described.cluster_id or "",
        brokers=len(described.nodes),
        controller_is_known=described.controller is not None,
        settings=settings_of(client, described),
    )


def settings_of(client: KafkaClient, described: DescribeClusterResult) -> dict[str, str] | None:
    """Return the settings of one broker, ``None`` when an authorizer does not let us.

    All brokers are meant to have the same.
    """
    if not described.nodes:
        return None
    broker = ConfigResource(ResourceType.BROKER, str(described.nodes[0].id))
    asked = client.admin.describe_configs([broker], request_timeout=client.answer_seconds)
    try:
        entries: dict[str, ConfigEntry] = client.answer(asked[broker], _ASKING)
    except Forbidden:
        return None
    return {name: each.value for name, each in entries.items() if each.value is not None}
