"""How a KafkaConnection and its Secrets become the settings of a client."""

import asyncio
import dataclasses

import pytest

from gopherpay_operator.backends.kafka_cluster import ClusterState
from gopherpay_operator.backends.ports import DependencyMissing
from gopherpay_operator.engine.ports import Key, Resource, Secret
from gopherpay_operator.reconcilers.kafka_connections import KafkaConnections, reached, settings
from gopherpay_operator.resources.connections import KafkaConnectionSpec

SPEC = {
    "bootstrapServers": ["a:9093", "b:9093"],
    "sasl": {"mechanism": "SCRAM-SHA-256", "secretRef": {"name": "login", "passwordKey": "pw"}},
    "tls": {"caRef": {"name": "trusted", "key": "ca.pem"}, "certRef": {"name": "own"}},
}
SECRETS = {
    "login": {"username": b"ann", "pw": b"correct-horse"},
    "trusted": {"ca.pem": b"authority"},
    "own": {"tls.crt": b"certificate", "tls.key": b"key"},
}


@dataclasses.dataclass
class Kept:
    """A cluster that holds Secrets and ConfigMaps of one namespace, and nothing else."""

    secrets: dict
    config_maps: dict = dataclasses.field(default_factory=dict)

    async def secret(self, namespace, name):
        return Secret(self.secrets[name]) if namespace == "pay" and name in self.secrets else None

    async def config_map(self, namespace, name):
        return self.config_maps.get(name) if namespace == "pay" else None


def connection(**spec):
    key = Key("KafkaConnection", "pay", "events")
    parsed = KafkaConnectionSpec.model_validate({**SPEC, **spec})
    return Resource(key=key, uid="1", generation=1, spec=parsed)


def made(resource, cluster):
    return asyncio.run(settings(resource, cluster))


def test_everything_that_is_named_reaches_the_client():
    assert made(connection(), Kept(SECRETS)) == {
        "bootstrap.servers": "a:9093,b:9093",
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-256",
        "sasl.username": "ann",
        "sasl.password": "correct-horse",
        "ssl.ca.pem": "authority",
        "ssl.certificate.pem": "certificate",
        "ssl.key.pem": "key",
    }


def test_an_authority_may_stand_in_a_config_map():
    named = {"caRef": {"kind": "ConfigMap", "name": "trusted"}}
    cluster = Kept(SECRETS, {"trusted": {"ca.crt": "another"}})

    found = made(connection(tls=named), cluster)

    assert found["ssl.ca.pem"] == "another"
    assert "ssl.key.pem" not in found


def test_without_password_and_certificates_nothing_is_needed():
    resource = connection(securityProtocol="PLAINTEXT", sasl=None, tls=None)

    assert made(resource, Kept({})) == {
        "bootstrap.servers": "a:9093,b:9093",
        "security.protocol": "PLAINTEXT",
    }
    assert KafkaConnections().needs(resource) == frozenset()


def test_what_it_names_brings_it_again():
    assert KafkaConnections().needs(connection()) == {
        Key("Secret", "pay", name) for name in ("login", "trusted", "own")
    }


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_that_is_not_there_is_waited_for_by_name(name):
    left = {key: value for key, value in SECRETS.items() if key != name}

    with pytest.raises(DependencyMissing, match=f"Secret '{name}' is not there"):
        made(connection(), Kept(left))
    with pytest.raises(DependencyMissing, match=f"Secret '{name}' has nothing under the key"):
        made(connection(), Kept({**SECRETS, name: {"another": b"correct-horse"}}))


def test_a_value_that_is_no_text_is_not_shown():
    broken = {**SECRETS, "login": {"username": b"ann", "pw": b"horse\xff"}}

    with pytest.raises(DependencyMissing, match="no text under the key 'pw'") as failure:
        made(connection(), Kept(broken))

    assert "horse" not in str(failure.value)


def test_a_cluster_without_a_controller_is_not_ready():
    found = reached(ClusterState("id", 3, controller_is_known=False, settings=None))

    assert not found.is_ready
    assert found.reason == "ControllerUnknown"
    assert found.observed.controller_known is False


@pytest.mark.parametrize(
    ("told", "features", "status"),
    [
        (None, None, "Unknown"),
        ({}, ["acls=off", "topic-deletion=off"], "False"),
        (
            {
                "authorizer.class.name": "an.Authorizer",
                "delete.topic.enable": "true",
                "auto.create.topics.enable": "true",
            },
            ["acls=on", "topic-deletion=on"],
            "True",
        ),
    ],
)
def test_brokers_that_make_topics_by_themselves_are_a_warning(told, features, status):
    found = reached(ClusterState("id", 3, controller_is_known=True, settings=told))

    assert found.is_ready
    assert found.observed.features == features
    assert [(each.type, each.status) for each in found.facts] == [("AutoCreateEnabled", status)]
