"""A broker with TLS and passwords: what our settings must reach, and what they must not."""

import dataclasses
import shutil
import tempfile
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer

from actors.messaging.connection import KafkaConnection, KafkaUnusable
from actors.messaging.topics import TopicsRefused, ensure_topics, missing_topics
from serve_app.embedded.kafka_properties import Secured
from tests.fixtures.certificates import make_certificates
from tests.fixtures.kafka import Broker

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.xdist_group("kafka")]

PASSWORD = "a-password-to-search-for"
WAIT_SECONDS = 60


@pytest.fixture(scope="module")
def secured():
    """Yield the connection of the first user to a broker with SASL_SSL."""
    folder = Path(tempfile.mkdtemp(prefix="gopherpay-test-"))
    certificates = make_certificates(folder / "certificates")
    users = {"platform": PASSWORD, "stranger": "stranger"}
    broker = Broker(folder, secured=Secured(certificates.server_file, certificates.ca_file, users))
    broker.start()
    yield KafkaConnection(
        broker.bootstrap_servers,
        security_protocol="SASL_SSL",
        username="platform",
        password=PASSWORD,
        ca_file=certificates.ca_file,
    )
    broker.stop()
    shutil.rmtree(folder)


def failure_of(connection):
    with pytest.raises(KafkaUnusable) as failure:
        missing_topics(connection, ["none"], timeout_seconds=60)
    return str(failure.value)


def test_our_settings_write_and_read_through_tls_with_a_password(secured, topic_prefix):
    topic = f"{topic_prefix}.account.v1"
    ensure_topics(secured, [topic], partitions=1, replication=1)

    producer = Producer(secured.producer())
    producer.produce(topic, b"value", b"key")
    assert producer.flush(WAIT_SECONDS) == 0
    consumer = Consumer(secured.consumer("readers"))
    consumer.subscribe([topic])
    [message] = consumer.consume(1, WAIT_SECONDS)
    consumer.close()

    assert message.value() == b"value"


def test_a_wrong_password_is_said_and_not_repeated(secured):
    told = failure_of(dataclasses.replace(secured, password="wrong-one"))

    assert "does not accept the user 'platform'" in told
    assert "wrong-one" not in told


def test_an_unknown_authority_is_not_trusted(secured, tmp_path):
    other = make_certificates(tmp_path / "other")

    assert "GOPHERPAY_KAFKA_CA_FILE" in failure_of(
        dataclasses.replace(secured, ca_file=other.ca_file)
    )


def test_a_file_that_is_not_there_is_named(secured, tmp_path):
    missing = tmp_path / "missing.pem"

    assert f"{missing} for Kafka cannot be read" in failure_of(
        dataclasses.replace(secured, ca_file=missing)
    )


def test_a_file_that_holds_no_certificate_is_refused(secured, tmp_path):
    empty = tmp_path / "empty.pem"
    empty.touch()

    assert "settings for Kafka are refused" in failure_of(
        dataclasses.replace(secured, ca_file=empty)
    )


def test_who_may_not_make_topics_is_told_what_to_do(secured, topic_prefix):
    stranger = dataclasses.replace(secured, username="stranger", password="stranger")

    with pytest.raises(TopicsRefused, match="Make them by hand, or let this user make them"):
        ensure_topics(stranger, [f"{topic_prefix}.account.v1"], partitions=1, replication=1)


def test_the_password_is_in_no_text_of_the_connection(secured):
    assert PASSWORD not in repr(secured)
    assert PASSWORD not in str(secured)
