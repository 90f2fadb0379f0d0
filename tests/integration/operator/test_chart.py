"""What the operator's chart renders is accepted by a real API server, and does what it says."""

from __future__ import annotations

import json
import subprocess
import sys
from http import HTTPStatus
from pathlib import Path

import pytest

from gopherpay_operator.reconcilers.migration_jobs import job
from gopherpay_operator.resources.catalogue import KINDS
from gopherpay_operator.resources.migrations import DatabaseMigrationSpec
from gopherpay_operator.resources.policies import FINALIZER
from tests.integration.operator.resources import ROOT, address, apply
from tests.integration.operator.waiting import until
from tests.unit.helm.rendering import documents, helm, of_kind, pod_templates, render

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("operator")]

CHART = "gopherpay-operator"
SNAPSHOTS = sorted((ROOT / "tests" / "unit" / "helm" / "snapshots").glob(f"{CHART}-*.yaml"))
NAMESPACES = ("prod", "payments", "ledger")
NOT_SERVED = {"ServiceMonitor", "PrometheusRule"}
"""Kinds whose definitions belong to Prometheus' operator, which is not here."""

APIS = {
    "ClusterRole": ("/apis/rbac.authorization.k8s.io/v1", "clusterroles"),
    "ClusterRoleBinding": ("/apis/rbac.authorization.k8s.io/v1", "clusterrolebindings"),
    "Deployment": ("/apis/apps/v1", "deployments"),
    "Job": ("/apis/batch/v1", "jobs"),
    "NetworkPolicy": ("/apis/networking.k8s.io/v1", "networkpolicies"),
    "Role": ("/apis/rbac.authorization.k8s.io/v1", "roles"),
    "RoleBinding": ("/apis/rbac.authorization.k8s.io/v1", "rolebindings"),
    "Service": ("/api/v1", "services"),
    "ServiceAccount": ("/api/v1", "serviceaccounts"),
    "ValidatingAdmissionPolicy": (
        "/apis/admissionregistration.k8s.io/v1",
        "validatingadmissionpolicies",
    ),
    "ValidatingAdmissionPolicyBinding": (
        "/apis/admissionregistration.k8s.io/v1",
        "validatingadmissionpolicybindings",
    ),
}
NAMESPACED = {
    "Deployment",
    "Job",
    "NetworkPolicy",
    "Role",
    "RoleBinding",
    "Service",
    "ServiceAccount",
}
KAFKA = {
    "apiVersion": "gopherpay.dev/v1alpha1",
    "kind": "KafkaConnection",
    "metadata": {"name": "main"},
    "spec": {"bootstrapServers": ["kafka.example:9092"], "securityProtocol": "PLAINTEXT"},
}
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}
PEOPLE = {"Impersonate-User": "jane", "Impersonate-Group": "system:masters"}
COLLECTOR = {
    "Impersonate-User": "system:serviceaccount:kube-system:generic-garbage-collector",
    "Impersonate-Group": "system:masters",
}


def path_of(document):
    """Return where the object *document* is."""
    api, plural = APIS[document["kind"]]
    metadata = document["metadata"]
    place = f"/namespaces/{metadata['namespace']}" if "namespace" in metadata else ""
    return f"{api}{place}/{plural}/{metadata['name']}"


def made(client, name, labels=None):
    """Make a namespace if it is not there."""
    body = {"metadata": {"name": name, "labels": labels or {}}}
    answer = client.post("/api/v1/namespaces", json=body)
    assert answer.status_code in {HTTPStatus.CREATED, HTTPStatus.CONFLICT}, answer.text


@pytest.fixture(scope="module", autouse=True)
def ready(cluster):
    """Wait until the server answers for every kind: definitions may just have been installed."""
    for kind in KINDS:
        until(lambda kind=kind: cluster.get(address(kind, "default")).is_success)


@pytest.mark.parametrize("snapshot", SNAPSHOTS, ids=lambda path: path.stem)
def test_every_object_is_accepted_as_it_is(cluster, snapshot):
    for name in NAMESPACES:
        made(cluster, name)

    for document in documents(snapshot.read_text(encoding="utf-8")):
        if document["kind"] in NOT_SERVED:
            continue
        answer = apply(cluster, path_of(document), document, dryRun="All")
        assert answer.is_success, (document["kind"], answer.text)
        assert "warning" not in answer.headers, answer.headers["warning"]


def test_helm_installs_changes_and_removes_it(cluster, kubeconfig, namespace):
    def change(verb, *values):
        assert helm(["change", str(kubeconfig), namespace, verb, CHART, *values]) == [None]

    def objects():
        """Return what there is of the release, without what Helm keeps for itself."""
        places = [api for kind, api in APIS.items() if kind in NAMESPACED]
        return {
            (plural, each["metadata"]["name"])
            for api, plural in places
            for each in cluster.get(f"{api}/namespaces/{namespace}/{plural}").json()["items"]
            if each["metadata"].get("labels", {}).get("app.kubernetes.io/instance") == CHART
        }

    change("install", {"clusterName": "test"})
    first = objects()
    change("upgrade", {"clusterName": "test", "networkPolicy": {"enabled": False}})
    second = objects()
    change("uninstall")

    assert first - second == {("networkpolicies", CHART)}
    assert {plural for plural, _ in second} == {
        "deployments", "roles", "rolebindings", "services", "serviceaccounts",
    }  # fmt: skip
    until(lambda: objects() == set())


def migration_pod():
    sample = ROOT / "k8s" / "samples" / "databasemigration.yaml"
    [document] = documents(sample.read_text(encoding="utf-8"))
    spec = DatabaseMigrationSpec.model_validate(document["spec"])
    return job("ledger-1", "ledger", spec)["spec"]["template"]["spec"]


def pods():
    """Return every pod spec that the chart or the operator makes, by its origin."""
    found = {"migration": migration_pod()}
    for path in SNAPSHOTS:
        rendered = documents(path.read_text(encoding="utf-8"))
        found |= {f"{path.stem} {name}": each["spec"] for name, each in pod_templates(rendered)}
    return found


@pytest.mark.parametrize("spec", pods().values(), ids=pods())
def test_a_restricted_namespace_accepts_every_pod(cluster, namespace, spec):
    labels = {"metadata": {"labels": RESTRICTED}}
    answer = cluster.patch(
        f"/api/v1/namespaces/{namespace}",
        headers={"Content-Type": "application/merge-patch+json"},
        content=json.dumps(labels),
    )
    assert answer.is_success, answer.text
    pod = {"metadata": {"name": "probe"}, "spec": spec}
    unsafe = {"metadata": {"name": "probe"}, "spec": {**spec, "hostNetwork": True}}
    pods = f"/api/v1/namespaces/{namespace}/pods"
    strict = {"dryRun": "All", "fieldValidation": "Strict"}

    accepted = cluster.post(pods, params=strict, json=pod)
    refused = cluster.post(pods, params=strict, json=unsafe)

    assert accepted.status_code == HTTPStatus.CREATED, accepted.text
    assert "restricted" in refused.json()["message"]


@pytest.fixture
def protected(cluster, namespace):
    """Return a namespace whose connections the chart's policy protects."""
    values = {
        "clusterName": "test",
        "namespaces": [namespace],
        "fullnameOverride": namespace,
        "connectionProtection": {"enabled": "Always"},
    }
    policies = [each for each in render(CHART, values) if "Admission" in each["kind"]]
    for document in policies:
        answer = apply(cluster, path_of(document), document)
        assert answer.is_success, answer.text
    yield namespace
    for document in policies:
        cluster.delete(path_of(document))


def use(client, namespace, users):
    """Make a connection that *users* resources use."""
    place = address("KafkaConnection", namespace)
    answer = client.post(place, json=KAFKA)
    assert answer.status_code in {HTTPStatus.CREATED, HTTPStatus.CONFLICT}, answer.text
    status = {"apiVersion": KAFKA["apiVersion"], "kind": KAFKA["kind"], "status": {"users": users}}
    answer = apply(client, f"{place}/main/status", status)
    assert answer.is_success, answer.text
    return f"{place}/main"


def is_refused(client, path, who=PEOPLE):
    """Tell whether *who* may not delete what is at *path*; nothing is deleted."""
    answer = client.delete(path, params={"dryRun": "All"}, headers=who)
    assert answer.status_code in {HTTPStatus.OK, HTTPStatus.FORBIDDEN}, answer.text
    return answer.status_code == HTTPStatus.FORBIDDEN


def test_a_connection_that_is_used_cannot_be_deleted(cluster, protected):
    path = use(cluster, protected, users=2)
    until(lambda: is_refused(cluster, path))

    refusal = cluster.delete(path, headers=PEOPLE)

    assert refusal.status_code == HTTPStatus.FORBIDDEN
    assert "used by 2 resources, which could not be looked after" in refusal.json()["message"]
    assert cluster.get(path).is_success
    assert not is_refused(cluster, path, COLLECTOR)


def test_a_connection_that_nobody_uses_can_be_deleted(cluster, protected):
    until(lambda: is_refused(cluster, use(cluster, protected, users=1)))
    path = use(cluster, protected, users=0)

    answer = cluster.delete(path, headers=PEOPLE)

    assert answer.status_code == HTTPStatus.OK, answer.text


def test_a_namespace_takes_connections_that_are_used_along(api_server, cluster, protected):
    if not api_server.has_controllers:
        pytest.skip("there is no kube-controller-manager, which ends namespaces")
    path = use(cluster, protected, users=1)
    until(lambda: is_refused(cluster, path))

    cluster.delete(f"/api/v1/namespaces/{protected}")

    until(lambda: cluster.get(path).status_code == HTTPStatus.NOT_FOUND, seconds=120)


def rules():
    """Return what the chart's Role allows."""
    roles = of_kind(render(CHART, {"clusterName": "test"}), "Role")
    [role] = [each for each in roles if "lease" not in each["metadata"]["name"]]
    return role["rules"]


def test_what_waits_for_the_operator_is_listed_with_the_rights_of_the_operator(
    api_server, cluster, namespace
):
    kubeconfig = api_server.account(namespace, "guard", rules())
    program = Path(sys.executable).with_name("gopherpay-operator")

    def held():
        command = [program, "held", f"--kubeconfig={kubeconfig}", f"--namespace={namespace}"]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)

    before = held()
    document = {**KAFKA, "metadata": {"name": "main", "finalizers": [FINALIZER]}}
    answer = cluster.post(address("KafkaConnection", namespace), json=document)
    assert answer.status_code == HTTPStatus.CREATED, answer.text
    after = held()

    assert (before.returncode, before.stdout) == (0, ""), before.stderr
    assert (after.returncode, after.stdout) == (1, f"KafkaConnection {namespace}/main\n")
    assert "deletionPolicy Retain" in after.stderr
