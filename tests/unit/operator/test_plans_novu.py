"""What holds of every plan for Novu, of the marks of owners, and of the pace of calls."""

import re
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from gopherpay_operator.backends.novu_pace import WAIT_SECONDS_MAX, Pace, Paces, Rate
from gopherpay_operator.backends.ports import Unavailable
from gopherpay_operator.plans import novu_documents as documents
from gopherpay_operator.plans import novu_marks as marks
from gopherpay_operator.plans.actions import Risk
from gopherpay_operator.plans.novu import (
    Credentials,
    NovuIntegration,
    NovuLayout,
    NovuState,
    NovuTopic,
    NovuWorkflow,
    Surroundings,
)
from gopherpay_operator.plans.novu_actions import (
    ChangeInNovu,
    ClaimInNovu,
    CreateInNovu,
    DeleteInNovu,
    MakePrimary,
    ReleaseInNovu,
    SendCredentials,
)
from gopherpay_operator.plans.novu_things import differing
from gopherpay_operator.plans.observed import Found
from gopherpay_operator.plans.planning import plan
from gopherpay_operator.plans.policy import Adoption, Deletion, Policy
from tests.unit.operator.wishes import CLAIMS, OURS, POLICIES, THEIRS

SECRET = "correct-horse"
TITLES = st.sampled_from(["News", "Old", "Körbe [x]"])
AROUND = st.builds(
    Surroundings, st.sampled_from(["Development"] * 6 + ["Production"]), is_leaving=st.booleans()
)
STEPS = st.lists(st.sampled_from(["a", "b", "c"]), unique=True).map(
    lambda names: [documents.step(name, name, "custom", {"body": name}) for name in names]
)
TOPIC_DOCUMENTS = st.fixed_dictionaries({"title": TITLES})
DOCUMENTS = st.fixed_dictionaries({"title": TITLES, "steps": STEPS})
CREDENTIALS = st.builds(Credentials, st.just({"apiKey": SECRET}), st.sampled_from(["one", "two"]))
STATES = {
    "id": st.just("64b"),
    "used_by": st.sampled_from([(), (), ("mail",)]),
    "provider": st.sampled_from(["sendgrid"] * 4 + ["mailgun"]),
    "channel": st.just("email"),
    "is_primary": st.booleans(),
    "sent": st.sampled_from([None, "one", "two"]),
    "has_hmac": st.sampled_from([None, True, False]),
}


def found(**fixed):
    """Return what may be there; what is not there carries no mark."""
    return st.just(Found()) | st.builds(Found, st.builds(NovuState, **{**STATES, **fixed}), CLAIMS)


THINGS = st.one_of(
    st.tuples(
        st.builds(NovuTopic, st.just("ledger"), TOPIC_DOCUMENTS, AROUND),
        found(document=TOPIC_DOCUMENTS, used_by=st.just(())),
    ),
    st.tuples(
        st.builds(NovuLayout, st.just("ledger"), DOCUMENTS, AROUND), found(document=DOCUMENTS)
    ),
    st.tuples(
        st.builds(NovuWorkflow, st.just("ledger"), DOCUMENTS, AROUND),
        found(document=DOCUMENTS, used_by=st.just(())),
    ),
    st.tuples(
        st.builds(
            NovuIntegration,
            st.just("ledger"),
            TOPIC_DOCUMENTS,
            st.just("sendgrid"),
            st.just("email"),
            AROUND,
            st.none() | CREDENTIALS,
            is_primary=st.booleans(),
            wants_hmac=st.booleans(),
        ),
        found(document=TOPIC_DOCUMENTS, used_by=st.just(())),
    ),
)
MANY = settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)


def created(_, action):
    wish = action.desired
    sent = getattr(wish, "credentials", None)
    state = NovuState(
        "new",
        wish.document,
        provider=getattr(wish, "provider", ""),
        channel=getattr(wish, "channel", ""),
        sent=sent and sent.fingerprint,
        has_hmac=getattr(wish, "wants_hmac", None),
    )
    return Found(state, action.claim)


def changed(there, **what):
    return replace(there, state=replace(there.state, **what))


DOES = {
    CreateInNovu: created,
    ClaimInNovu: lambda there, action: replace(there, claim=action.claim),
    ReleaseInNovu: lambda there, _: replace(there, claim=None),
    ChangeInNovu: lambda there, action: changed(there, document=action.desired.document),
    SendCredentials: lambda there, action: changed(
        there,
        sent=action.desired.credentials.fingerprint,
        has_hmac=action.desired.wants_hmac or there.state.has_hmac,
    ),
    MakePrimary: lambda there, _: changed(there, is_primary=True),
    DeleteInNovu: lambda *_: Found(),
}


def carried_out(there, actions):
    for action in actions:
        there = DOES[type(action)](there, action)
    return there


@MANY
@given(THINGS, POLICIES)
def test_a_plan_that_was_carried_out_leaves_nothing_to_do(case, policy):
    desired, there = case

    first = plan(desired, there, policy)
    then = plan(desired, carried_out(there, first.to_do), policy)

    assert first.to_do == () or then.steps == ()


@MANY
@given(THINGS)
def test_what_is_not_refused_is_reached_in_one_pass(case):
    desired, there = case
    there = replace(there, claim=None if there.claim == THEIRS else there.claim)
    policy = Policy(OURS, adoption=Adoption.ALWAYS)
    first = plan(desired, there, policy)
    assume(not first.refusals)

    after = carried_out(there, first.to_do)

    assert after.claim == OURS
    assert plan(desired, after, policy).is_empty


@MANY
@given(THINGS, POLICIES)
def test_nothing_is_lost_that_nobody_named(case, policy):
    desired, there = case
    assume(policy.allow_destroy != desired.name or policy.deletion is Deletion.RETAIN)

    made = plan(desired, there, policy)

    assert Risk.DATA_LOSS not in {each.risk for each in made.steps}


@MANY
@given(THINGS, POLICIES)
def test_what_belongs_to_another_is_not_touched(case, policy):
    desired, there = case
    assume(there.claim == THEIRS)

    assert plan(desired, there, policy).steps == ()


@MANY
@given(THINGS, POLICIES)
def test_a_suspended_resource_changes_nothing(case, policy):
    desired, there = case

    assert plan(desired, there, replace(policy, suspended=True)).to_do == ()


@MANY
@given(THINGS, POLICIES)
def test_no_plan_shows_a_credential(case, policy):
    desired, there = case

    made = plan(desired, there, policy)

    assert SECRET not in " ".join(made.sentences) + repr(made)


@MANY
@given(THINGS, POLICIES)
def test_production_is_never_written_but_for_topics_and_integrations(case, policy):
    desired, there = case
    desired = replace(desired, around=Surroundings("Production"))
    assume(desired.what in {"workflow", "layout"})

    assert plan(desired, there, policy).steps == ()


@given(DOCUMENTS, DOCUMENTS)
def test_two_documents_differ_in_nothing_only_if_they_are_the_same(one, other):
    assert (differing(one, other) == []) == (one == other)


def test_a_difference_names_the_step_and_the_field():
    live = {"steps": [documents.step("mail", "Mail", "email", {"subject": "Hi", "body": "B"})]}
    wanted = {"steps": [documents.step("mail", "Mail", "email", {"subject": "Ho", "body": "B"})]}

    assert differing(live, wanted) == ["steps[mail].controlValues.subject"]


@given(st.text(max_size=40), st.text(min_size=1, max_size=40))
def test_a_mark_is_found_again_behind_every_title(title, claim):
    mark = marks.mark_of(claim)

    marked = marks.with_mark(title, mark)

    assert marks.without_mark(marked) == (title, mark)
    assert len(marked) == len(title) + marks.MARK_LENGTH
    assert marks.mark_in(["pay", marks.tag_of(mark)]) == mark
    assert re.fullmatch(r"gopherpay:[0-9a-f]{18}", marks.tag_of(mark))


def test_a_mark_stands_for_who_is_there_our_cluster_or_somebody_else():
    known = marks.owners("one", ["one/pay/it"])
    ours, gone, foreign = (
        marks.mark_of(claim) for claim in ("one/pay/it", "one/pay/gone", "two/pay/it")
    )

    claims = [known.claim_of(each) for each in (ours, gone, foreign, None)]

    assert claims[0] == "one/pay/it"
    assert claims[1].startswith("one/#/")
    assert claims[2:] == [foreign, None]
    assert [marks.mark_of(claim) for claim in claims[:3]] == [ours, gone, foreign]


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def test_calls_have_their_burst_and_then_their_rate():
    pace = Pace(Rate(per_second=2, burst=3), Clock())

    waits = [pace.take() for _ in range(6)]

    assert waits == [0, 0, 0, 0.5, 1.0, 1.5]


def test_turns_come_back_with_time_and_not_beyond_the_burst():
    clock = Clock()
    pace = Pace(Rate(per_second=2, burst=3), clock)
    for _ in range(3):
        pace.take()
    clock.now += 3_600

    assert [pace.take() for _ in range(4)] == [0, 0, 0, 0.5]


def test_a_turn_that_would_come_too_late_is_not_given_away():
    clock = Clock()
    pace = Pace(Rate(per_second=1, burst=1), clock)
    for _ in range(int(WAIT_SECONDS_MAX) + 1):
        pace.take()

    for _ in range(3):
        with pytest.raises(Unavailable):
            pace.take()
    clock.now += 1

    assert pace.take() == WAIT_SECONDS_MAX


def test_while_novu_rests_nothing_is_asked():
    clock = Clock()
    pace = Pace(Rate(), clock)
    pace.rest(30)
    pace.rest(1)
    clock.now += 29
    with pytest.raises(Unavailable):
        pace.take()
    clock.now += 2

    assert pace.take() == 0


def test_all_clients_of_an_environment_share_its_pace():
    paces = Paces()
    first = paces.of("https://novu", "key", Rate(5, 5))

    assert paces.of("https://novu", "key", Rate(5, 5)) is first
    assert paces.of("https://novu", "other", Rate(5, 5)) is not first
    assert paces.of("https://novu", "key", Rate(9, 9)) is not first
