"""Integrations: credentials are sent when they are others, and stand nowhere else."""

from dataclasses import replace

import pytest

from gopherpay_operator.backends.ports import Rejected
from gopherpay_operator.plans.actions import Reason
from gopherpay_operator.plans.novu import Credentials
from tests.contracts.operator.novu import API_KEY, Operators, client_of, integration
from tests.doubles.novu.faults import Fault
from tests.doubles.novu.server import novu_double
from tests.doubles.novu.sites import PRODUCTION_ID

INBOX = {
    "channel": "in_app",
    "provider": "novu",
    "wants_hmac": True,
    "credentials": Credentials({"hmac": True}, "print-hmac"),
}


@pytest.fixture
def double():
    with novu_double() as running:
        yield running


@pytest.fixture
def operators(double):
    with client_of(double) as client:
        yield Operators(client)


def found(double, name="mailer"):
    return double.world.sites.development.integrations[name]


def credentials(double, name="mailer"):
    return double.world.sites.credentials[found(double, name)["_id"]]


def test_credentials_are_sent_again_only_when_they_are_others(double, operators):
    wish = integration()
    operator = operators(wish)
    operator.reconcile(wish)
    rotated = integration(secret="SG.rotated-key")

    same, other = operator.look(wish), operator.reconcile(rotated)

    assert same.is_empty
    assert [each.sentence for each in other.actions] == [
        "Send the credentials of integration 'mailer' in Novu."
    ]
    assert credentials(double) == {"apiKey": "SG.rotated-key"}


def test_after_a_restart_the_status_says_which_credentials_were_sent(operators):
    wish = integration()
    operators(wish).reconcile(wish)
    restarted = replace(wish, believed=wish.credentials.fingerprint)

    assert operators(restarted).look(restarted).is_empty
    assert not operators(wish).look(wish).is_empty


def test_no_credential_stands_in_a_plan_or_in_a_repr(operators):
    wish = integration()

    plan = operators(wish).reconcile(wish)

    assert API_KEY not in repr(plan) + " ".join(plan.sentences) + repr(wish)


def test_what_novu_says_of_a_refusal_is_told_without_credentials(double, operators):
    wish = integration()
    said = b'{"statusCode": 400, "message": "Key SG.very-secret-key-of-the-provider is bad"}'
    double.faults.plan(Fault(status=400, body=said), method="POST")

    with pytest.raises(Rejected) as refused:
        operators(wish).reconcile(wish)

    assert "Key *** is bad" in str(refused.value)
    assert API_KEY not in str(refused.value)


def test_a_credential_that_novu_does_not_know_is_refused_and_not_left_out(double, operators):
    wish = integration(credentials=Credentials({"api_key": API_KEY}, "print"))

    with pytest.raises(Rejected, match="'api_key'") as refused:
        operators(wish).reconcile(wish)

    assert API_KEY not in str(refused.value)
    assert double.world.sites.development.integrations == {}


def test_credentials_that_are_no_text_are_sent_as_what_they_are(double, operators):
    clear = {"secure": "true", "tlsOptions": '{"rejectUnauthorized": true}', "port": "25"}
    wish = integration(provider="nodemailer", credentials=Credentials(clear, "print"))

    operators(wish).reconcile(wish)

    options = {"rejectUnauthorized": True}
    assert credentials(double) == {"secure": True, "tlsOptions": options, "port": "25"}


def test_only_what_is_wanted_becomes_the_primary_one(double, operators):
    first, second = integration("first"), integration("second", is_primary=True)
    for wish in (first, second):
        operator = operators(wish)
        operator.reconcile(wish)
        assert operator.look(wish).is_empty

    assert (found(double, "first")["primary"], found(double, "second")["primary"]) == (False, True)


@pytest.mark.parametrize("masks", [True, False])
def test_an_inbox_without_proof_of_who_reads_it_is_brought_back(double, operators, masks):
    double.world.sites.masks_credentials = masks
    wish = integration("inbox", **INBOX)
    operator = operators(wish)
    operator.reconcile(wish)
    credentials(double, "inbox")["hmac"] = False

    assert not operator.look(wish).is_empty
    operator.reconcile(wish)

    assert credentials(double, "inbox")["hmac"] is True
    assert operator.look(wish).is_empty


def test_an_integration_of_that_name_in_the_other_environment_is_not_meant(double, operators):
    theirs = integration(around=replace(integration().around, environment_id=PRODUCTION_ID))
    with client_of(double, key=double.world.production_key) as production:
        Operators(production)(theirs).reconcile(theirs)
    ours = integration(document={"title": "Ours", "active": True, "conditions": []})

    operators(ours).reconcile(ours)

    there = double.world.sites.production.integrations["mailer"]
    assert there["name"].startswith("Mailer")
    assert found(double)["name"].startswith("Ours")


def test_which_of_several_is_meant_is_not_guessed(double, operators):
    known = integration()
    operators(known).reconcile(known)
    with client_of(double, key=double.world.production_key) as production:
        theirs = replace(known, around=replace(known.around, environment_id=PRODUCTION_ID))
        Operators(production)(theirs).reconcile(theirs)
    unknown = replace(known, around=replace(known.around, environment_id=None))

    with pytest.raises(Rejected, match="Several environments"):
        operators(unknown).look(unknown)


def test_another_provider_under_the_same_identifier_is_refused(operators):
    wish = integration()
    operators(wish).reconcile(wish)
    other = integration(provider="mailgun")

    refused = operators(other).reconcile(other)

    assert [each.reason for each in refused.refusals] == [Reason.IMMUTABLE]
    assert "sendgrid" in refused.refusals[0].sentence
