"""One API server for all tests of the operator, with the definitions of the chart."""

from __future__ import annotations

import itertools
import time

import pytest

from tests.fixtures import kubernetes
from tests.integration.operator.resources import (
    CRDS,
    DEFINITIONS,
    SAMPLES,
    apply,
    documents,
)

ESTABLISHED_SECONDS_MAX = 60
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def api_server(tmp_path_factory):
    """Yield a running API server, or skip with the reason."""
    if reason := kubernetes.missing():
        pytest.skip(reason)
    server = kubernetes.ApiServer(tmp_path_factory.mktemp("kubernetes"))
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def cluster(api_server):
    """Return a client of an API server that knows all kinds."""
    client = api_server.client
    for document in documents(CRDS):
        answer = apply(client, f"{DEFINITIONS}/{document['metadata']['name']}", document)
        assert answer.is_success, answer.text
    wait_for(lambda: len(_served(client)) == len(documents(CRDS)))
    return client


def _served(client):
    """Return the plurals that the server serves."""
    answer = client.get("/apis/gopherpay.dev/v1alpha1")
    names = [each["name"] for each in answer.json().get("resources", ())] if answer else ()
    return [name for name in names if "/" not in name]


def wait_for(condition):
    """Return as soon as *condition* holds."""
    deadline = time.monotonic() + ESTABLISHED_SECONDS_MAX
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.1)


@pytest.fixture
def namespace(cluster):
    """Return the name of a fresh namespace."""
    name = f"test-{next(_numbers)}"
    answer = cluster.post("/api/v1/namespaces", json={"metadata": {"name": name}})
    assert answer.status_code == 201, answer.text
    return name


@pytest.fixture
def samples():
    """Return one resource of each kind, by kind."""
    return {document["kind"]: document for document in documents(SAMPLES)}
