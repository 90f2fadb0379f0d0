"""Topics are made when they are missing, and left alone when they are there."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from confluent_kafka.admin import AdminClient

from actors.messaging.connection import KafkaConnection, KafkaUnusable
from actors.messaging.topics import TopicsRefused, ensure_topics, missing_topics, topic_names
from serve_app.embedded.ports import free_port

pytestmark = [pytest.mark.timeout(300), pytest.mark.xdist_group("kafka")]


def partitions_of(broker, topic):
    found = AdminClient(broker.connection.admin()).list_topics(topic, timeout=30)
    return len(found.topics[topic].partitions)


def test_missing_topics_are_made_and_named(kafka, topic_prefix):
    names = list(topic_names(topic_prefix))
    assert missing_topics(kafka.connection, names) == names

    made = ensure_topics(kafka.connection, names, partitions=3, replication=1)

    assert made == names
    assert missing_topics(kafka.connection, names) == []
    assert partitions_of(kafka, names[0]) == 3


def test_a_topic_that_is_there_is_never_changed(kafka, topic_prefix):
    names = topic_names(topic_prefix)
    ensure_topics(kafka.connection, [names.account], partitions=2, replication=1)

    made = ensure_topics(kafka.connection, list(names), partitions=5, replication=1)

    assert made == [names.user, names.dead_letter]
    assert partitions_of(kafka, names.account) == 2
    assert partitions_of(kafka, names.user) == 5


def test_several_processes_may_make_the_same_topics_at_once(kafka, topic_prefix):
    names = list(topic_names(topic_prefix))

    def make(_):
        return ensure_topics(kafka.connection, names, partitions=2, replication=1)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(make, range(8)))

    assert missing_topics(kafka.connection, names) == []


def test_more_copies_than_brokers_are_refused_in_one_sentence(kafka, topic_prefix):
    names = list(topic_names(topic_prefix))

    with pytest.raises(TopicsRefused, match="INVALID_REPLICATION_FACTOR"):
        ensure_topics(kafka.connection, names, partitions=1, replication=3)

    assert missing_topics(kafka.connection, names) == names


def test_a_broker_that_is_not_there_is_said_so():
    nowhere = KafkaConnection(f"127.0.0.1:{free_port()}")

    with pytest.raises(KafkaUnusable, match=f"{nowhere.bootstrap_servers} does not answer"):
        missing_topics(nowhere, ["none"], timeout_seconds=3)
