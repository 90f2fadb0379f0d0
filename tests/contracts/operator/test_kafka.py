"""Topics on a real broker: what is planned becomes so, and is planned once."""

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from gopherpay_operator.backends.kafka import KafkaTopics
from gopherpay_operator.backends.kafka_claims import KafkaClaims
from gopherpay_operator.backends.ports import Overtaken, Rejected, Unavailable
from gopherpay_operator.plans.actions import Reason
from gopherpay_operator.plans.desired import DataLossGuard, EventTopic
from gopherpay_operator.plans.policy import Adoption, Deletion
from gopherpay_operator.plans.topic_actions import ClaimTopic, CreateTopic, DeleteTopic
from tests.contracts.operator.conftest import OURS, THEIRS

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("operator-kafka")]


def topic(prefix, **what):
    return EventTopic(
        **{"name": f"{prefix}.ledger", "partitions": 2, "replication_factor": 1, **what}
    )


def produce(kafka, name, records=3):
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers})
    for number in range(records):
        producer.produce(name, b"value", str(number).encode())
    assert producer.flush(60) == 0


def read_all(kafka, name, group):
    """Let a group read every record, and commit."""
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap_servers, "group.id": group})
    ends = []
    for number in range(2):
        _, high = consumer.get_watermark_offsets(TopicPartition(name, number), 60)
        ends.append(TopicPartition(name, number, high))
    consumer.commit(offsets=ends, asynchronous=False)
    consumer.close()


def reasons(made):
    return [each.reason for each in made.refusals]


def test_a_topic_is_made_as_it_is_wanted_and_then_nothing_is_left_to_do(topics, topic_prefix):
    operator = topics()
    wanted = topic(topic_prefix, config={"retention.ms": "86400000", "segment.ms": None})

    operator.reconcile(wanted)

    state = operator.state(wanted)
    assert (state.partitions, state.replication_factor) == (2, 1)
    assert state.config == {"retention.ms": "86400000"}
    assert state.defaults["retention.bytes"] == "-1"
    assert operator.look(wanted).is_empty


def test_many_topics_are_looked_at_at_once(topics, topic_prefix):
    operator = topics()
    wanted = [topic(topic_prefix, name=f"{topic_prefix}.{number}") for number in range(30)]
    operator.reconcile(wanted[7])

    found = operator.backend.observe(wanted)

    assert [each.name for each in wanted if found[each.name].state] == [wanted[7].name]


def test_config_is_set_taken_back_or_left_alone(topics, topic_prefix):
    operator = topics()
    operator.reconcile(
        topic(topic_prefix, config={"segment.ms": "700000", "segment.bytes": "2097152"})
    )

    wanted = topic(topic_prefix, config={"segment.ms": None, "retention.ms": "700000000"})
    operator.reconcile(wanted)

    assert operator.state(wanted).config == {
        "segment.bytes": "2097152",
        "retention.ms": "700000000",
    }
    assert operator.look(wanted).is_empty


def test_keeping_less_needs_the_name_of_the_topic(topics, topic_prefix):
    operator = topics()
    operator.reconcile(topic(topic_prefix, config={"retention.ms": "5000000"}))
    wanted = topic(topic_prefix, config={"retention.ms": "4000000"})

    refused = operator.reconcile(wanted)
    done = operator.reconcile(wanted, allow_destroy=wanted.name)

    assert reasons(refused) == [Reason.DESTROY_NOT_ALLOWED]
    assert reasons(done) == []
    assert operator.state(wanted).config == {"retention.ms": "4000000"}


def test_partitions_become_more_when_order_does_not_matter(topics, topic_prefix):
    operator = topics()
    operator.reconcile(topic(topic_prefix))
    wanted = topic(topic_prefix, partitions=5, keyed=False)

    operator.reconcile(wanted)

    assert operator.state(wanted).partitions == 5
    assert operator.look(wanted).is_empty
    assert reasons(operator.look(topic(topic_prefix))) == [Reason.PARTITION_DECREASE]


def test_two_who_want_one_topic_have_one_owner_and_the_loser_changes_nothing(topics, topic_prefix):
    ours, theirs = topics(OURS), topics(THEIRS)
    wanted = topic(topic_prefix)
    ours.reconcile(wanted)
    before = ours.state(wanted)

    lost = theirs.reconcile(topic(topic_prefix, partitions=9, keyed=False))
    theirs.delete(wanted)

    assert reasons(lost) == [Reason.CONFLICT]
    assert ours.state(wanted) == before
    assert ours.look(wanted).is_empty


def test_of_two_plans_for_a_topic_that_is_not_there_the_second_is_overtaken(topics, topic_prefix):
    ours, theirs = topics(OURS), topics(THEIRS)
    wanted = topic(topic_prefix)
    first, second = ours.look(wanted), theirs.look(wanted)

    ours.backend.apply(first.to_do)
    with pytest.raises(Overtaken, match=OURS):
        theirs.backend.apply(second.to_do)

    assert reasons(theirs.look(wanted)) == [Reason.CONFLICT]
    assert ours.look(wanted).is_empty


def test_who_dies_after_making_a_topic_finds_it_to_be_theirs(topics, topic_prefix):
    operator = topics()
    wanted = topic(topic_prefix)
    claim, create, _ = operator.look(wanted).to_do
    assert isinstance(claim, ClaimTopic)
    assert isinstance(create, CreateTopic)

    operator.backend.apply([claim, create])  # and no more
    after = operator.reconcile(wanted, adoption=Adoption.NEVER)

    assert after.to_do == (ClaimTopic(wanted.name, OURS),)
    assert operator.look(wanted, adoption=Adoption.NEVER).is_empty


def test_a_topic_that_others_made_anew_is_nobodys(topics, topic_prefix):
    operator, others = topics(), topics(THEIRS)
    wanted = topic(topic_prefix)
    operator.reconcile(wanted)
    state = operator.state(wanted)
    others.backend.apply([DeleteTopic(wanted.name, state.topic_id, DataLossGuard.OFF)])
    others.backend.apply([CreateTopic(wanted.name, 1, 1, {})])

    found = operator.reconcile(wanted)

    assert reasons(found) == [Reason.NOT_IDENTICAL]
    assert operator.state(wanted).partitions == 1


def test_a_topic_is_given_up_and_can_be_taken(topics, topic_prefix):
    ours, theirs = topics(OURS), topics(THEIRS)
    wanted = topic(topic_prefix)
    ours.reconcile(wanted)

    ours.delete(wanted, deletion=Deletion.RETAIN)
    taken = theirs.reconcile(wanted)

    assert taken.to_do == (ClaimTopic(wanted.name, THEIRS),)
    assert theirs.look(wanted).is_empty


def test_records_hold_a_deletion_up(topics, topic_prefix, kafka):
    operator = topics()
    wanted = topic(topic_prefix)
    operator.reconcile(wanted)
    produce(kafka, wanted.name)

    held = operator.delete(wanted)
    done = operator.delete(topic(topic_prefix, data_loss_guard=DataLossGuard.OFF))

    assert reasons(held) == [Reason.HOLDS_RECORDS]
    assert "3 records" in held.sentences[0]
    assert reasons(done) == []
    assert operator.state(wanted) is None
    assert operator.delete(wanted).is_empty


def test_records_that_came_after_the_plan_hold_it_up_too(topics, topic_prefix, kafka):
    operator = topics()
    wanted = topic(topic_prefix)
    operator.reconcile(wanted)
    leaving = {"is_deleting": True, "deletion": Deletion.DELETE, "allow_destroy": wanted.name}
    planned = operator.look(wanted, **leaving)
    produce(kafka, wanted.name)

    with pytest.raises(Overtaken, match="3 records"):
        operator.backend.apply(planned.to_do)

    assert operator.state(wanted) is not None


def test_what_a_group_has_not_read_holds_a_deletion_up(topics, topic_prefix, kafka):
    operator = topics()
    wanted = topic(topic_prefix, data_loss_guard=DataLossGuard.CONSUMER_LAG)
    operator.reconcile(wanted)
    read_all(kafka, wanted.name, f"{topic_prefix}-group")
    produce(kafka, wanted.name)

    held = operator.delete(wanted)
    read_all(kafka, wanted.name, f"{topic_prefix}-group")
    operator.delete(wanted)

    assert reasons(held) == [Reason.HOLDS_RECORDS]
    assert operator.state(wanted) is None


def test_what_the_broker_never_accepts_is_rejected_with_its_words(topics, topic_prefix):
    operator = topics()

    with pytest.raises(Rejected, match="INVALID_CONFIG"):
        operator.reconcile(topic(topic_prefix, config={"retention.ms": "soon"}))
    with pytest.raises(Rejected, match="INVALID_REPLICATION_FACTOR"):
        operator.reconcile(topic(topic_prefix, replication_factor=7))


def test_a_broker_that_does_not_answer_is_unavailable(topic_prefix):
    nowhere = {"bootstrap.servers": "127.0.0.1:1"}
    backend = KafkaTopics(nowhere, KafkaClaims(nowhere), answer_seconds=2)

    with pytest.raises(Unavailable, match="cannot be looked at"):
        backend.observe([topic(topic_prefix)])


def test_looking_makes_nothing(topics, topic_prefix, kafka):
    operator = topics()

    operator.look(topic(topic_prefix))

    consumer = Consumer({"bootstrap.servers": kafka.bootstrap_servers, "group.id": topic_prefix})
    names = consumer.list_topics(timeout=60).topics
    consumer.close()
    assert not [name for name in names if name.startswith(topic_prefix)]
