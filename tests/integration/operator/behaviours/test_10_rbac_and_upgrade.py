"""Behaviour 10: it needs no more rights than it is shipped with, and bears another version."""

from __future__ import annotations

import copy
import json

import pytest

from tests.integration.operator.outside import ADMIN, connect_kafka, connect_novu, connect_postgres
from tests.integration.operator.resources import CRDS, DEFINITIONS, apply, documents, plural
from tests.integration.operator.waiting import until
from tests.integration.operator.world import conditions
from tests.unit.helm.rendering import of_kind, pod_templates, render

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("operator")]

ROTATED = {"generate": {"rotation": {"interval": "720h", "strategy": "DualRole"}}}
MIGRATION = {"targetRevision": "0001", "job": {"image": "registry.example/gopherpay:0.1.0"}}


@pytest.fixture
def chart(teams):
    """Return a team and what the chart renders for its namespace."""
    [team] = teams(1)
    values = {"clusterName": "tests", "namespaces": [team.namespace]}
    return team, render("gopherpay-operator", values, namespace=team.namespace)


def account(api_server, rendered):
    """Return a kubeconfig of the account that the chart renders, with its rights."""
    [named] = of_kind(rendered, "ServiceAccount")
    core, rights = "/api/v1", "/apis/rbac.authorization.k8s.io/v1"
    for each in rendered:
        if each["kind"] in {"ServiceAccount", "Role", "RoleBinding"}:
            group = core if each["kind"] == "ServiceAccount" else rights
            place = f"{group}/namespaces/{each['metadata']['namespace']}/{plural(each['kind'])}"
            answer = apply(api_server.client, f"{place}/{each['metadata']['name']}", each)
            assert answer.is_success, answer.text
    name, namespace = named["metadata"]["name"], named["metadata"]["namespace"]
    place = f"{core}/namespaces/{namespace}/serviceaccounts/{name}/token"
    answer = api_server.client.post(place, json={"spec": {}})
    assert answer.is_success, answer.text
    return api_server.kubeconfig(answer.json()["status"]["token"], namespace)


def test_it_does_everything_with_exactly_the_role_of_the_chart(
    chart, api_server, operators, broker_address, server, novu, free_name
):
    team, rendered = chart
    assert of_kind(rendered, "ClusterRole") == of_kind(rendered, "ClusterRoleBinding") == []
    kubeconfig = account(api_server, rendered)
    connect_kafka(team, broker_address)
    connect_postgres(team, server.port)
    connect_novu(team, novu)
    secret = {"name": free_name, "database": "postgres"}
    wishes = {
        "EventTopic": {"deletionPolicy": "Delete", "dataLossGuard": "None"},
        "PostgresRole": {
            "login": True, "password": ROTATED, "connectionSecretTemplate": secret,
            "deletionPolicy": "Delete",
        },
        "NovuTopic": {},
    }  # fmt: skip

    operator = operators([team], kubeconfig=kubeconfig, has_lease=True)

    for kind, spec in wishes.items():
        team.apply(kind, free_name, spec)
    for kind in wishes:
        team.until(kind, free_name)
        until(lambda kind=kind: team.reasons(kind, free_name))
    credentials = team.read_secret(free_name)
    assert server.lets_in(credentials["username"], credentials["password"])
    for kind in wishes:
        team.annotate(kind, free_name, allow_destroy=free_name)
        team.delete(kind, free_name)
        team.until_gone(kind, free_name)
    assert [line for line in operator.lines() if "orbidden" in json.dumps(line)] == []


def test_the_role_reaches_nothing_beyond_its_namespace(chart, api_server, kubectl, other_team):
    team, rendered = chart
    kubeconfig = account(api_server, rendered)

    def may(verb, what, namespace):
        words = ["auth", "can-i", verb, what, "-n", namespace]
        return kubectl(*words, kubeconfig=kubeconfig).stdout.strip() == "yes"

    assert may("get", "secrets", team.namespace)
    for verb, what, namespace in (
        ("get", "secrets", other_team.namespace),
        ("list", "eventtopics.gopherpay.dev", other_team.namespace),
        ("delete", "secrets", team.namespace),
        ("delete", "eventtopics.gopherpay.dev", team.namespace),
        ("create", "eventtopics.gopherpay.dev", team.namespace),
        ("create", "pods", team.namespace),
        ("create", "rolebindings.rbac.authorization.k8s.io", team.namespace),
        ("list", "namespaces", ""),
    ):
        assert not may(verb, what, namespace), (verb, what)


@pytest.fixture
def definitions(cluster):
    """Return a function that applies another version of a definition; the present one returns."""
    present = {each["spec"]["names"]["kind"]: each for each in documents(CRDS)}
    touched = []

    def install(kind, change=lambda _: None):
        document = copy.deepcopy(present[kind])
        [version] = document["spec"]["versions"]
        change(version["schema"]["openAPIV3Schema"]["properties"]["spec"])
        touched.append(kind)
        place = f"{DEFINITIONS}/{document['metadata']['name']}"
        answer = apply(cluster, place, document, force="true")
        assert answer.is_success, answer.text
        wanted = set(version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"])
        until(lambda: served_fields(cluster, kind) == wanted)

    yield install
    for kind in set(touched):
        install(kind)


def served_fields(cluster, kind):
    """Return the fields of the spec of *kind* that the server knows at this moment."""
    schemas = cluster.get("/openapi/v3/apis/gopherpay.dev/v1alpha1").json()["components"]["schemas"]
    return set(schemas[f"dev.gopherpay.v1alpha1.{kind}"]["properties"]["spec"]["properties"])


def older(spec):
    """Take a field away, as if it had come with this version."""
    del spec["properties"]["dataLossGuard"]


def newer(spec):
    """Add a field, as if it came with the next version."""
    spec["properties"]["colour"] = {"type": "string", "maxLength": 16}


def test_live_resources_outlive_an_upgrade_of_their_definition(
    teams, operators, definitions, broker_address, topics, free_name
):
    [team] = teams(1)
    connect_kafka(team, broker_address)
    definitions("EventTopic", older)
    operators([team])
    team.apply("EventTopic", free_name)
    before = team.until("EventTopic", free_name)
    made = topics.id(free_name)
    assert "dataLossGuard" not in before["spec"]

    definitions("EventTopic")

    after = team.read("EventTopic", free_name)
    assert after["spec"]["dataLossGuard"] == "Records"
    assert conditions(after) == conditions(before)
    team.apply("EventTopic", free_name, {"dataLossGuard": "ConsumerLag", "partitions": 2})
    team.until("EventTopic", free_name)
    assert (topics.id(free_name), topics.partitions(free_name)) == (made, 2)


def test_an_older_operator_keeps_what_a_newer_one_was_told(
    teams, operators, definitions, broker_address, topics, free_name
):
    [team] = teams(1)
    connect_kafka(team, broker_address)
    definitions("EventTopic", newer)
    operator = operators([team])
    team.apply("EventTopic", free_name)
    team.until("EventTopic", free_name)
    made = topics.id(free_name)

    team.apply("EventTopic", free_name, {"colour": "green", "partitions": 2})
    told = team.until("EventTopic", free_name, status="False")
    assert "colour" in conditions(told)["Ready"]["message"]
    operator.stop()
    operator.start()
    team.until("EventTopic", free_name, status="False")
    assert (topics.id(free_name), topics.partitions(free_name)) == (made, 1)

    team.apply("EventTopic", free_name, {"partitions": 2})
    team.until("EventTopic", free_name)
    assert (topics.id(free_name), topics.partitions(free_name)) == (made, 2)


@pytest.fixture
def restricted(chart, cluster):
    """Return a team whose namespace takes restricted pods only, and what the chart renders."""
    team, rendered = chart
    answer = cluster.patch(
        f"/api/v1/namespaces/{team.namespace}",
        json={"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}},
        headers={"Content-Type": "application/merge-patch+json"},
    )
    assert answer.is_success, answer.text
    return team, rendered


def test_a_restricted_namespace_takes_all_pods(restricted, operators, cluster, server, free_name):
    team, rendered = restricted
    connect_postgres(team, server.port)
    server.do("CREATE ROLE {name}", name=free_name)
    server.do("GRANT {name} TO {admin}", name=free_name, admin=ADMIN)
    operators([team])
    team.apply("PostgresDatabase", free_name, {"owner": free_name})
    team.apply("DatabaseMigration", free_name, {**MIGRATION, "databaseRef": {"name": free_name}})

    jobs = f"/apis/batch/v1/namespaces/{team.namespace}/jobs"
    until(
        lambda: cluster.get(jobs).json()["items"],
        told=lambda: team.shown("DatabaseMigration", free_name),
    )
    templates = [*pod_templates(rendered), *pod_templates(cluster.get(jobs).json()["items"])]

    assert len(templates) >= 2
    for place, template in templates:
        answer = tried(team, template)
        assert answer.status_code == 201, (place, answer.text)
    rude = {"spec": {"containers": [{"name": "a", "image": "a"}]}}
    assert tried(team, rude).status_code == 403


def tried(team, template):
    """Return the answer to a pod of *template*, which is not made."""
    labels = template.get("metadata", {}).get("labels", {})
    pod = {"metadata": {"name": "tried", "labels": labels}, "spec": template["spec"]}
    path = f"/api/v1/namespaces/{team.namespace}/pods"
    return team.client.post(path, params={"dryRun": "All"}, json=pod)
