"""What holds of every plan: it reaches what is wanted, and never destroys by accident."""

from dataclasses import replace

from hypothesis import HealthCheck, assume, event, given, settings

from gopherpay_operator.plans.actions import Risk
from gopherpay_operator.plans.desired import DataLossGuard, EventTopic
from gopherpay_operator.plans.planning import plan
from gopherpay_operator.plans.policy import Adoption, Deletion, Policy
from tests.unit.operator.simulated import carried_out
from tests.unit.operator.wishes import (
    ALL_ROLES,
    DATABASES,
    EVERYTHING,
    OURS,
    PASSWORD,
    POLICIES,
    THEIRS,
)

# Half of what is drawn is about something else than a rule, and the machine may be busy.
MANY = settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)


@MANY
@given(EVERYTHING, POLICIES)
def test_a_plan_that_was_carried_out_leaves_nothing_to_do(case, policy):
    desired, found = case

    first = plan(desired, found, policy)
    event(f"{len(first.to_do)} steps")
    then = plan(desired, carried_out(found, first.to_do), policy)

    assert then.to_do == ()


@MANY
@given(EVERYTHING)
def test_what_is_not_refused_is_reached_in_one_pass(case):
    desired, found = case
    found = replace(found, claim=None if found.claim == THEIRS else found.claim)
    policy = Policy(OURS, adoption=Adoption.ALWAYS, allow_destroy=desired.name)
    first = plan(desired, found, policy)
    assume(not first.refusals)

    after = carried_out(found, first.to_do)

    assert after.claim == OURS
    assert after.state is not None
    assert plan(desired, after, policy).is_empty


@MANY
@given(EVERYTHING, POLICIES)
def test_nothing_is_lost_that_nobody_named(case, policy):
    desired, found = case
    assume(policy.allow_destroy != desired.name)
    has_no_guard = isinstance(desired, EventTopic) and (
        desired.data_loss_guard is DataLossGuard.OFF and not policy.is_deleting
    )

    found_plan = plan(desired, found, policy)

    risks = {each.risk for each in found_plan.steps}
    assert Risk.DATA_LOSS not in risks or has_no_guard


@MANY
@given(EVERYTHING, POLICIES)
def test_a_living_resource_never_loses_its_thing(case, policy):
    desired, found = case
    assume(not policy.is_deleting and found.state is not None)

    after = carried_out(found, plan(desired, found, policy).to_do)

    assert after.state is not None


@MANY
@given(EVERYTHING, POLICIES)
def test_nothing_is_dropped_unless_deletion_says_so(case, policy):
    desired, found = case
    assume(policy.is_deleting and found.state is not None)

    after = carried_out(found, plan(desired, found, policy).to_do)

    is_ours = found.claim == OURS and policy.deletion is Deletion.DELETE
    assert after.state == found.state or is_ours


@MANY
@given(DATABASES | ALL_ROLES)
def test_what_is_in_use_is_never_dropped(case):
    desired, found = case
    is_forced = getattr(desired, "drop_with_force", False)
    sessions = 0 if is_forced else getattr(found.state, "sessions", 0)
    assume(sessions or getattr(found.state, "owned_objects", 0))
    found = replace(found, claim=OURS)
    policy = Policy(OURS, Deletion.DELETE, is_deleting=True, allow_destroy=desired.name)

    after = carried_out(found, plan(desired, found, policy).to_do)

    assert after.state is not None


@MANY
@given(EVERYTHING, POLICIES)
def test_what_belongs_to_another_is_not_touched(case, policy):
    desired, found = case
    assume(found.claim == THEIRS)

    assert plan(desired, found, policy).steps == ()


@MANY
@given(EVERYTHING, POLICIES)
def test_a_suspended_resource_changes_nothing(case, policy):
    desired, found = case
    assume(policy.suspended)

    assert plan(desired, found, policy).to_do == ()


@MANY
@given(EVERYTHING, POLICIES)
def test_no_plan_shows_a_password(case, policy):
    desired, found = case

    shown = plan(desired, found, policy)

    assert PASSWORD not in repr(shown) + repr(desired) + " ".join(shown.sentences)
    assert "SCRAM-SHA-256$" not in repr(shown)


@MANY
@given(EVERYTHING, POLICIES)
def test_every_step_has_one_sentence_for_a_person(case, policy):
    desired, found = case

    sentences = plan(desired, found, policy).sentences

    assert all(each.endswith(".") and "\n" not in each for each in sentences)
