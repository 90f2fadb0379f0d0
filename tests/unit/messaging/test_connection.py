import re
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaError, Producer
from pydantic import SecretStr

from actors.messaging.connection import (
    Administration,
    ConnectionIncomplete,
    KafkaConnection,
    KafkaUnusable,
    explained,
)
from actors.messaging.topics import topic_names
from actors.settings import Settings
from serve_app.kafka import kafka_connection

PASSWORD = "a-password-to-search-for"
NOBODY = "127.0.0.1:1"


def a_connection(**more):
    return KafkaConnection(NOBODY, **more)


def with_password(**more):
    protocol = {"security_protocol": "SASL_SSL", "username": "ada", "password": PASSWORD}
    return a_connection(**(protocol | more))


@pytest.mark.parametrize(
    "connection",
    [a_connection(), a_connection(security_protocol="SSL"), with_password()],
    ids=["plain", "tls", "tls and password"],
)
def test_librdkafka_takes_every_setting(connection):
    Producer(connection.producer(delivery_timeout_ms=1_000)).purge()
    Consumer(connection.consumer("readers")).close()
    Administration(connection)


def test_a_producer_writes_in_order_and_never_twice():
    settings = a_connection().producer()

    assert settings["enable.idempotence"] is True
    assert settings["acks"] == "all"
    assert settings["partitioner"] == "murmur2_random"


def test_a_consumer_commits_by_hand_alone():
    settings = a_connection().consumer("readers")

    assert settings["enable.auto.commit"] is False
    assert settings["enable.auto.offset.store"] is False
    assert settings["group.protocol"] == "consumer"
    assert "session.timeout.ms" not in settings


def test_an_older_broker_gets_the_older_protocol():
    settings = a_connection(group_protocol="classic").consumer("readers")

    assert settings["group.protocol"] == "classic"
    assert settings["session.timeout.ms"] == 10_000
    Consumer(settings).close()


def test_who_asks_can_override_a_setting():
    told = []
    settings = a_connection().producer(linger_ms=0, error_cb=told.append)

    assert settings["linger.ms"] == 0
    assert settings["error_cb"] == told.append


def test_without_tls_and_password_neither_is_configured():
    names = a_connection().admin()

    assert [name for name in names if name.startswith(("sasl.", "ssl."))] == []


def test_a_password_is_in_no_text():
    connection = with_password()

    assert PASSWORD not in f"{connection!r} {connection}"
    assert connection.admin()["sasl.password"] == PASSWORD


@pytest.mark.parametrize("missing", ["username", "password"])
def test_a_user_goes_with_a_password(missing):
    with pytest.raises(ConnectionIncomplete, match="GOPHERPAY_KAFKA_SASL_PASSWORD"):
        with_password(**{missing: None})


def test_a_certificate_goes_with_its_key():
    with pytest.raises(ConnectionIncomplete, match="GOPHERPAY_KAFKA_KEY_FILE"):
        a_connection(security_protocol="SSL", certificate_file=Path("own.pem"))


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    missing = tmp_path / "missing.pem"

    with pytest.raises(KafkaUnusable, match=re.escape(str(missing))):
        Administration(a_connection(security_protocol="SSL", ca_file=missing))


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (KafkaError.SASL_AUTHENTICATION_FAILED, "does not accept the user 'ada'"),
        (KafkaError._SSL, "GOPHERPAY_KAFKA_CA_FILE"),  # noqa: SLF001  librdkafka's codes begin so
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, "does not allow that"),
        (KafkaError._ALL_BROKERS_DOWN, "does not answer as it should"),  # noqa: SLF001  see above
    ],
)
def test_an_error_says_what_to_look_at(code, words):
    told = explained(KafkaError(code), with_password())

    assert words in told
    assert NOBODY in told
    assert PASSWORD not in told


def test_parts_of_the_platform_are_told_apart_by_the_broker():
    assert a_connection().named("relay").admin()["client.id"] == "gopherpay-relay"


def test_the_topics_lie_below_the_prefix():
    assert list(topic_names("pay")) == ["pay.account.v1", "pay.user.v1", "pay.dead-letter.v1"]


def test_without_brokers_in_the_settings_there_is_no_connection():
    assert kafka_connection(Settings()) is None


def test_every_setting_reaches_the_connection(tmp_path):
    settings = Settings(
        kafka_bootstrap_servers=NOBODY,
        kafka_security_protocol="SASL_SSL",
        kafka_sasl_mechanism="SCRAM-SHA-256",
        kafka_sasl_username="ada",
        kafka_sasl_password=SecretStr(PASSWORD),
        kafka_ca_file=tmp_path / "ca.pem",
        kafka_certificate_file=tmp_path / "own.pem",
        kafka_key_file=tmp_path / "key.pem",
    )

    assert kafka_connection(settings) == with_password(
        sasl_mechanism="SCRAM-SHA-256",
        ca_file=tmp_path / "ca.pem",
        certificate_file=tmp_path / "own.pem",
        key_file=tmp_path / "key.pem",
    )
