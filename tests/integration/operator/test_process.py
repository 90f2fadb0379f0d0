"""The process: how it begins, what it writes when nothing is new, how it ends."""

from __future__ import annotations

import httpx
import pytest

from tests.fixtures.operator import Operator
from tests.integration.operator.resources import address, changed, create
from tests.integration.operator.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("operator")]

LEASE = "/apis/coordination.k8s.io/v1/namespaces/{}/leases/gopherpay-operator"
NOBODY_LISTENS = "127.0.0.1:1"


@pytest.fixture
def operator(kubeconfig, tmp_path, namespace):
    """Return an operator for the namespace, not started."""
    made = Operator(kubeconfig, tmp_path, namespace=[namespace], lease_namespace=namespace)
    yield made
    made.end()


@pytest.fixture
def connection(cluster, namespace, samples):
    """Return the address of a connection whose Secret is not there."""
    changes = {
        "spec.bootstrapServers": [NOBODY_LISTENS],
        "spec.tls": ...,
        "spec.adminTimeout": "1s",
    }
    sample = changed(samples["KafkaConnection"], changes)
    answer = create(cluster, namespace, sample)
    assert answer.status_code == 201, answer.text
    return address("KafkaConnection", namespace, answer.json()["metadata"]["name"])


def reason(cluster, path):
    """Return the reason of Ready, empty before it is there."""
    conditions = cluster.get(path).json().get("status", {}).get("conditions", [])
    return next((each["reason"] for each in conditions if each["type"] == "Ready"), "")


def secret(namespace, name, **values):
    """Return a Secret."""
    return {"metadata": {"name": name, "namespace": namespace}, "stringData": values}


def test_it_becomes_ready_and_ends_when_it_is_told_to(cluster, namespace, operator):
    # given
    operator.start()

    # when, then
    assert operator.get("/healthz").status_code == httpx.codes.OK
    assert operator.get("/readyz").status_code == httpx.codes.OK
    assert cluster.get(LEASE.format(namespace)).json()["spec"]["holderIdentity"]
    assert operator.stop() == 0
    assert cluster.get(LEASE.format(namespace)).json()["spec"]["holderIdentity"] == ""


def test_a_pass_that_finds_nothing_new_writes_nothing(cluster, connection, operator):
    # given
    operator.start()
    until(lambda: reason(cluster, connection) == "DependencyMissing")
    before = cluster.get(connection).json()
    operator.stop()

    # when
    for _ in range(3):
        operator.start()
        operator.wait_for(lambda: operator.metric("reconcile_total", kind="KafkaConnection"))
        assert operator.stop() == 0

    # then
    assert cluster.get(connection).json() == before


def test_only_our_status_is_ours(cluster, connection, operator):
    # given
    operator.start()

    # when
    until(lambda: reason(cluster, connection))

    # then
    metadata = cluster.get(connection).json()["metadata"]
    ours = [each for each in metadata["managedFields"] if each["manager"] == "gopherpay-operator"]
    assert [(each["operation"], each["subresource"]) for each in ours] == [("Apply", "status")]
    assert set(ours[0]["fieldsV1"]) == {"f:status"}
    assert "annotations" not in metadata
    assert "finalizers" not in metadata


def test_a_secret_that_comes_later_is_noticed(cluster, namespace, samples, connection, operator):
    # given
    operator.start()
    until(lambda: reason(cluster, connection) == "DependencyMissing")
    name = samples["KafkaConnection"]["spec"]["sasl"]["secretRef"]["name"]

    # when
    body = secret(namespace, name, username="operator", password="x")
    cluster.post(f"/api/v1/namespaces/{namespace}/secrets", json=body)

    # then
    until(lambda: reason(cluster, connection) != "DependencyMissing")
    assert operator.metric("reference_watches") == 1


def test_a_secret_that_goes_is_noticed(cluster, namespace, samples, connection, operator):
    # given
    name = samples["KafkaConnection"]["spec"]["sasl"]["secretRef"]["name"]
    body = secret(namespace, name, username="operator", password="x")
    cluster.post(f"/api/v1/namespaces/{namespace}/secrets", json=body)
    operator.start()
    until(lambda: reason(cluster, connection) not in {"", "DependencyMissing"})

    # when
    cluster.delete(f"/api/v1/namespaces/{namespace}/secrets/{name}")

    # then
    until(lambda: reason(cluster, connection) == "DependencyMissing")


def test_nothing_is_watched_for_a_connection_that_is_gone(cluster, connection, operator):
    # given
    operator.start()
    operator.wait_for(lambda: operator.metric("reference_watches") == 1)

    # when
    cluster.delete(connection)

    # then
    operator.wait_for(lambda: operator.metric("reference_watches") == 0)
    operator.wait_for(lambda: operator.metric("managed_objects") == 0)


def test_whoever_loses_the_lease_ends(cluster, namespace, operator):
    # given
    operator.start()
    spec = {"holderIdentity": "another", "renewTime": "2026-01-01T00:00:00.000000Z"}

    # when
    cluster.patch(
        LEASE.format(namespace),
        headers={"Content-Type": "application/merge-patch+json"},
        json={"spec": spec},
    )

    # then
    assert operator.wait() == 3
    assert cluster.get(LEASE.format(namespace)).json()["spec"]["holderIdentity"] == "another"


def test_without_an_api_server_it_is_alive_and_not_ready(api_server, tmp_path):
    # given
    path = api_server.kubeconfig()
    path.write_text(path.read_text().replace(api_server.url, f"https://{NOBODY_LISTENS}"))
    operator = Operator(path, tmp_path, namespace=["team"])

    # when
    try:
        operator.start(until="operator.started")

        # then
        assert operator.get("/healthz").status_code == httpx.codes.OK
        assert operator.get("/readyz").status_code == httpx.codes.SERVICE_UNAVAILABLE
        assert operator.stop() == 0
    finally:
        operator.end()


def test_a_token_that_is_refused_is_waited_out(api_server, tmp_path):
    # given
    operator = Operator(api_server.kubeconfig("wrong"), tmp_path, namespace=["team"])

    # when
    try:
        operator.start(until="kind.not_listed")

        # then
        assert operator.get("/healthz").status_code == httpx.codes.OK
        assert operator.get("/readyz").status_code == httpx.codes.SERVICE_UNAVAILABLE
        assert operator.stop() == 0
    finally:
        operator.end()
