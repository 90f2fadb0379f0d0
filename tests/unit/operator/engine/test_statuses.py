"""What stands in the status."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from gopherpay_operator.crds.schema import structural
from gopherpay_operator.engine.ports import Fact, Key, Outcome, Resource
from gopherpay_operator.engine.statuses import by_type, is_same, status_of
from gopherpay_operator.plans.actions import Plan, Reason, Refused
from gopherpay_operator.plans.topic_actions import CreateTopic, DeleteTopic
from gopherpay_operator.resources.catalogue import KINDS
from gopherpay_operator.resources.kafka import EventTopicSpec, TopicObserved

NOW = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
SPEC = {"connectionRef": {"name": "kafka"}, "partitions": 1}
SCHEMA = Draft202012Validator(structural(KINDS["EventTopic"].status))
TEXT = st.text(max_size=6000)
WORDS = st.sampled_from(["Ready", "Conflict", "BackendUnavailable", "DependencyMissing"])
FACTS = st.builds(
    Fact,
    st.sampled_from(["Ready", "Synced", "Drifted", "Adopted", "ConfigMatch", "DeletionBlocked"]),
    st.sampled_from(["True", "False", "Unknown"]),
    WORDS,
    TEXT,
)
ACTIONS = st.one_of(
    st.builds(Refused, st.sampled_from(Reason), TEXT),
    st.just(CreateTopic("orders", 3, None, {})),
    st.builds(DeleteTopic, TEXT, TEXT, st.just(None)),
)
PLANS = st.builds(Plan, st.lists(ACTIONS, max_size=40).map(tuple), st.booleans())
OUTCOMES = st.builds(
    Outcome,
    is_ready=st.booleans(),
    reason=WORDS,
    message=TEXT,
    is_stalled=st.booleans(),
    facts=st.lists(FACTS, max_size=5).map(tuple),
    observed=st.none() | st.builds(TopicObserved, partitions=st.none() | st.integers(1, 9)),
    plan=st.none() | PLANS,
    has_applied=st.booleans(),
    applied_hash=st.none() | st.just("sha256:0"),
    external_name=st.none() | st.just("orders"),
    external_id=st.none() | st.just("id"),
    owned=st.none() | st.booleans(),
    is_partial=st.booleans(),
)


def resource(status=None, **spec):
    return Resource(
        key=Key("EventTopic", "shop", "orders"),
        uid="1",
        generation=4,
        spec=EventTopicSpec.model_validate({**SPEC, **spec}),
        status=status or {},
    )


@settings(max_examples=200, deadline=None)
@given(st.lists(OUTCOMES, min_size=1, max_size=4), st.booleans())
def test_every_status_is_one_that_the_definition_allows(outcomes, suspend):
    status = {}
    for outcome in outcomes:
        status = status_of(outcome, resource(status, suspend=suspend), NOW)
        SCHEMA.validate(status)
        types = [each["type"] for each in status["conditions"]]
        assert len(types) == len(set(types))
        assert "Ready" in types


@settings(max_examples=200, deadline=None)
@given(OUTCOMES, st.booleans())
def test_the_same_outcome_makes_the_same_status_at_any_time(outcome, suspend):
    outcome = replace(outcome, has_applied=False)
    first = status_of(outcome, resource(suspend=suspend), NOW)

    second = status_of(outcome, resource(first, suspend=suspend), NOW + timedelta(hours=1))

    assert is_same(first, second)


@settings(max_examples=200, deadline=None)
@given(st.lists(OUTCOMES, min_size=2, max_size=4))
def test_the_time_of_a_transition_moves_with_the_status_alone(outcomes):
    statuses, status = [], {}
    for hour, outcome in enumerate(outcomes):
        status = status_of(outcome, resource(status), NOW + timedelta(hours=hour))
        statuses.append(by_type(status))

    for before, after in pairwise(statuses):
        for type_ in before.keys() & after.keys():
            has_moved = before[type_]["lastTransitionTime"] != after[type_]["lastTransitionTime"]
            assert has_moved == (before[type_]["status"] != after[type_]["status"])


def test_reconciling_and_stalled_are_there_only_while_they_hold():
    waiting = status_of(Outcome(is_ready=False, reason="BackendUnavailable"), resource(), NOW)
    stalled = Outcome(is_ready=False, reason="Conflict", is_stalled=True)
    stalled_status = status_of(stalled, resource(waiting), NOW)
    ready = status_of(Outcome(is_ready=True, reason="Ready"), resource(stalled_status), NOW)

    assert by_type(waiting).keys() == {"Ready", "Reconciling"}
    assert by_type(stalled_status).keys() == {"Ready", "Stalled"}
    assert by_type(ready).keys() == {"Ready"}


def test_a_partial_outcome_keeps_what_it_did_not_look_at():
    known = Outcome(
        is_ready=True,
        reason="Ready",
        facts=(Fact("Drifted", "False", "InSync"),),
        observed=TopicObserved(partitions=3),
        applied_hash="sha256:1",
        owned=True,
    )
    before = status_of(known, resource(), NOW)
    away = Outcome(is_ready=False, reason="BackendUnavailable", is_partial=True)

    after = status_of(away, resource(before), NOW)

    assert by_type(after).keys() == {"Ready", "Reconciling", "Drifted"}
    stalled = status_of(replace(away, is_stalled=True), resource(after), NOW)
    assert by_type(stalled).keys() == {"Ready", "Stalled", "Drifted"}
    assert by_type(status_of(away, resource(stalled), NOW)).keys() == by_type(after).keys()
    for name in ("observed", "appliedHash", "ownership"):
        assert after[name] == before[name]


@pytest.mark.parametrize("was", ["True", "False", "Unknown"])
def test_a_suspended_resource_keeps_its_last_ready(was):
    before = {"conditions": [{"type": "Ready", "status": was, "reason": "Whatever"}]}

    status = status_of(Outcome(is_ready=True, reason="Ready"), resource(before, suspend=True), NOW)

    ready = by_type(status)["Ready"]
    assert (ready["status"], ready["reason"]) == (was, "Suspended")


def test_what_was_planned_is_shown_only_when_it_is_not_carried_out():
    actions = (CreateTopic("orders", 3, None, {}), Refused(Reason.CONFLICT, "It is theirs."))

    shown = status_of(
        Outcome(is_ready=False, reason="Conflict", plan=Plan(actions, is_carried_out=False)),
        resource(),
        NOW,
    )
    carried_out = status_of(
        Outcome(is_ready=False, reason="Conflict", plan=Plan(actions)), resource(), NOW
    )

    assert [(each["action"], each["risk"]) for each in shown["plannedActions"]] == [
        ("CreateTopic", "Safe"),
        ("Conflict", "Refused"),
    ]
    assert "plannedActions" not in carried_out


def test_ownership_keeps_when_it_began_and_begins_anew_after_a_loss():
    owned = Outcome(is_ready=True, reason="Ready", owned=True)
    lost = Outcome(is_ready=False, reason="Conflict", owned=False)
    later = NOW + timedelta(hours=1)

    first = status_of(owned, resource(), NOW)
    still = status_of(owned, resource(first), later)
    gone = status_of(lost, resource(still), later)
    again = status_of(owned, resource(gone), later)

    assert still["ownership"] == {"owned": True, "since": "2026-05-04T03:02:01Z"}
    assert gone["ownership"] == {"owned": False}
    assert again["ownership"] == {"owned": True, "since": "2026-05-04T04:02:01Z"}
