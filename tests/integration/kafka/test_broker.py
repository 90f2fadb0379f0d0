"""The broker of our own: what it keeps, how it starts, and that it ends alone."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from actors.messaging.connection import KafkaConnection
from actors.messaging.topics import ensure_topics, missing_topics
from serve_app.embedded.failures import KafkaFailed, PortBusy
from serve_app.embedded.kafka import EmbeddedKafka
from serve_app.embedded.kafka_properties import Secured
from serve_app.embedded.processes import working_in

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.xdist_group("kafka")]

ROOT = Path(__file__).parents[3]
WAIT_SECONDS = 60

KILLED_RUN = """
import os, sys
from pathlib import Path
from serve_app.embedded.kafka import EmbeddedKafka
folder = Path(sys.argv[1])
broker = EmbeddedKafka(folder / "kafka", log_file=folder / "log")
broker.start()
print(broker.pid, flush=True)
os.kill(os.getpid(), 9)
"""


def produce(connection, topic, values, key=b"k"):
    """Send *values* and return the partitions that have acknowledged them."""
    partitions = []
    producer = Producer(connection.producer())
    for value in values:
        producer.produce(
            topic,
            value,
            key,
            on_delivery=lambda error, message: partitions.append(
                message.partition() if error is None else error
            ),
        )
    assert producer.flush(WAIT_SECONDS) == 0
    return partitions


def consume(connection, topic, count, group="readers"):
    """Return the next *count* values of *topic* as a group reads them."""
    consumer = Consumer(connection.consumer(group))
    consumer.subscribe([topic])
    try:
        found = consumer.consume(count, WAIT_SECONDS)
        return [message.value() for message in found]
    finally:
        consumer.close()


def ready(connection, topic, partitions=1):
    ensure_topics(connection, [topic], partitions=partitions, replication=1)
    return topic


def test_what_is_written_is_read_by_a_group(kafka, topic_prefix):
    topic = ready(kafka.connection, f"{topic_prefix}.account.v1", 3)

    produce(kafka.connection, topic, [b"1", b"2", b"3"])

    assert consume(kafka.connection, topic, 3) == [b"1", b"2", b"3"]


def test_a_key_has_the_partition_that_java_gives_it(kafka, topic_prefix):
    topic = ready(kafka.connection, f"{topic_prefix}.account.v1", 7)

    # The hashes are those of Kafka's own UtilsTest.testMurmur2.
    for key, murmur2 in {b"21": -973_932_308, b"foobar": -790_332_482}.items():
        assert produce(kafka.connection, topic, [b"x"], key) == [(murmur2 & 0x7FFF_FFFF) % 7]


def test_a_typing_error_makes_no_topic(kafka, topic_prefix):
    consumer = Consumer(kafka.connection.consumer("readers"))
    partition = TopicPartition(f"{topic_prefix}.acount.v1", 0)

    with pytest.raises(KafkaException) as refused:
        consumer.get_watermark_offsets(partition, timeout=WAIT_SECONDS)
    consumer.close()

    assert refused.value.args[0].code() in {
        KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001  librdkafka's codes begin so
        KafkaError.UNKNOWN_TOPIC_OR_PART,
    }
    assert missing_topics(kafka.connection, [partition.topic]) == [partition.topic]


def test_a_stopped_broker_finds_its_topics_again(own_kafka):
    broker = own_kafka()
    topic = ready(broker.connection, "kept.account.v1")
    produce(broker.connection, topic, [b"1", b"2"])
    broker.stop()
    again = EmbeddedKafka(broker.folder / "kafka", log_file=broker.folder / "log")

    again.start()  # on another port
    broker.server = again

    assert missing_topics(broker.connection, [topic]) == []
    assert consume(broker.connection, topic, 2) == [b"1", b"2"]


def test_a_killed_broker_comes_back_on_its_port_with_what_it_acknowledged(own_kafka):
    broker = own_kafka()
    before = broker.bootstrap_servers
    topic = ready(broker.connection, "kept.account.v1")
    values = [str(number).encode() for number in range(1_000)]
    produce(broker.connection, topic, values)

    broker.kill()
    assert not broker.server.is_running
    broker.start()

    assert broker.bootstrap_servers == before
    assert consume(broker.connection, topic, 1_000) == values


def test_a_broker_that_hangs_is_stopped_all_the_same(own_kafka):
    broker = own_kafka()
    broker.pause()

    broker.stop()

    assert working_in(broker.folder / "kafka", "java") == []


def test_a_broker_that_a_killed_run_left_behind_is_ended(tmp_path):
    finished = subprocess.run(
        [sys.executable, "-c", KILLED_RUN, str(tmp_path)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert finished.returncode == -signal.SIGKILL, finished.stderr
    orphan = int(finished.stdout)

    second = EmbeddedKafka(tmp_path / "kafka", log_file=tmp_path / "log")
    try:
        second.start()

        assert second.pid != orphan
        assert working_in(tmp_path / "kafka", "java") == [second.pid]
    finally:
        second.stop()


def test_a_port_that_was_taken_meanwhile_is_given_up_for_another(tmp_path):
    broker = EmbeddedKafka(tmp_path / "kafka", log_file=tmp_path / "log")
    host, taken = broker.bootstrap_servers.split(":")
    with socket.create_server((host, int(taken))):
        try:
            broker.start()

            assert not broker.bootstrap_servers.endswith(f":{taken}")
            assert missing_topics(KafkaConnection(broker.bootstrap_servers), ["none"]) == ["none"]
        finally:
            broker.stop()


def test_a_port_that_was_asked_for_is_not_given_up(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        broker = EmbeddedKafka(tmp_path / "kafka", port=port, log_file=tmp_path / "log")

        with pytest.raises(PortBusy, match=str(port)):
            broker.start()

    assert not broker.is_running


def test_a_setting_that_the_broker_refuses_is_named_with_the_log(tmp_path):
    nowhere = Secured(tmp_path / "nowhere.pem", tmp_path / "ca.pem", {"user": "password"})
    broker = EmbeddedKafka(tmp_path / "kafka", log_file=tmp_path / "log", secured=nowhere)

    with pytest.raises(KafkaFailed, match=r"nowhere\.pem") as failure:
        broker.start()

    assert str(tmp_path / "log") in str(failure.value)
    assert not broker.is_running


def test_the_command_prints_the_address_and_ends_with_its_own_broker_alone(kafka, tmp_path):
    command = [sys.executable, ROOT / "scripts" / "lib" / "kafka.py", "--data-dir", tmp_path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        address = running.stdout.readline().strip()
        found = missing_topics(KafkaConnection(address), ["none"])
        second = subprocess.run(command, check=False, capture_output=True, text=True)
        running.send_signal(signal.SIGINT)

    assert found == ["none"]
    assert second.returncode == 1
    assert "choose another folder with --data-dir" in second.stderr
    assert running.returncode == 0
    assert working_in(tmp_path / "kafka", "java") == []
    assert kafka.server.is_running


def test_the_settings_hold_nothing_for_other_eyes(kafka):
    assert (kafka.folder / "kafka").stat().st_mode & 0o777 == 0o700
    assert (kafka.folder / "kafka" / "server.properties").stat().st_mode & 0o777 == 0o600
