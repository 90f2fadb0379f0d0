"""Kafka clusters: how they are reached, and whether they are."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, TypeVar

from gopherpay_operator.backends import kafka_cluster
from gopherpay_operator.backends.ports import DependencyMissing
from gopherpay_operator.engine.durations import seconds_of
from gopherpay_operator.engine.ports import Fact, Key
from gopherpay_operator.engine.things import Reached
from gopherpay_operator.resources.connections import KafkaConnectionSpec, KafkaObserved

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gopherpay_operator.backends.kafka_cluster import ClusterState
    from gopherpay_operator.engine.ports import Cluster, Resource
    from gopherpay_operator.resources.references import TrustReference

Settings = dict[str, str]
Content = TypeVar("Content", str, bytes)

CERTIFICATE_KEY: Final = "tls.crt"
PRIVATE_KEY: Final = "tls.key"
_AUTO_CREATE: Final = "auto.create.topics.enable"
_FEATURES: Final[Mapping[str, str]] = {
    "acls": kafka_cluster.AUTHORIZER,
    "topic-deletion": "delete.topic.enable",
}
"""What we tell of a broker, and the setting that says so."""


class KafkaConnections:
    """`engine.things.Probe` for `KafkaConnection`."""

    kind = "KafkaConnection"
    user_kinds = ("EventTopic",)

    def needs(self, resource: Resource) -> frozenset[Key]:
        """Return the Secrets and ConfigMaps that it names."""
        spec, namespace = spec_of(resource), resource.key.namespace
        named: list[tuple[str, str]] = []
        if spec.sasl is not None:
            named.append(("Secret", spec.sasl.secret_ref.name))
        if spec.tls is not None and spec.tls.ca_ref is not None:
            named.append((spec.tls.ca_ref.kind, spec.tls.ca_ref.name))
        if spec.tls is not None and spec.tls.cert_ref is not None:
            named.append(("Secret", spec.tls.cert_ref.name))
        return frozenset(Key(kind, namespace, name) for kind, name in named)

    async def look(self, resource: Resource, cluster: Cluster) -> Reached:
        """Ask the cluster who it is."""
        configuration = await settings(resource, cluster)
        seconds = seconds_of(spec_of(resource).admin_timeout)
        return reached(await asyncio.to_thread(kafka_cluster.look, configuration, seconds))


def reached(state: ClusterState) -> Reached:
    """Return what is told of *state*."""
    observed = KafkaObserved(
        cluster_id=state.cluster_id,
        broker_count=state.brokers,
        controller_known=state.controller_is_known,
        features=_features(state.settings),
    )
    facts = (_auto_create(state.settings),)
    if state.controller_is_known:
        return Reached(observed=observed, facts=facts)
    return Reached(
        observed=observed,
        facts=facts,
        is_ready=False,
        reason="ControllerUnknown",
        message="The cluster has no controller now, and nothing can be changed without one. Look "
        "at the logs of its controllers.",
    )


async def settings(connection: Resource, cluster: Cluster) -> Settings:
    """Return the settings of librdkafka by which *connection* is used; they hold secrets.

    Raises:
        DependencyMissing: If a Secret or ConfigMap or a key of it is not there.
    """
    spec = spec_of(connection)
    return {
        "bootstrap.servers": ",".join(spec.bootstrap_servers),
        "security.protocol": spec.security_protocol,
        **await _sasl(spec, connection.key.namespace, cluster),
        **await _tls(spec, connection.key.namespace, cluster),
    }


def spec_of(connection: Resource) -> KafkaConnectionSpec:
    """Return the spec of *connection*, which is one of Kafka."""
    assert isinstance(connection.spec, KafkaConnectionSpec)  # noqa: S101 - the engine's promise
    return connection.spec


async def _sasl(spec: KafkaConnectionSpec, namespace: str, cluster: Cluster) -> Settings:
    if spec.sasl is None:
        return {}
    reference = spec.sasl.secret_ref
    data = await _secret(cluster, namespace, reference.name)
    return {
        "sasl.mechanism": spec.sasl.mechanism,
        "sasl.username": _text(data, f"Secret '{reference.name}'", reference.username_key),
        "sasl.password": _text(data, f"Secret '{reference.name}'", reference.password_key),
    }


async def _tls(spec: KafkaConnectionSpec, namespace: str, cluster: Cluster) -> Settings:
    made: Settings = {}
    if spec.tls is not None and spec.tls.ca_ref is not None:
        made["ssl.ca.pem"] = await _trusted(spec.tls.ca_ref, namespace, cluster)
    if spec.tls is not None and spec.tls.cert_ref is not None:
        name = spec.tls.cert_ref.name
        data = await _secret(cluster, namespace, name)
        made["ssl.certificate.pem"] = _text(data, f"Secret '{name}'", CERTIFICATE_KEY)
        made["ssl.key.pem"] = _text(data, f"Secret '{name}'", PRIVATE_KEY)
    return made


async def _trusted(reference: TrustReference, namespace: str, cluster: Cluster) -> str:
    where = f"{reference.kind} '{reference.name}'"
    if reference.kind == "Secret":
        return _text(await _secret(cluster, namespace, reference.name), where, reference.key)
    data = await cluster.config_map(namespace, reference.name)
    if data is None:
        raise DependencyMissing(f"{where} is not there.")
    return value_of(data, where, reference.key)


async def _secret(cluster: Cluster, namespace: str, name: str) -> Mapping[str, bytes]:
    secret = await cluster.secret(namespace, name)
    if secret is None:
        raise DependencyMissing(f"Secret '{name}' is not there.")
    return secret.data


def value_of(data: Mapping[str, Content], where: str, key: str) -> Content:
    """Return the value of *key*.

    Raises:
        DependencyMissing: If there is none.
    """
    value = data.get(key)
    if not value:
        raise DependencyMissing(f"{where} has nothing under the key '{key}'.")
    return value


def _text(data: Mapping[str, bytes], where: str, key: str) -> str:
    try:
        return value_of(data, where, key).decode()
    except UnicodeDecodeError:
        raise DependencyMissing(f"{where} has no text under the key '{key}'.") from None


def _features(told: Mapping[str, str] | None) -> list[str] | None:
    if told is None:
        return None
    return [
        f"{name}={'off' if told.get(setting, '') in {'', 'false'} else 'on'}"
        for name, setting in _FEATURES.items()
    ]


def _auto_create(told: Mapping[str, Any] | None) -> Fact:
    if told is None:
        return Fact(
            "AutoCreateEnabled",
            "Unknown",
            "NotReadable",
            "Our user may not read the brokers' settings, for which DescribeConfigs on the "
            "cluster is needed.",
        )
    if told.get(_AUTO_CREATE) != "true":
        return Fact("AutoCreateEnabled", "False", "Off")
    return Fact(
        "AutoCreateEnabled",
        "True",
        "On",
        "Brokers make topics that nobody declared, whenever a client asks for one: a topic that "
        f"was deleted may come back at once. Set {_AUTO_CREATE} to false on the brokers.",
    )
