"""What is decided about topics, one rule a test."""

import pytest

from gopherpay_operator.plans.actions import Reason, Risk
from gopherpay_operator.plans.desired import DataLossGuard, EventTopic
from gopherpay_operator.plans.observed import Found, TopicState
from gopherpay_operator.plans.planning import plan
from gopherpay_operator.plans.policy import Adoption, Deletion, Drift, Policy
from gopherpay_operator.plans.topic_actions import (
    AddPartitions,
    ClaimTopic,
    CreateTopic,
    DeleteTopic,
    ReleaseTopic,
    SetTopicConfig,
)

OURS = "one/pay/ledger"
STATE = TopicState("id", 3, 1, {"retention.ms": "1000"}, {"retention.ms": "604800000"}, 0, 0)


def topic(**what):
    return EventTopic(**{"name": "ledger", "partitions": 3, "replication_factor": 1, **what})


def planned(desired, state=STATE, claim=OURS, **policy):
    return plan(desired, Found(state, claim), Policy(OURS, **policy))


def reasons(found):
    return [each.reason for each in found.refusals]


def test_a_topic_is_claimed_before_and_after_it_is_made():
    found = planned(topic(config={"retention.ms": "5", "segment.ms": None}), None, None)

    assert found.to_do == (
        ClaimTopic("ledger", OURS),
        CreateTopic("ledger", 3, 1, {"retention.ms": "5"}),
        ClaimTopic("ledger", OURS),
    )


def test_a_topic_whose_maker_died_before_recording_its_id_is_recorded_again():
    found = plan(topic(), Found(STATE, OURS, is_confirmed=False), Policy(OURS))

    assert found.to_do == (ClaimTopic("ledger", OURS),)


def test_a_topic_that_another_wants_to_make_is_a_conflict():
    assert reasons(planned(topic(), None, "two/pay/ledger")) == [Reason.CONFLICT]


def test_partitions_never_become_fewer_and_the_rest_is_done():
    found = planned(topic(partitions=2, config={"segment.ms": "9"}))

    assert reasons(found) == [Reason.PARTITION_DECREASE]
    assert found.to_do == (SetTopicConfig("ledger", "segment.ms", None, "9"),)


@pytest.mark.parametrize(
    ("keyed", "allowed", "grows"),
    [(True, None, False), (True, True, True), (False, None, True), (False, False, False)],
)
def test_partitions_become_more_where_order_allows_it(keyed, allowed, grows):
    found = planned(topic(partitions=4, keyed=keyed, allow_partition_increase=allowed))

    if grows:
        assert found.to_do == (AddPartitions("ledger", 3, 4),)
    else:
        assert reasons(found) == [Reason.PARTITION_INCREASE_NOT_ALLOWED]


def test_a_connection_limits_partitions():
    assert reasons(planned(topic(partitions=9, partitions_max=8), None, None)) == [
        Reason.LIMIT_EXCEEDED
    ]


def test_other_replicas_are_refused_with_the_way_to_do_it():
    [refused] = planned(topic(replication_factor=3)).refusals

    assert refused.reason is Reason.NOT_SUPPORTED
    assert "kafka-reassign-partitions.sh" in refused.sentence


def test_replicas_that_are_not_given_are_not_compared():
    assert planned(topic(replication_factor=None)).is_empty


def test_a_key_with_null_is_taken_back_and_one_not_named_is_left_alone():
    assert planned(topic(config={"retention.ms": None})).to_do == (
        SetTopicConfig("ledger", "retention.ms", "1000", None),
    )
    assert planned(topic()).is_empty


@pytest.mark.parametrize(
    ("config", "risk"),
    [
        ({"retention.ms": "999"}, Risk.DATA_LOSS),
        ({"retention.ms": "1001"}, Risk.SAFE),
        ({"retention.ms": "-1"}, Risk.SAFE),
        ({"retention.bytes": "10"}, Risk.DATA_LOSS),
        ({"cleanup.policy": "compact"}, Risk.DATA_LOSS),
        ({"cleanup.policy": "delete"}, Risk.SAFE),
        ({"unclean.leader.election.enable": "true"}, Risk.DATA_LOSS),
        ({"segment.ms": "1"}, Risk.SAFE),
    ],
)
def test_keeping_less_is_losing_data(config, risk):
    [step] = planned(topic(config=config), allow_destroy="ledger").to_do

    assert step.risk is risk
    refused = reasons(planned(topic(config=config)))
    assert refused == ([Reason.DESTROY_NOT_ALLOWED] if risk is Risk.DATA_LOSS else [])


def test_keys_outside_the_allow_list_are_refused_and_not_set():
    found = planned(topic(config={"segment.ms": "1"}, config_allowed=frozenset({"retention.ms"})))

    assert reasons(found) == [Reason.CONFIG_NOT_ALLOWED]
    assert found.to_do == ()


@pytest.mark.parametrize(
    ("adoption", "config", "reason"),
    [
        (Adoption.NEVER, {}, Reason.ADOPTION_FORBIDDEN),
        (Adoption.IF_IDENTICAL, {"segment.ms": "1"}, Reason.NOT_IDENTICAL),
        (Adoption.IF_IDENTICAL, {}, None),
        (Adoption.ALWAYS, {"segment.ms": "1"}, None),
    ],
)
def test_a_topic_of_nobody_is_taken_only_as_its_policy_says(adoption, config, reason):
    found = planned(topic(config=config), STATE, None, adoption=adoption)

    assert reasons(found) == ([reason] if reason else [])
    assert found.to_do[:1] == (() if reason else (ClaimTopic("ledger", OURS),))


def leaving(desired=None, state=STATE, claim=OURS, **policy):
    return planned(
        desired or topic(),
        state,
        claim,
        **{"is_deleting": True, "deletion": Deletion.DELETE, "allow_destroy": "ledger", **policy},
    )


def test_a_topic_is_deleted_when_everything_says_so():
    assert leaving().to_do == (
        DeleteTopic("ledger", "id", DataLossGuard.RECORDS),
        ReleaseTopic("ledger", OURS),
    )


def test_a_topic_is_retained_by_default():
    assert leaving(deletion=Deletion.RETAIN).to_do == (ReleaseTopic("ledger", OURS),)


@pytest.mark.parametrize("named", [None, "", "another"])
def test_a_topic_is_not_deleted_unless_it_is_named(named):
    found = leaving(allow_destroy=named, desired=topic(data_loss_guard=DataLossGuard.OFF))

    assert reasons(found) == [Reason.DESTROY_NOT_ALLOWED]
    assert not any(isinstance(each, DeleteTopic) for each in found.steps)


@pytest.mark.parametrize(
    ("guard", "records", "unread", "is_held"),
    [
        (DataLossGuard.RECORDS, 1, 0, True),
        (DataLossGuard.RECORDS, None, 0, True),
        (DataLossGuard.RECORDS, 0, 1, False),
        (DataLossGuard.CONSUMER_LAG, 1, 0, False),
        (DataLossGuard.CONSUMER_LAG, 1, 1, True),
        (DataLossGuard.CONSUMER_LAG, 1, None, True),
        (DataLossGuard.OFF, 9, 9, False),
    ],
)
def test_what_a_guard_sees_holds_a_deletion_up(guard, records, unread, is_held):
    state = TopicState("id", 3, 1, records=records, unread=unread)

    found = leaving(topic(data_loss_guard=guard), state)

    assert reasons(found) == ([Reason.HOLDS_RECORDS] if is_held else [])


def test_a_refused_deletion_keeps_the_claim():
    found = leaving(allow_destroy=None)

    assert found.to_do == ()


def test_drift_is_corrected_reported_or_ignored_once_a_spec_was_applied():
    desired, then = topic(config={"segment.ms": "1"}), {"spec_is_applied": True}
    step = SetTopicConfig("ledger", "segment.ms", None, "1")

    assert planned(desired, **then).to_do == (step,)
    assert planned(desired, drift=Drift.REPORT, **then).steps == (step,)
    assert planned(desired, drift=Drift.REPORT, **then).to_do == ()
    assert planned(desired, drift=Drift.IGNORE, **then).is_empty
    assert planned(desired, drift=Drift.REPORT).to_do == (step,)
