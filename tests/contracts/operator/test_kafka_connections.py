"""Whether a Kafka can be reached: by its resource and its Secrets, and in words if not."""

import asyncio
import dataclasses

import pytest

from gopherpay_operator.backends.ports import Forbidden, Rejected, Unavailable
from gopherpay_operator.engine.ports import Fact, Key, Resource, Secret
from gopherpay_operator.plans.desired import EventTopic
from gopherpay_operator.reconcilers.event_topics import EventTopics
from gopherpay_operator.reconcilers.kafka_connections import KafkaConnections
from gopherpay_operator.resources.connections import KafkaConnectionSpec
from tests.fixtures.certificates import make_certificates

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.xdist_group("operator-acls")]

PASSWORD = "of-root"


@dataclasses.dataclass
class Kept:
    """A cluster that holds what a connection names, and nothing else."""

    secrets: dict = dataclasses.field(default_factory=dict)
    config_maps: dict = dataclasses.field(default_factory=dict)

    async def secret(self, namespace, name):
        return self.secrets.get((namespace, name))

    async def config_map(self, namespace, name):
        return self.config_maps.get((namespace, name))


def connection(**spec):
    what = {"adminTimeout": "20s", **spec}
    key = Key("KafkaConnection", "pay", "events")
    return Resource(key=key, uid="1", generation=1, spec=KafkaConnectionSpec.model_validate(what))


def plain(servers, **more):
    return connection(bootstrapServers=[servers], securityProtocol="PLAINTEXT", **more)


def with_password(settings, password=PASSWORD, trusted=None):
    resource = connection(
        bootstrapServers=[settings["bootstrap.servers"]],
        sasl={"secretRef": {"name": "login"}},
        tls={"caRef": {"kind": "ConfigMap", "name": "trusted"}},
    )
    login = Secret({"username": b"root", "password": password.encode()})
    authority = {"ca.crt": trusted or settings["ssl.ca.pem"]}
    return resource, Kept({("pay", "login"): login}, {("pay", "trusted"): authority})


def look(resource, cluster):
    return asyncio.run(KafkaConnections().look(resource, cluster))


def test_a_cluster_says_who_it_is(kafka):
    reached = look(plain(kafka.bootstrap_servers), Kept())

    assert reached.is_ready
    assert reached.observed.cluster_id
    assert reached.observed.broker_count == 1
    assert reached.observed.controller_known
    assert reached.observed.features == ["acls=off", "topic-deletion=on"]
    assert reached.facts == (Fact("AutoCreateEnabled", "False", "Off"),)


def test_password_and_authority_come_from_where_they_are_named(secured_kafka, topic_prefix):
    resource, cluster = with_password(secured_kafka["root"])

    reached = look(resource, cluster)
    access = asyncio.run(EventTopics().access(resource, cluster))
    backend = access.make()
    found = backend.observe([EventTopic(topic_prefix, 1)])
    backend.close()

    assert reached.observed.features == ["acls=on", "topic-deletion=on"]
    assert found[topic_prefix].state is None
    assert PASSWORD not in repr(access)
    assert PASSWORD not in repr(backend)


def test_a_wrong_password_is_told_apart_from_a_broker_that_is_away(secured_kafka):
    resource, cluster = with_password(secured_kafka["root"], password="wrong-password")

    with pytest.raises(Forbidden, match="the user or its password is not accepted") as refused:
        look(resource, cluster)
    with pytest.raises(Unavailable, match="Kafka says"):
        look(plain("127.0.0.1:1", adminTimeout="2s"), Kept())

    assert "wrong-password" not in str(refused.value)


def test_an_authority_that_did_not_sign_is_told_apart_too(secured_kafka, tmp_path):
    others = make_certificates(tmp_path / "others").ca_file.read_text()

    with pytest.raises(Forbidden, match="one side does not trust the other"):
        look(*with_password(secured_kafka["root"], trusted=others))
    with pytest.raises(Rejected, match="The settings for Kafka are refused"):
        look(*with_password(secured_kafka["root"], trusted="no certificate"))


def test_a_user_who_may_not_read_the_settings_is_told_what_is_missing(secured_kafka):
    resource, cluster = with_password(secured_kafka["root"])
    cluster.secrets["pay", "login"] = Secret({"username": b"nobody", "password": b"of-nobody"})

    reached = look(resource, cluster)

    assert reached.is_ready
    assert reached.observed.features is None
    [fact] = reached.facts
    assert (fact.type, fact.status, fact.reason) == ("AutoCreateEnabled", "Unknown", "NotReadable")
