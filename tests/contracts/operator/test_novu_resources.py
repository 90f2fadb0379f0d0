"""Resources of Novu from what people write to what stands in Novu and in their status."""

import json

import pytest

from gopherpay_operator.backends.ports import DependencyMissing, Rejected
from gopherpay_operator.engine.ports import Key
from tests.contracts.operator.novu_cluster import CONNECTION_REF, NAMESPACE, NovuCluster
from tests.doubles.novu.server import novu_double

API_KEY = "SG.very-secret-key"
MAIL = {
    "stepId": "mail",
    "name": "Mail",
    "type": "email",
    "controlValues": {"subject": "You got {{payload.amount}}", "editorType": "html"},
    "bodyFrom": {"name": "texts", "key": "mail"},
}
INBOX = {
    "stepId": "inbox",
    "name": "Inbox",
    "type": "in_app",
    "controlValues": {"body": "You got it", "data": {"id": "1"}},
}
WORKFLOW = {**CONNECTION_REF, "name": "Got", "steps": [MAIL, INBOX], "tags": ["pay"]}


@pytest.fixture
def double():
    with novu_double() as running:
        yield running


@pytest.fixture
async def cluster(double):
    made = NovuCluster(double)
    made.config_maps["texts"] = {"mail": "<p>You got it</p>"}
    await made.reconcile(made.connect())
    yield made
    made.close()


def writes(double):
    return [each.asked.path for each in double.exchanges if each.asked.method != "GET"]


async def test_a_connection_says_which_environment_it_is(cluster):
    status = await cluster.reconcile(cluster.connect())

    assert status["observed"]["environmentId"] == cluster.double.world.sites.development.id
    assert status["observed"]["identifier"] == "app-dev"
    assert await cluster.condition(cluster.connect()) == ("True", "Reachable")


async def test_what_is_left_of_the_limit_is_no_news_by_itself(cluster, double):
    before = await cluster.reconcile(cluster.connect())
    double.world.tokens = 50

    after = await cluster.reconcile(cluster.connect())

    assert after["observed"] == before["observed"]


@pytest.mark.parametrize("shows_keys", [True, False])
async def test_a_key_of_the_other_environment_is_not_taken(cluster, double, shows_keys):
    double.world.sites.shows_keys = shows_keys
    key = cluster.connect("prod", "Production", double.world.secret_key)

    assert await cluster.condition(key) == ("False", "EnvironmentMismatch")


async def test_where_novu_does_not_say_whose_the_key_is_the_connection_is_believed(cluster, double):
    double.world.sites.shows_keys = double.world.sites.knows_me = False
    key = cluster.connect("prod", "Production", double.world.production_key)

    assert await cluster.condition(key) == ("True", "Reachable")
    assert await cluster.condition(key, "EnvironmentMatch") == ("Unknown", "NotSaid")


async def test_a_workflow_comes_to_be_with_its_bodies_and_stays_untouched(cluster, double):
    key = cluster.apply("NovuWorkflow", "got", WORKFLOW)
    first = await cluster.reconcile(key)
    double.exchanges.clear()
    second = await cluster.reconcile(key)
    cluster.restart()
    third = await cluster.reconcile(key)

    steps = double.world.sites.development.workflows["got"]["steps"]
    assert steps[0]["controlValues"]["body"] == "<p>You got it</p>"
    assert steps[1]["controlValues"]["data"] == {"id": "1"}
    assert (first["observed"]["steps"], first["observed"]["workflowStatus"]) == (2, "ACTIVE")
    assert second["observed"] == third["observed"] == first["observed"]
    assert await cluster.condition(key) == ("True", "Ready")
    assert await cluster.condition(key, "ContentMatch") == ("True", "AsWritten")
    assert writes(double) == []


async def test_a_body_that_changes_in_its_config_map_reaches_novu_whatever_drift_does(
    cluster, double
):
    key = cluster.apply("NovuWorkflow", "got", {**WORKFLOW, "driftPolicy": "Report"})
    await cluster.reconcile(key)
    cluster.config_maps["texts"] = {"mail": "<p>Better</p>"}

    await cluster.reconcile(key)

    steps = double.world.sites.development.workflows["got"]["steps"]
    assert steps[0]["controlValues"]["body"] == "<p>Better</p>"
    assert Key("ConfigMap", NAMESPACE, "texts") in cluster.needs(key)


async def test_a_workflow_waits_for_its_config_map(cluster):
    cluster.config_maps.clear()
    key = cluster.apply("NovuWorkflow", "got", WORKFLOW)

    assert await cluster.condition(key, "DependenciesReady") == ("False", "DependencyMissing")


async def test_drift_that_is_only_reported_is_seen_again_after_it_was_seen(cluster, double):
    key = cluster.apply("NovuWorkflow", "got", {**WORKFLOW, "driftPolicy": "Report"})
    await cluster.reconcile(key)
    double.world.sites.development.workflows["got"]["name"] = "Others"

    seen = [await cluster.condition(key, "ContentMatch") for _ in range(2)]

    assert seen == [("False", "Differs")] * 2
    assert double.world.sites.development.workflows["got"]["name"] == "Others"


async def test_a_workflow_that_novu_cannot_use_is_not_ready(cluster):
    schema = {"type": "object", "properties": {}, "additionalProperties": False}
    step = {**INBOX, "controlValues": {"body": "{{payload.sum}}"}}
    spec = {**WORKFLOW, "steps": [step], "payloadSchema": {**schema, "properties": {"a": {}}}}
    key = cluster.apply("NovuWorkflow", "got", spec)

    assert await cluster.condition(key) == ("False", "Invalid")
    assert await cluster.condition(key, "Valid") == ("False", "HasIssues")


async def test_a_claim_of_a_resource_that_is_gone_is_taken_over(cluster):
    spec = {**WORKFLOW, "externalName": "got"}
    old = cluster.apply("NovuWorkflow", "old", spec)
    await cluster.reconcile(old)
    cluster.forget(old)

    new = cluster.apply("NovuWorkflow", "new", spec)

    assert await cluster.condition(new) == ("True", "Ready")


async def test_of_two_resources_for_one_topic_one_owns_it(cluster):
    spec = {**CONNECTION_REF, "name": "News", "externalName": "news"}
    first = cluster.apply("NovuTopic", "first", spec)
    second = cluster.apply("NovuTopic", "second", spec)
    await cluster.reconcile(first)

    assert await cluster.condition(second) == ("False", "Conflict")
    assert await cluster.condition(first) == ("True", "Ready")


async def test_a_topic_that_ends_without_its_name_being_confirmed_stays(cluster, double):
    spec = {**CONNECTION_REF, "name": "News", "deletionPolicy": "Delete"}
    key = cluster.apply("NovuTopic", "news", spec)
    await cluster.reconcile(key)
    cluster.end(key)

    blocked = await cluster.condition(key, "DeletionBlocked")

    assert blocked == ("True", "DestroyNotAllowed")
    assert "news" in double.world.sites.development.topics


async def test_a_layout_is_filled_from_a_config_map(cluster, double):
    cluster.config_maps["texts"]["frame"] = "<html>{{content}}</html>"
    content = {"configMapKeyRef": {"name": "texts", "key": "frame"}}
    key = cluster.apply("NovuLayout", "frame", {**CONNECTION_REF, "name": "F", "content": content})

    assert await cluster.condition(key) == ("True", "Ready")
    values = double.world.sites.development.layouts["frame"]["controls"]["values"]
    assert values["email"] == {"body": "<html>{{content}}</html>", "editorType": "html"}


async def test_an_integration_has_its_credentials_from_a_secret_and_shows_none(cluster, double):
    cluster.secrets["sendgrid"] = {"token": API_KEY.encode(), "other": b"no"}
    named = {"name": "sendgrid", "mapping": {"apiKey": "token"}}
    spec = {**CONNECTION_REF, "name": "Mailer", "providerId": "sendgrid", "channel": "email"}
    key = cluster.apply("NovuIntegration", "mailer", {**spec, "credentialsSecretRef": named})
    first = await cluster.reconcile(key)
    double.exchanges.clear()
    cluster.restart()
    again = await cluster.reconcile(key)
    unchanged = writes(double)
    cluster.secrets["sendgrid"]["token"] = b"SG.rotated"
    rotated = await cluster.reconcile(key)

    sites = double.world.sites
    identifier = sites.development.integrations["mailer"]["_id"]
    assert sites.credentials[identifier] == {"apiKey": "SG.rotated"}
    assert unchanged == []
    assert first["observed"] == again["observed"] != rotated["observed"]
    assert API_KEY not in json.dumps([first, again, rotated]) + repr(cluster.outcomes)
    assert await cluster.condition(key, "CredentialsApplied") == ("True", "Sent")
    assert Key("Secret", NAMESPACE, "sendgrid") in cluster.needs(key)


async def test_inboxes_demand_proof_unless_the_connection_says_otherwise(cluster, double):
    spec = {**CONNECTION_REF, "name": "Inbox", "providerId": "novu", "channel": "in_app"}
    key = cluster.apply("NovuIntegration", "inbox", spec)
    await cluster.reconcile(key)

    sites = double.world.sites
    assert list(sites.credentials.values()) == [{"hmac": True}]
    cluster.connect(enforceInboxHmac=False)
    assert await cluster.condition(key, "CredentialsApplied") == ("Unknown", "LeftAsTheyAre")


PROMOTION = {
    "sourceRef": {"name": "dev"},
    "targetRef": {"name": "prod"},
    "resources": {"all": True},
    "mode": "OnApproval",
}


@pytest.fixture
async def both(cluster, double):
    key = cluster.connect("prod", "Production", double.world.production_key)
    await cluster.reconcile(key)
    await cluster.reconcile(cluster.apply("NovuWorkflow", "got", WORKFLOW))
    return cluster


async def test_a_promotion_is_published_once_when_its_plan_was_agreed_to(both, double):
    sites = double.world.sites
    key = both.apply("NovuPromotion", "out", PROMOTION)
    shown = await both.reconcile(key)
    assert await both.condition(key) == ("False", "AwaitingApproval")
    wrong = both.apply("NovuPromotion", "out", {**PROMOTION, "approvedPlanHash": "sha256:other"})
    assert await both.condition(wrong) == ("False", "AwaitingApproval")
    assert sites.production.workflows == {}

    agreed = {**PROMOTION, "approvedPlanHash": shown["observed"]["planHash"]}
    both.apply("NovuPromotion", "out", agreed)
    published = await both.reconcile(key)

    assert await both.condition(key) == ("True", "UpToDate")
    assert sites.published == 1
    assert list(sites.production.workflows) == ["got"]
    assert published["observed"]["lastPublishedHash"] == shown["observed"]["planHash"]
    assert shown["plannedActions"][0]["message"] == "Add workflow 'got' in the target."


async def test_agreement_is_worth_nothing_once_the_source_is_another_one(both, double):
    key = both.apply("NovuPromotion", "out", PROMOTION)
    shown = await both.reconcile(key)
    double.world.sites.development.workflows["got"]["updatedAt"] = "2030-01-01T00:00:00.000Z"
    agreed = {**PROMOTION, "approvedPlanHash": shown["observed"]["planHash"]}
    both.apply("NovuPromotion", "out", agreed)

    assert await both.condition(key) == ("False", "AwaitingApproval")
    assert double.world.sites.published == 0


async def test_a_promotion_in_mode_auto_publishes_and_one_in_mode_plan_never_does(both, double):
    plan = both.apply("NovuPromotion", "plan", {**PROMOTION, "mode": "Plan"})
    assert await both.condition(plan) == ("True", "Planned")
    assert double.world.sites.published == 0

    auto = both.apply("NovuPromotion", "auto", {**PROMOTION, "mode": "Auto"})

    assert await both.condition(auto, "Published") == ("True", "Published")
    assert await both.condition(plan) == ("True", "UpToDate")


async def test_only_what_is_named_is_published(both, double):
    await both.reconcile(both.apply("NovuWorkflow", "other", WORKFLOW))
    named = {**PROMOTION, "mode": "Auto", "resources": {"workflows": ["other"]}}

    await both.reconcile(both.apply("NovuPromotion", "out", named))

    assert list(double.world.sites.production.workflows) == ["other"]


async def test_a_workflow_is_not_published_without_the_layout_that_it_needs(both):
    content = {"inline": "<html>{{content}}</html>"}
    await both.reconcile(
        both.apply("NovuLayout", "frame", {**CONNECTION_REF, "name": "F", "content": content})
    )
    mail = {**MAIL, "controlValues": {**MAIL["controlValues"], "layoutId": "frame"}}
    await both.reconcile(both.apply("NovuWorkflow", "got", {**WORKFLOW, "steps": [mail]}))
    without = {**PROMOTION, "mode": "Auto", "resources": {"workflows": ["got"]}}
    key = both.apply("NovuPromotion", "out", without)

    assert await both.condition(key) == ("False", "PlaceMissing")

    both.apply("NovuPromotion", "out", {**PROMOTION, "mode": "Auto"})
    assert await both.condition(key, "Published") == ("True", "Published")


async def test_a_promotion_waits_for_both_connections(cluster):
    key = cluster.apply("NovuPromotion", "out", PROMOTION)

    with pytest.raises(DependencyMissing, match="prod"):
        await cluster.reconcile(key)


async def test_a_promotion_into_its_own_environment_is_refused(cluster, double):
    same = cluster.connect("prod", "Development", double.world.secret_key)
    await cluster.reconcile(same)

    with pytest.raises(Rejected, match="same environment"):
        await cluster.reconcile(cluster.apply("NovuPromotion", "out", PROMOTION))


async def test_a_novu_whose_keys_may_not_compare_says_so(both, double):
    double.world.sites.keys_are_scoped = True

    with pytest.raises(Exception, match="scoped to a single environment"):
        await both.reconcile(both.apply("NovuPromotion", "out", PROMOTION))
