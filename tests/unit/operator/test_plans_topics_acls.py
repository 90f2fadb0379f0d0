"""What is decided about who may use a topic, one rule a test."""

import pytest

from gopherpay_operator import wishes
from gopherpay_operator.plans.actions import Reason
from gopherpay_operator.plans.desired import DataLossGuard, EventTopic
from gopherpay_operator.plans.observed import Found, TopicState
from gopherpay_operator.plans.planning import plan
from gopherpay_operator.plans.policy import Deletion, Policy
from gopherpay_operator.plans.topic_acls import AclEntry, CreateAcl, DeleteAcl
from gopherpay_operator.plans.topic_actions import (
    ClaimTopic,
    CreateTopic,
    DeleteTopic,
    ReleaseTopic,
)
from gopherpay_operator.resources.kafka import EventTopicSpec

OURS = "one/pay/ledger"
STATE = TopicState("id", 1, 1, {}, {}, 0, 0)
READ = AclEntry("topic", "ledger", "User:ann", "Read")
WRITE = AclEntry("topic", "ledger", "User:bob", "Write")
DENY = AclEntry("topic", "ledger", "User:eve", "All", "Deny")
GROUP = AclEntry("group", "readers", "User:ann", "Read")


def topic(*acls, **what):
    return EventTopic("ledger", 1, 1, acls=frozenset(acls), **what)


def planned(desired, acls, state=STATE, **policy):
    found = Found(state, OURS, acls=None if acls is None else frozenset(acls))
    return plan(desired, found, Policy(OURS, **policy))


def test_access_is_left_alone_where_nobody_says_anything():
    assert planned(EventTopic("ledger", 1, 1), [READ]).is_empty


def test_what_is_added_comes_first_and_denials_before_the_rest():
    assert planned(topic(READ, GROUP, DENY), [WRITE]).to_do == (
        CreateAcl("ledger", DENY),
        CreateAcl("ledger", GROUP),
        CreateAcl("ledger", READ),
        DeleteAcl("ledger", WRITE),
    )


def test_entries_of_groups_are_added_and_never_removed():
    assert planned(topic(READ), [READ, GROUP]).is_empty


def test_an_empty_list_takes_every_entry_of_the_topic_away():
    assert planned(topic(), [READ, GROUP, WRITE]).to_do == (
        DeleteAcl("ledger", READ),
        DeleteAcl("ledger", WRITE),
    )


def test_a_topic_is_there_before_anybody_is_let_in():
    assert planned(topic(READ), [], None).to_do == (
        ClaimTopic("ledger", OURS),
        CreateTopic("ledger", 1, 1, {}),
        ClaimTopic("ledger", OURS),
        CreateAcl("ledger", READ),
    )


@pytest.mark.parametrize("state", [None, STATE], ids=["to be made", "there"])
def test_without_an_authorizer_nothing_that_acls_say_can_be_done(state):
    made = planned(topic(READ), None, state)

    assert [each.reason for each in made.refusals] == [Reason.NOT_SUPPORTED]
    assert made.to_do == ()
    assert planned(topic(), None).is_empty


def test_the_entries_of_a_topic_go_with_it_and_before_our_claim():
    leaving = {"is_deleting": True, "deletion": Deletion.DELETE, "allow_destroy": "ledger"}

    assert planned(topic(READ, GROUP), [READ, GROUP, WRITE], **leaving).to_do == (
        DeleteTopic("ledger", "id", DataLossGuard.RECORDS),
        DeleteAcl("ledger", READ),
        DeleteAcl("ledger", WRITE),
        ReleaseTopic("ledger", OURS),
    )
    assert planned(topic(READ), [READ], None, **leaving).to_do == (
        DeleteAcl("ledger", READ),
        ReleaseTopic("ledger", OURS),
    )


def test_a_topic_that_is_given_up_keeps_its_entries():
    given_up = planned(topic(READ), [READ], is_deleting=True, deletion=Deletion.RETAIN)

    assert given_up.to_do == (ReleaseTopic("ledger", OURS),)


def test_a_topic_too_many_for_its_connection_is_not_made():
    refused = planned(topic(topics_left=0), [], None)

    assert [each.reason for each in refused.refusals] == [Reason.LIMIT_EXCEEDED]
    assert refused.to_do == ()
    assert planned(topic(topics_left=0), []).is_empty


def test_a_sentence_says_who_may_do_what_from_where():
    entry = AclEntry("topic", "ledger", "User:eve", "Read", "Deny", "10.0.0.1")

    assert CreateAcl("ledger", entry).sentence == (
        "For topic 'ledger', add the access rule "
        "'User:eve from 10.0.0.1: Deny Read on topic ledger'."
    )


def test_what_people_write_becomes_an_entry_an_operation_and_a_group():
    spec = EventTopicSpec.model_validate(
        {
            "connectionRef": {"name": "main"},
            "partitions": 1,
            "acls": [
                {
                    "principal": "User:ann",
                    "operations": ["Read", "Describe"],
                    "consumerGroups": ["readers"],
                },
                {
                    "principal": "User:eve",
                    "operations": ["All"],
                    "permission": "Deny",
                    "host": "10.0.0.1",
                },
            ],
        }
    )

    assert wishes.topic("ledger", spec).acls == {
        READ,
        AclEntry("topic", "ledger", "User:ann", "Describe"),
        GROUP,
        AclEntry("topic", "ledger", "User:eve", "All", "Deny", "10.0.0.1"),
    }
