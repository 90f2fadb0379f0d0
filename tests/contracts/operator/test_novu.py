"""What every kind of thing in Novu is promised: made once, owned, kept, left alone when foreign."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from gopherpay_operator.backends.ports import Overtaken
from gopherpay_operator.plans.actions import Reason
from gopherpay_operator.plans.novu_marks import owners
from gopherpay_operator.plans.policy import Adoption
from tests.contracts.operator.conftest import OURS, THEIRS
from tests.contracts.operator.novu import (
    PRODUCTION,
    WISHES,
    Operators,
    client_of,
    integration,
    layout,
    step,
    theirs,
    topic,
    use_every_call,
    workflow,
)
from tests.doubles.novu.published import published
from tests.doubles.novu.server import novu_double

PUBLISHED = "NOVU_OPENAPI"
READS = {"GET"}
OTHERS = {
    "topic": topic(title="Other"),
    "layout": layout(body="<b>{{content}}</b>"),
    "workflow": workflow("welcome", step("other", body="Other")),
    "integration": integration(document={"title": "Other", "active": False, "conditions": []}),
}


@pytest.fixture
def double():
    with novu_double() as running:
        yield running


@pytest.fixture
def operators(double):
    with client_of(double) as client:
        yield Operators(client)


@pytest.fixture(params=list(WISHES))
def wish(request):
    return WISHES[request.param]


def reasons(plan):
    return [each.reason for each in plan.refusals]


def writes(double):
    return [each.asked for each in double.exchanges if each.asked.method not in READS]


def test_what_is_missing_is_made_once_and_is_then_as_it_is_wanted(operators, wish):
    operator = operators(wish)

    made = operator.reconcile(wish)

    assert not made.is_empty
    assert operator.look(wish).is_empty
    assert operator.backend.observe([wish])[wish.name].claim == OURS


def test_what_is_as_it_is_wanted_is_only_read(double, operators, wish):
    operator = operators(wish)
    operator.reconcile(wish)
    double.exchanges.clear()

    operator.reconcile(wish)
    operator.reconcile(wish)

    assert writes(double) == []


def test_what_was_changed_by_others_is_brought_back(operators, wish):
    operator = operators(wish)
    operator.reconcile(wish)
    before = operator.state(wish)
    operator.reconcile(OTHERS[wish.what])
    assert operator.state(wish).document != before.document

    operator.reconcile(wish)

    assert operator.state(wish).document == before.document
    assert operator.state(wish).id == before.id
    assert operator.look(wish).is_empty


def test_two_who_want_one_thing_have_one_owner_and_the_loser_changes_nothing(operators, wish):
    ours, loser = operators(wish), operators(wish, THEIRS)
    ours.reconcile(wish)
    before = ours.state(wish)

    lost = loser.reconcile(theirs(OTHERS[wish.what]))
    loser.delete(theirs(wish))

    assert reasons(lost) == [Reason.CONFLICT]
    assert ours.state(wish) == before


def test_a_claim_that_nobody_stands_for_is_known_as_our_clusters_and_can_be_released(
    operators, wish
):
    gone = replace(wish, around=replace(wish.around, owners=owners("one", ["one/pay/gone"])))
    operators(gone, "one/pay/gone").reconcile(gone)
    operator = operators(wish)

    claim = operator.backend.observe([wish])[wish.name].claim
    operators(wish, claim).reconcile(wish, is_deleting=True)

    assert claim.startswith("one/#/")
    assert operator.backend.observe([wish])[wish.name].claim is None


def test_what_is_there_and_nobodys_is_taken_when_it_is_as_wanted(double, operators, wish):
    made = operators(wish)
    made.reconcile(wish)
    made.reconcile(wish, is_deleting=True)
    before = made.state(wish)
    wish = replace(wish, believed="print-ider") if wish.what == "integration" else wish

    other = operators(wish).look(OTHERS[wish.what])
    operators(wish).reconcile(wish)

    assert reasons(other) == [Reason.NOT_IDENTICAL]
    assert operators(wish).backend.observe([wish])[wish.name].claim == OURS
    assert operators(wish).state(wish).document == before.document
    assert double.breaches == []


def test_what_is_nobodys_is_changed_where_adoption_allows_it(operators, wish):
    other = OTHERS[wish.what]
    operators(wish).reconcile(other)
    operators(wish).reconcile(other, is_deleting=True)

    never = operators(wish).look(wish, adoption=Adoption.NEVER)
    operator = operators(wish)
    operator.reconcile(wish, adoption=Adoption.ALWAYS)

    assert reasons(never) == [Reason.ADOPTION_FORBIDDEN]
    assert operator.look(wish).is_empty


def test_what_is_released_stays_without_our_mark(operators, wish):
    operator = operators(wish)
    operator.reconcile(wish)
    before = operator.state(wish)

    operator.reconcile(wish, is_deleting=True)

    found = operator.backend.observe([wish])[wish.name]
    assert found.claim is None
    assert (found.state.id, found.state.document) == (before.id, before.document)


def test_deleting_needs_its_name(operators, wish):
    operator = operators(wish)
    operator.reconcile(wish)

    refused = operator.delete(wish, allow_destroy=None)
    assert operator.state(wish) is not None
    operator.delete(wish)

    assert reasons(refused) == [Reason.DESTROY_NOT_ALLOWED]
    assert operator.state(wish) is None


def test_what_was_made_anew_since_it_was_looked_at_is_not_deleted(operators, wish):
    operator = operators(wish)
    operator.reconcile(wish)
    stale = operator.look(wish, is_deleting=True, deletion="Delete", allow_destroy=wish.name)
    operator.delete(wish)
    operator.reconcile(wish)

    with pytest.raises(Overtaken):
        operator.backend.apply(stale.to_do)

    assert operator.state(wish) is not None


def test_what_others_have_claimed_since_it_was_looked_at_is_not_changed(operators, wish):
    operator, other = operators(wish), OTHERS[wish.what]
    operator.reconcile(wish)
    stale = operator.look(other)
    operator.reconcile(wish, is_deleting=True)
    operators(wish, THEIRS).reconcile(theirs(wish), adoption=Adoption.ALWAYS)

    with pytest.raises(Overtaken):
        operator.backend.apply(stale.to_do)

    assert operator.state(wish).document == wish.document


def test_what_came_since_it_was_looked_at_is_not_made_twice(operators, wish):
    plan = operators(wish).look(wish)
    operators(wish).reconcile(wish)

    with pytest.raises(Overtaken):
        operators(wish).backend.apply(plan.to_do)


@pytest.mark.parametrize("published_wish", [layout(around=PRODUCTION), workflow(around=PRODUCTION)])
def test_production_takes_what_is_published_and_nothing_else(double, published_wish):
    with client_of(double, key=double.world.production_key) as client:
        operator = Operators(client)(published_wish)

        refused = operator.reconcile(published_wish)

    assert reasons(refused) == [Reason.NOT_SUPPORTED]
    assert "NovuPromotion" in refused.refusals[0].sentence
    assert writes(double) == []


def test_a_resource_for_production_can_go_without_touching_what_was_published(double, operators):
    written = workflow()
    operators(written).reconcile(written)
    double.world.sites.production.workflows.update(double.world.sites.development.workflows)
    leaving = workflow(around=replace(PRODUCTION, is_leaving=True))

    with client_of(double, key=double.world.production_key) as client:
        plan = Operators(client)(leaving).delete(leaving)

    assert plan.is_empty
    assert "welcome" in double.world.sites.production.workflows


def test_every_call_is_read_by_the_client(double, operators):
    use_every_call(operators.client)

    assert double.breaches == []
    assert len({each.asked.method for each in double.exchanges}) == 5


def test_every_exchange_is_as_published(double, operators):
    path = os.environ.get(PUBLISHED)
    if path is None:
        pytest.skip(f"{PUBLISHED} names no file: Novu's OpenAPI document is not part of this")
    document = published(Path(path))

    use_every_call(operators.client)

    breaches = [
        breach
        for each in double.exchanges
        for breach in document.breaches(each)
        if each.told.status != 422 or " 422" in breach  # that was asked wrongly on purpose
    ]
    assert breaches == []
