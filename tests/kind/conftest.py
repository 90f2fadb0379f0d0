"""The cluster, who pays in it, and what is proved after each test."""

from __future__ import annotations

import os

import pytest

from tests.kind.cluster import ROOT, Cluster, CommandFailed
from tests.kind.payments import CLIENT, Door, Payments, operator_key, party
from tests.kind.platform import await_whole, run_job

CONTEXT = os.environ.get("GOPHERPAY_TEST_KIND")
TEST_SECONDS = 900
LOG_LINES = 60
OUTCOMES = pytest.StashKey[list]()

CLIENT_POD = """
apiVersion: v1
kind: Pod
metadata: {name: client, labels: {app.kubernetes.io/name: client}}
spec:
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: 1
  nodeSelector: {node-role.kubernetes.io/control-plane: ""} # the other machine is drained
  securityContext:
    runAsNonRoot: true
    runAsUser: 10001
    runAsGroup: 10001
    fsGroup: 10001
    seccompProfile: {type: RuntimeDefault}
  containers:
    - name: client
      image: IMAGE
      imagePullPolicy: IfNotPresent
      command: [tini, --, sleep, infinity]
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities: {drop: [ALL]}
      resources: {requests: {cpu: 10m, memory: 64Mi}, limits: {memory: 256Mi}}
      volumeMounts:
        - {name: client, mountPath: /client, readOnly: true}
        - {name: tmp, mountPath: /tmp}
  volumes:
    - {name: client, configMap: {name: client}}
    - {name: tmp, emptyDir: {sizeLimit: 256Mi}}
"""


def pytest_collection_modifyitems(items):
    """Skip without a cluster; with one, let each test take its time and none be repeated."""
    for item in items:
        if item.path.parent.name != "kind":
            continue
        item.add_marker(pytest.mark.timeout(TEST_SECONDS))
        if CONTEXT is None:
            item.add_marker(pytest.mark.skip(reason="scripts/kind-test runs it in a cluster"))


@pytest.fixture(scope="session")
def cluster():
    """Return the cluster in which scripts/kind-up has just installed everything."""
    return Cluster(
        context=CONTEXT,
        namespace=os.environ["GOPHERPAY_TEST_KIND_NAMESPACE"],
        image=os.environ["GOPHERPAY_TEST_KIND_IMAGE"],
        newer_image=os.environ["GOPHERPAY_TEST_KIND_NEWER_IMAGE"],
    )


@pytest.fixture(scope="session")
def door(cluster):
    """Return the way to the Service, through a pod that is no part of the platform."""
    script = ROOT / "tests" / "kind" / "client.py"
    cluster.kubectl("delete", "configmap", CLIENT, "--ignore-not-found")
    cluster.kubectl("delete", "pod", CLIENT, "--ignore-not-found")
    cluster.kubectl("create", "configmap", CLIENT, f"--from-file={script}")
    cluster.kubectl("apply", "-f", "-", given=CLIENT_POD.replace("IMAGE", cluster.image))
    cluster.kubectl("wait", "--for=condition=Ready", f"pod/{CLIENT}", "--timeout=90s")
    yield Door(cluster)
    cluster.kubectl("delete", "pod/client", "configmap/client", "--ignore-not-found")


@pytest.fixture(scope="session")
def treasury(cluster):
    """Return a key that may put money in."""
    await_whole(cluster)
    return operator_key(cluster)


@pytest.fixture(scope="session")
def payments(cluster, door, treasury):
    """Return four people who pay each other when they are told to."""
    names = ("Ada", "Grace", "Edsger", "Barbara")
    return Payments(cluster, [party(cluster, door, treasury, name) for name in names])


@pytest.fixture(autouse=True)
def books(cluster, payments):
    """Begin with a whole platform; in the end nothing is lost or doubled, and the books are right.

    Lost and doubled is what the client's own record says, not what the platform remembers.
    """
    await_whole(cluster)
    yield
    await_whole(cluster)
    assert "The books are right" in run_job(cluster, "verification")
    missing, doubled = payments.missing_and_doubled()
    assert (missing, doubled) == ([], [])


@pytest.fixture
def record_outcome(request):
    """Return the way to say what paying people have seen; it is printed at the end."""
    lines = request.config.stash.setdefault(OUTCOMES, [])

    def record(what, outcome):
        lines.append(
            f"{what}: {outcome['acknowledged']} acknowledged; failed without retries "
            f"{outcome['failed_at_first']}, with retries {len(outcome['unresolved'])}; "
            f"the longest took {outcome['longest_seconds']:.1f} s; {outcome['failures']}"
        )

    return record


def pytest_terminal_summary(terminalreporter, config):
    """Print what paying people have seen."""
    for line in config.stash.get(OUTCOMES, []):
        terminalreporter.write_line(line)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    """Add the state of the cluster to the report of what failed."""
    report = yield
    if report.failed and "cluster" in getattr(item, "funcargs", {}):
        for title, text in state_of(item.funcargs["cluster"]):
            report.sections.append((title, text))
    return report


def state_of(cluster):
    """Yield what somebody wants to see who asks why it failed."""
    for title, command in (
        ("pods", ("get", "pods", "--output=wide")),
        ("RayService", ("get", "rayservice/gopherpay", "--output=jsonpath={.status}")),
        ("events", ("get", "events", "--sort-by=.lastTimestamp")),
    ):
        yield title, _said(cluster, *command)
    for component in ("head", "worker", "migration", "verification"):
        select = f"--selector=app.kubernetes.io/component={component}"
        logs = ("logs", select, "--all-containers", "--prefix", f"--tail={LOG_LINES}")
        yield f"logs of {component}", _said(cluster, *logs)


def _said(cluster, *command):
    try:
        return "\n".join(cluster.kubectl(*command, seconds=30).splitlines()[-LOG_LINES * 3 :])
    except CommandFailed as error:
        return str(error)
