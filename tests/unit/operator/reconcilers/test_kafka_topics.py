"""What an EventTopic asks for, and what its status says."""

import asyncio
import dataclasses

import pytest

from gopherpay_operator.backends.ports import DependencyMissing
from gopherpay_operator.engine.ports import Key, Resource
from gopherpay_operator.plans.actions import Plan
from gopherpay_operator.plans.desired import EventTopic
from gopherpay_operator.plans.observed import Found, TopicState
from gopherpay_operator.plans.topic_acls import AclEntry
from gopherpay_operator.reconcilers.event_schemas import BYTES_MAX, mistake
from gopherpay_operator.reconcilers.event_topics import EventTopics, fingerprint
from gopherpay_operator.resources.connections import KafkaConnectionSpec
from gopherpay_operator.resources.kafka import EventTopicSpec

THING = EventTopics()
CONNECTION = Key("KafkaConnection", "pay", "events")
READ = AclEntry("topic", "ledger", "User:ann", "Read")


@dataclasses.dataclass
class Kept:
    """A cluster that holds resources and ConfigMaps, and nothing else."""

    topics: list = dataclasses.field(default_factory=list)
    config_maps: dict = dataclasses.field(default_factory=dict)

    def resources(self, kind):
        return self.topics if kind == "EventTopic" else []

    async def config_map(self, namespace, name):
        return self.config_maps.get((namespace, name))


def connection(**spec):
    what = {"bootstrapServers": ["kafka:9092"], "securityProtocol": "PLAINTEXT", **spec}
    parsed = KafkaConnectionSpec.model_validate(what)
    return Resource(key=CONNECTION, uid="c", generation=1, spec=parsed)


def resource(name="ledger", *, partitions=1, status=None, is_deleting=False, **spec):
    what = {"connectionRef": {"name": "events"}, "partitions": partitions, **spec}
    return Resource(
        key=Key("EventTopic", "pay", name),
        uid=name,
        generation=1,
        spec=EventTopicSpec.model_validate(what),
        status=status or {},
        is_deleting=is_deleting,
    )


def there(partitions):
    return {"ownership": {"owned": True}, "observed": {"partitions": partitions}}


STALLED = {"conditions": [{"type": "Stalled", "status": "True"}]}


def wished(one, cluster, **spec):
    return asyncio.run(THING.wish(one, connection(**spec), cluster))


def finished(one, cluster):
    return asyncio.run(THING.finish(one, None, None, cluster, None))


def facts(wish, found):
    described = THING.describe(resource(), wish, found, Plan())
    return {each.type: (each.status, each.reason) for each in described.facts}


def test_a_connection_says_which_configurations_may_be_set():
    wish = wished(resource(retentionClass="Long"), Kept(), configAllowList=["segment.ms"])

    assert wish.config_allowed == {"segment.ms", "retention.ms", "cleanup.policy"}
    assert (wish.partitions_max, wish.topics_left) == (None, None)


@pytest.mark.parametrize(
    ("others", "partitions_left", "topics_left"),
    [
        ([], 10, 2),
        ([resource("a", partitions=4)], 6, 1),
        ([resource("a", partitions=4, status=there(7))], 3, 1),
        ([resource("a", partitions=11)], 10, 1),
        ([resource("a", partitions=4, status=STALLED)], 10, 2),
        ([resource("a", partitions=4, suspend=True)], 10, 2),
        ([resource("a", partitions=4, is_deleting=True)], 10, 2),
        ([resource("a", partitions=4, status=there(4), is_deleting=True)], 6, 1),
        ([resource("a", partitions=4, connectionRef={"name": "another"})], 10, 2),
        ([resource("a"), resource("b"), resource("c")], 7, 0),
    ],
)
def test_what_the_oldest_want_is_kept_for_them(others, partitions_left, topics_left):
    one = resource()
    limits = {"maxPartitions": 10, "maxTopics": 2}

    wish = wished(one, Kept([*others, one]), limits=limits)

    assert (wish.partitions_max, wish.topics_left) == (partitions_left, topics_left)


def test_of_the_younger_only_what_they_have_counts():
    one, wants = resource(), resource("a", partitions=4)
    has = resource("b", partitions=9, status=there(2))

    wish = wished(one, Kept([one, wants, has]), limits={"maxPartitions": 10, "maxTopics": 2})

    assert (wish.partitions_max, wish.topics_left) == (8, 1)


def test_a_topic_as_it_is_wanted_says_so():
    wish = EventTopic("ledger", 2, 1, {"segment.ms": "9"}, acls=frozenset({READ}))
    found = Found(TopicState("id", 2, 1, {"segment.ms": "9"}), acls=frozenset({READ}))

    assert set(facts(wish, found).values()) == {("True", "AsWritten")}
    assert len(facts(wish, found)) == 4


def test_what_differs_is_named_one_condition_each():
    wish = EventTopic("ledger", 2, 3, {"segment.ms": "9"}, acls=frozenset({READ}))
    found = Found(TopicState("id", 1, 1, {"segment.ms": "8"}), acls=frozenset())

    assert facts(wish, found) == {
        "PartitionsMatch": ("False", "Differs"),
        "ReplicationMatch": ("False", "Differs"),
        "ConfigMatch": ("False", "Differs"),
        "AclsMatch": ("False", "Differs"),
    }


def test_what_nobody_says_is_not_compared():
    told = facts(EventTopic("ledger", 1), Found(TopicState("id", 1, 3)))

    assert told["ReplicationMatch"] == ("True", "NotCompared")
    assert "AclsMatch" not in told


def test_a_cluster_without_an_authorizer_cannot_match_acls():
    wish = EventTopic("ledger", 1, acls=frozenset({READ}))

    assert facts(wish, Found(TopicState("id", 1, 1)))["AclsMatch"] == ("False", "NotSupported")


def test_the_status_hides_what_sounds_like_a_secret_and_fits_its_schema():
    config = {f"key{number}.x": "v" * 2000 for number in range(70)} | {"a.password": "horse"}
    found = Found(TopicState("id", 1, 1, config))

    described = THING.describe(resource(), EventTopic("ledger", 1), found, Plan())

    assert described.external_id == "id"
    assert len(described.observed.config) == 64
    assert "horse" not in repr(described)


def test_a_topic_that_is_not_there_is_not_described():
    described = THING.describe(resource(), EventTopic("ledger", 1), Found(), Plan())

    assert (described.observed, described.facts) == (None, ())


SCHEMA = {"configMapKeyRef": {"name": "schemas", "key": "ledger.json"}}


def test_a_topic_waits_for_the_config_map_of_its_schema():
    one = resource(schemaRef=SCHEMA)

    assert THING.needs(one) == {Key("ConfigMap", "pay", "schemas")}
    with pytest.raises(DependencyMissing, match="ConfigMap 'schemas' is not there"):
        wished(one, Kept())
    with pytest.raises(DependencyMissing, match=r"nothing under the key 'ledger\.json'"):
        wished(one, Kept(config_maps={("pay", "schemas"): {}}))


def test_a_topic_that_goes_away_waits_for_nothing():
    assert wished(resource(schemaRef=SCHEMA, is_deleting=True), Kept()).name == "ledger"


@pytest.mark.parametrize(
    ("text", "is_ready", "status"), [("{}", True, "True"), ("[]", False, "False")]
)
def test_a_topic_is_ready_only_with_a_valid_schema(text, is_ready, status):
    kept = Kept(config_maps={("pay", "schemas"): {"ledger.json": text}})

    finish = finished(resource(schemaRef=SCHEMA), kept)

    assert finish.is_ready is is_ready
    assert [(each.type, each.status) for each in finish.facts] == [("SchemaValid", status)]


def test_a_schema_at_an_address_is_not_fetched():
    [fact] = finished(resource(schemaRef={"url": "https://a.example/b.json"}), Kept()).facts

    assert (fact.status, fact.reason) == ("Unknown", "NotFetched")
    assert finished(resource(), Kept()).facts == ()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"type": "object", "properties": {"id": {"type": "string"}}}', None),
        ('{"$schema": "https://json-schema.org/draft/2020-12/schema", "type": ["null"]}', None),
        ("{", "no JSON"),
        ('{"maximum": NaN}', "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("[]", "not a JSON object"),
        ('{"$schema": 7}', "$schema"),
        ('{"type": "text"}', "type"),
        ('{"type": {}}', "type"),
        ('{"type": [7]}', "type"),
        ('{"properties": []}', "properties"),
        (f'{{"description": "{"x" * BYTES_MAX}"}}', "more than"),
    ],
    ids=range(12),
)
def test_a_schema_is_an_object_with_the_words_of_a_schema(text, says):
    found = mistake(text)

    assert found is None if says is None else says in found


def test_a_fingerprint_changes_with_a_password_and_shows_none():
    before = fingerprint({"sasl.password": "old"}, 30)

    assert before == fingerprint({"sasl.password": "old"}, 30)
    assert before != fingerprint({"sasl.password": "new"}, 30)
    assert before != fingerprint({"sasl.password": "old"}, 31)
    assert "old" not in before
