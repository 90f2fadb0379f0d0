"""Layouts and workflows: every word reaches Novu, and what Novu makes of it is no drift."""

from dataclasses import replace

import pytest

from gopherpay_operator.backends.ports import Unavailable
from gopherpay_operator.plans.actions import Reason
from gopherpay_operator.plans.novu import Hashes, hashed
from tests.contracts.operator.novu import Operators, client_of, layout, step, workflow
from tests.doubles.novu import faults
from tests.doubles.novu.server import novu_double


@pytest.fixture
def double():
    with novu_double() as running:
        yield running


@pytest.fixture
def operators(double):
    with client_of(double) as client:
        yield Operators(client)


def development(double):
    return double.world.sites.development


def test_control_values_that_the_client_does_not_know_reach_novu(double, operators):
    values = {"body": "Hi", "ofTomorrow": {"nested": [1, 2]}}
    wish = workflow("new", step("one", "custom", **values), step("two", "in_app", **values))

    operators(wish).reconcile(wish)

    steps = development(double).workflows["new"]["steps"]
    assert [each["controls"]["values"]["ofTomorrow"] for each in steps] == [{"nested": [1, 2]}] * 2
    assert operators(wish).look(wish).is_empty


def test_a_step_that_moves_stays_the_same_step(double, operators):
    first, second = step("first", body="1"), step("second", body="2")
    wish = workflow("moving", first, second)
    operators(wish).reconcile(wish)
    before = {s["stepId"]: s["_id"] for s in development(double).workflows["moving"]["steps"]}

    moved = workflow("moving", step("third", body="3"), second, first)
    operators(moved).reconcile(moved)

    after = {s["stepId"]: s["_id"] for s in development(double).workflows["moving"]["steps"]}
    assert list(after) == ["third", "second", "first"]
    assert {name: after[name] for name in before} == before


def test_what_novu_adds_by_itself_is_no_drift_while_the_operator_lives(double, operators):
    double.world.sites.adds = {"tone": "neutral"}
    wish = workflow()
    operator = operators(wish)

    operator.reconcile(wish)

    assert operator.look(wish).is_empty


def test_what_novu_adds_by_itself_is_no_drift_after_a_restart(double, operators):
    double.world.sites.adds = {"tone": "neutral"}
    wish = workflow()
    operator = operators(wish)
    operator.reconcile(wish)
    status = Hashes(hashed(wish.document), operator.state(wish).live_hash)
    restarted = replace(wish, believed=status)

    assert operators(restarted).look(restarted).is_empty
    assert not operators(wish).look(wish).is_empty


def test_what_others_change_is_drift_even_where_novu_adds_something(double, operators):
    double.world.sites.adds = {"tone": "neutral"}
    wish = workflow()
    operator = operators(wish)
    operator.reconcile(wish)
    development(double).workflows["welcome"]["steps"][0]["controlValues"]["body"] = "Buy!"

    (drift,) = operator.look(wish).actions

    assert "steps[inbox].controlValues.body" in drift.paths
    assert "Buy!" not in drift.sentence


def test_the_tags_of_people_and_the_tag_of_the_owner_stand_beside_each_other(double, operators):
    wish = workflow(tags=["billing", "pay"])
    operators(wish).reconcile(wish)

    tags = development(double).workflows["welcome"]["tags"]
    operators(wish).reconcile(wish, is_deleting=True)

    assert tags[:2] == ["billing", "pay"]
    assert tags[2].startswith("gopherpay:")
    assert development(double).workflows["welcome"]["tags"] == ["billing", "pay"]


def test_what_novu_complains_of_is_told(operators):
    schema = {"type": "object", "properties": {"amount": {"type": "string"}}}
    wish = workflow("bad", step("inbox", body="{{payload.sum}}"), payloadSchema=schema)

    operators(wish).reconcile(wish)

    state = operators(wish).state(wish)
    assert state.status == "ERROR"
    assert state.issues == ("inbox.controls.body: payload.sum unknown",)


def test_a_layout_that_is_used_is_not_deleted(operators):
    frame = layout()
    mail = workflow("mail", step("mail", "email", subject="Hi", body="Hi", layoutId=frame.name))
    for wish in (frame, mail):
        operators(wish).reconcile(wish)

    refused = operators(frame).delete(frame)
    operators(mail).delete(mail)
    operators(frame).delete(frame)

    assert [each.reason for each in refused.refusals] == [Reason.IN_USE]
    assert "'mail'" in refused.refusals[0].sentence
    assert operators(frame).state(frame) is None


def test_a_layout_whose_making_was_cut_off_is_finished_by_its_owner(double, operators):
    wish = layout()
    double.faults.plan(faults.LOST_BEFORE, method="PUT")
    with pytest.raises(Unavailable):
        operators(wish).reconcile(wish)

    operators(wish).reconcile(wish)

    assert operators(wish).look(wish).is_empty
    assert len(development(double).layouts) == 1


def test_a_workflow_whose_making_was_not_answered_is_not_made_twice(double, operators):
    wish = workflow()
    double.faults.plan(faults.LOST_AFTER, method="POST")
    with pytest.raises(Unavailable):
        operators(wish).reconcile(wish)

    again = operators(wish).reconcile(wish)

    assert again.is_empty
    assert list(development(double).workflows) == ["welcome"]
