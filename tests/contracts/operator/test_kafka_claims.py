"""The record of owners: read once, by many at a time, and across what a broker goes through."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from confluent_kafka.admin import AdminClient

from gopherpay_operator.backends.kafka import KafkaTopics
from gopherpay_operator.backends.kafka_claims import KafkaClaims
from gopherpay_operator.backends.kafka_client import KafkaClient
from gopherpay_operator.backends.kafka_tail import KafkaTail
from gopherpay_operator.backends.ports import Overtaken, Owner, Unavailable
from gopherpay_operator.plans.desired import EventTopic
from gopherpay_operator.plans.observed import Found
from gopherpay_operator.plans.planning import plan
from gopherpay_operator.plans.policy import Policy
from tests.contracts.operator.conftest import OURS, THEIRS, Operator

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.xdist_group("operator-kafka")]

THREADS = 8


def claims_on(broker, prefix, answer_seconds=30):
    settings = {"bootstrap.servers": broker.bootstrap_servers}
    return KafkaClaims(settings, topic=f"{prefix}-ownership", answer_seconds=answer_seconds)


def operator_on(broker, prefix, answer_seconds):
    settings = {"bootstrap.servers": broker.bootstrap_servers}
    claims = claims_on(broker, prefix, answer_seconds)
    return Operator(KafkaTopics(settings, claims, answer_seconds=answer_seconds))


def delete_topic(broker, name):
    admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers})
    admin.delete_topics([name], operation_timeout=60)[name].result(60)


def test_a_record_is_read_once_however_often_one_looks(kafka, topic_prefix):
    writer = claims_on(kafka, topic_prefix)
    taken, begun = [], []
    client = KafkaClient({"bootstrap.servers": kafka.bootstrap_servers}, 30)
    tail = KafkaTail(
        client, f"{topic_prefix}-ownership", taken.append, lambda: begun.append("anew")
    )

    was_there = tail.catch_up("Reading")
    for number in range(3):
        writer.claim(f"{topic_prefix}.{number}", None, OURS)
        tail.catch_up("Reading")
        tail.catch_up("Reading")
    tail.close()

    assert not was_there
    assert [each.offset for each in taken] == [0, 1, 2]
    assert begun == ["anew"]


def test_whoever_looks_sees_what_was_written_before(kafka, topic_prefix):
    ours, theirs = claims_on(kafka, topic_prefix), claims_on(kafka, topic_prefix)

    for number in range(10):
        name = f"{topic_prefix}.{number}"
        ours.claim(name, "id", OURS)
        assert theirs.owners({name: "id"}) == {name: Owner(OURS, is_confirmed=True)}
        ours.release(name, OURS)
        assert theirs.owners({name: "id"}) == {}


def test_many_claim_at_once_and_each_topic_has_one_owner(kafka, topic_prefix):
    names = [f"{topic_prefix}.{number}" for number in range(40)]
    both = {OURS: claims_on(kafka, topic_prefix), THEIRS: claims_on(kafka, topic_prefix)}
    begin = threading.Barrier(THREADS)

    def claim(number):
        begin.wait(60)
        claimant = (OURS, THEIRS)[number % 2]
        won = set()
        for name in names[number // 2 :: THREADS // 2]:
            try:
                both[claimant].claim(name, "id", claimant)
                won.add((name, claimant))
            except Overtaken:
                continue
        return won

    with ThreadPoolExecutor(THREADS) as threads:
        won = set().union(*threads.map(claim, range(THREADS)))

    found = claims_on(kafka, topic_prefix).owners(dict.fromkeys(names, "id"))
    assert {(name, owner.claim) for name, owner in found.items()} == won
    assert sorted(found) == sorted(names)


def test_a_record_that_was_deleted_and_made_anew_is_read_anew(kafka, topic_prefix):
    ours, theirs = claims_on(kafka, topic_prefix), claims_on(kafka, topic_prefix)
    first, second = f"{topic_prefix}.first", f"{topic_prefix}.second"
    ours.claim(first, "id", OURS)
    delete_topic(kafka, f"{topic_prefix}-ownership")

    theirs.claim(second, "id", THEIRS)

    assert ours.owners({first: "id", second: "id"}) == {second: Owner(THEIRS, is_confirmed=True)}


def test_what_others_wrote_into_the_record_says_nothing(kafka, topic_prefix):
    claims = claims_on(kafka, topic_prefix)
    name = f"{topic_prefix}.it"
    claims.claim(name, "id", OURS)
    producer = claims._writer()  # noqa: SLF001 - the way to the record that is there already
    for key, value in [(b"{", b"x"), (None, b"x"), (b'["a", "b"]', b"[]"), (b"[]", b"{}")]:
        producer.produce(f"{topic_prefix}-ownership", value, key, 0)
    assert producer.flush(60) == 0

    assert claims.owners({name: "id", "a": None}) == {name: Owner(OURS, is_confirmed=True)}


def test_a_broker_that_was_killed_serves_the_same_client_again(own_kafka, topic_prefix):
    broker = own_kafka()
    operator = operator_on(broker, topic_prefix, answer_seconds=3)
    wanted = EventTopic(f"{topic_prefix}.ledger", 1, 1)
    eventually(lambda: operator.reconcile(wanted))

    broker.kill()
    with pytest.raises(Unavailable):
        operator.look(wanted)
    with pytest.raises(Unavailable):
        operator.backend.apply(steps_to_make(topic_prefix))
    broker.start()

    assert eventually(lambda: operator.look(wanted)).is_empty
    other = EventTopic(f"{topic_prefix}.other", 1, 1)
    eventually(lambda: operator.reconcile(other))
    assert eventually(lambda: operator.look(other)).is_empty


def test_a_broker_that_hangs_is_unavailable_and_then_is_there_again(own_kafka, topic_prefix):
    broker = own_kafka()
    operator = operator_on(broker, topic_prefix, answer_seconds=3)
    wanted = EventTopic(f"{topic_prefix}.ledger", 1, 1)
    eventually(lambda: operator.reconcile(wanted))

    broker.pause()
    try:
        with pytest.raises(Unavailable):
            operator.look(wanted)
    finally:
        broker.resume()

    assert eventually(lambda: operator.look(wanted)).is_empty


def steps_to_make(prefix):
    """Return the steps by which a topic is made."""
    return plan(EventTopic(f"{prefix}.other", 1, 1), Found(), Policy(OURS)).to_do


def eventually(ask, tries=30):
    """Return what *ask* returns once the broker is there again; each try waits for itself."""
    for _ in range(tries - 1):
        try:
            return ask()
        except Unavailable:
            continue
    return ask()
