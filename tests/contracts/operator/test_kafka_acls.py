"""Who may use a topic, on a broker with TLS, passwords and an authorizer."""

import time

import pytest
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from gopherpay_operator.backends.kafka import KafkaTopics
from gopherpay_operator.backends.kafka_claims import KafkaClaims
from gopherpay_operator.backends.ports import Forbidden
from gopherpay_operator.plans.actions import Reason
from gopherpay_operator.plans.desired import EventTopic
from gopherpay_operator.plans.policy import Adoption
from gopherpay_operator.plans.topic_acls import AclEntry, CreateAcl, DeleteAcl
from tests.contracts.operator.conftest import OURS, THEIRS, Operator

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.xdist_group("operator-acls")]

WAIT_SECONDS = 60
READER, OTHER = "User:reader", "User:other"


@pytest.fixture
def operator(secured_kafka, topic_prefix):
    """Return the operator of a user who may do everything."""
    return operator_of(secured_kafka["root"], topic_prefix)


def operator_of(settings, topic_prefix, claim=OURS):
    claims = KafkaClaims(settings, topic=f"{topic_prefix}-ownership")
    return Operator(KafkaTopics(settings, claims), claim)


def topic(prefix, acls=None, name="ledger"):
    own = f"{prefix}.{name}"
    return EventTopic(own, 1, 1, acls=None if acls is None else frozenset(acls(own)))


def reading(group):
    return lambda name: [
        AclEntry("topic", name, READER, "Read"),
        AclEntry("group", group, READER, "Read"),
    ]


def entries(operator, wanted):
    return operator.backend.observe([wanted])[wanted.name].acls


def let(secured_kafka, principal, operation, on, name, pattern=ResourcePatternType.LITERAL):
    """Add an entry by another way than ours."""
    what = (on, name, pattern, principal, "*", operation, AclPermissionType.ALLOW)
    admin, binding = AdminClient(secured_kafka["root"]), AclBinding(*what)
    admin.create_acls([binding])[binding].result(WAIT_SECONDS)
    deadline = time.monotonic() + WAIT_SECONDS
    while not admin.describe_acls(AclBindingFilter(*what)).result(WAIT_SECONDS):
        assert time.monotonic() < deadline, "the broker does not show what it was told"
        time.sleep(0.02)


def prefixed(secured_kafka, prefix):
    """Return the entries for what begins with *prefix*."""
    filter_ = AclBindingFilter(
        ResourceType.TOPIC,
        prefix,
        ResourcePatternType.PREFIXED,
        None,
        None,
        AclOperation.ANY,
        AclPermissionType.ANY,
    )
    admin = AdminClient(secured_kafka["root"])
    return admin.describe_acls(filter_).result(WAIT_SECONDS)


def read_one(settings, name, group):
    """Return the first value of a topic, read as a member of *group*, or the error's code."""
    consumer = Consumer({**settings, "group.id": group, "auto.offset.reset": "earliest"})
    try:
        consumer.assign([TopicPartition(name, 0, 0)])
        message = consumer.poll(WAIT_SECONDS)
        if message.error() is not None:
            return message.error().code()
        consumer.commit(offsets=[TopicPartition(name, 0, 1)], asynchronous=False)
        return message.value()
    finally:
        consumer.close()


def test_who_is_let_in_reads_with_their_group_and_nobody_else_does(
    secured_kafka, operator, topic_prefix
):
    wanted = topic(topic_prefix, reading(f"{topic_prefix}-group"))

    operator.reconcile(wanted)

    producer = Producer(secured_kafka["root"])
    producer.produce(wanted.name, b"value")
    assert producer.flush(WAIT_SECONDS) == 0
    assert operator.look(wanted).is_empty
    assert read_one(secured_kafka["reader"], wanted.name, f"{topic_prefix}-group") == b"value"
    assert read_one(secured_kafka["other"], wanted.name, f"{topic_prefix}-group") in {
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
    }


def test_entries_are_made_exact_and_those_of_other_names_are_left_alone(
    secured_kafka, operator, topic_prefix
):
    wanted = topic(topic_prefix, lambda name: [AclEntry("topic", name, READER, "Describe")])
    operator.reconcile(wanted)
    others = f"{wanted.name}.others"
    let(secured_kafka, OTHER, AclOperation.WRITE, ResourceType.TOPIC, wanted.name)
    let(secured_kafka, OTHER, AclOperation.WRITE, ResourceType.TOPIC, others)
    let(
        secured_kafka,
        OTHER,
        AclOperation.READ,
        ResourceType.TOPIC,
        wanted.name,
        ResourcePatternType.PREFIXED,
    )
    foreign = AclEntry("topic", wanted.name, OTHER, "Write")

    done = operator.reconcile(wanted)

    assert done.to_do == (DeleteAcl(wanted.name, foreign),)
    assert entries(operator, wanted) == wanted.acls
    beside = EventTopic(others, 1, 1, acls=frozenset())
    assert entries(operator, beside) == {AclEntry("topic", others, OTHER, "Write")}
    assert len(prefixed(secured_kafka, wanted.name)) == 1


def test_absent_leaves_access_alone_and_an_empty_list_takes_all_away(
    secured_kafka, operator, topic_prefix
):
    unsaid = topic(topic_prefix)
    operator.reconcile(unsaid)
    let(secured_kafka, OTHER, AclOperation.READ, ResourceType.TOPIC, unsaid.name)

    untouched = operator.reconcile(unsaid)
    taken = operator.reconcile(topic(topic_prefix, lambda _: []))

    assert untouched.is_empty
    assert taken.to_do == (DeleteAcl(unsaid.name, AclEntry("topic", unsaid.name, OTHER, "Read")),)
    assert entries(operator, topic(topic_prefix, lambda _: [])) == frozenset()


def test_a_group_that_another_topic_may_need_keeps_its_entry(operator, topic_prefix):
    group = f"{topic_prefix}-group"
    first = topic(topic_prefix, reading(group), "first")
    second = topic(topic_prefix, reading(group), "second")
    operator.reconcile(first)
    operator.reconcile(second)

    operator.delete(first)

    assert operator.state(first) is None
    assert entries(operator, first) == {AclEntry("group", group, READER, "Read")}
    assert operator.look(second).is_empty


def test_what_is_denied_and_from_where_is_kept(operator, topic_prefix):
    wanted = topic(
        topic_prefix,
        lambda name: [
            AclEntry("topic", name, READER, "DescribeConfigs", "Deny", "10.0.0.1"),
            AclEntry("topic", name, READER, "All"),
        ],
    )

    done = operator.reconcile(wanted)

    steps = [each.entry.permission for each in done.to_do if isinstance(each, CreateAcl)]
    assert steps == ["Deny", "Allow"]
    assert entries(operator, wanted) == wanted.acls
    assert operator.look(wanted).is_empty


def test_many_topics_are_asked_about_at_once(secured_kafka, operator, topic_prefix):
    wishes = [topic(topic_prefix, lambda _: [], str(number)) for number in range(25)]
    let(secured_kafka, OTHER, AclOperation.READ, ResourceType.TOPIC, wishes[9].name)

    found = operator.backend.observe(wishes)

    assert [each.name for each in wishes if found[each.name].acls] == [wishes[9].name]


def test_access_that_differs_is_a_difference_for_adoption(secured_kafka, operator, topic_prefix):
    unsaid = topic(topic_prefix)
    operator.reconcile(unsaid)
    let(secured_kafka, OTHER, AclOperation.READ, ResourceType.TOPIC, unsaid.name)
    theirs = operator_of(secured_kafka["root"], f"{topic_prefix}-theirs", THEIRS)

    refused = theirs.look(topic(topic_prefix, lambda _: []), adoption=Adoption.IF_IDENTICAL)

    assert [each.reason for each in refused.refusals] == [Reason.NOT_IDENTICAL]


def test_these_rights_are_enough_for_the_operator(secured_kafka, topic_prefix):
    us = "User:operator"
    let(secured_kafka, us, AclOperation.ALL, ResourceType.TOPIC, "*")
    let(secured_kafka, us, AclOperation.DESCRIBE, ResourceType.BROKER, "kafka-cluster")
    let(secured_kafka, us, AclOperation.ALTER, ResourceType.BROKER, "kafka-cluster")
    let(secured_kafka, us, AclOperation.CREATE, ResourceType.BROKER, "kafka-cluster")
    operator = operator_of(secured_kafka["operator"], topic_prefix)
    wanted = topic(topic_prefix, reading(f"{topic_prefix}-group"))

    operator.reconcile(wanted)

    assert operator.look(wanted).is_empty
    assert operator.delete(wanted).refusals == ()
    assert operator.state(wanted) is None


def test_who_may_not_read_the_entries_is_told_so_instead_of_finding_none(
    secured_kafka, topic_prefix
):
    let(
        secured_kafka,
        OTHER,
        AclOperation.ALL,
        ResourceType.TOPIC,
        topic_prefix,
        ResourcePatternType.PREFIXED,
    )
    operator = operator_of(secured_kafka["other"], topic_prefix)

    with pytest.raises(Forbidden, match="needs the right Describe on the cluster"):
        operator.look(topic(topic_prefix, lambda _: []))


def test_without_an_authorizer_access_cannot_be_said(topics, topic_prefix):
    operator = topics()
    said = topic(topic_prefix, reading("group"))
    unsaid = topic(topic_prefix)

    refused = operator.reconcile(said)
    made = operator.reconcile(unsaid)
    emptied = operator.reconcile(topic(topic_prefix, lambda _: []))

    assert [each.reason for each in refused.refusals] == [Reason.NOT_SUPPORTED]
    assert refused.to_do == ()
    assert made.refusals == ()
    assert emptied.is_empty
