"""One API server for all tests of the operator, with the definitions of the chart.

A module has a namespace (`team`), another one (`other_team`), and an `operator` that serves both;
what ends or confuses an operator has teams and operators of its own.
"""

from __future__ import annotations

import itertools
import os
import subprocess
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from tests.doubles.novu.server import novu_double
from tests.fixtures import kubernetes
from tests.fixtures.kafka import broker
from tests.integration.operator import outside
from tests.integration.operator.fragile import Fragile
from tests.integration.operator.gate import Gate
from tests.integration.operator.outages import Administrator
from tests.integration.operator.resources import (
    SAMPLES,
    documents,
    install_definitions,
)
from tests.integration.operator.running import Running
from tests.integration.operator.steady import Steady
from tests.integration.operator.world import Team

TEST_SECONDS_MAX = 400
"""More than all bounds within a test together, so that what fails says what it waited for."""

_numbers = itertools.count(1)


def pytest_collection_modifyitems(items):
    """Give the tests of this folder the time that their own bounds add up to."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(TEST_SECONDS_MAX))


@pytest.fixture(scope="session")
def api_server(tmp_path_factory):
    """Yield a running API server, or skip with the reason."""
    if reason := kubernetes.missing():
        pytest.skip(reason)
    server = kubernetes.server(tmp_path_factory.mktemp("kubernetes"))
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def cluster(api_server):
    """Return a client of an API server that knows all kinds."""
    install_definitions(api_server.client)
    return Administrator(api_server)


@pytest.fixture(scope="session")
def kubeconfig(api_server):
    """Return the administrator's kubeconfig."""
    return api_server.kubeconfig()


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


@pytest.fixture(scope="session")
def kubectl(kubeconfig):
    """Return a function that runs kubectl as an administrator."""
    program = Path(os.environ[kubernetes.VARIABLE]) / "kubectl"
    if not os.access(program, os.X_OK):
        pytest.skip(f"{kubernetes.VARIABLE} has no kubectl")

    def run(*words, stdin=None, kubeconfig=kubeconfig):
        command = [program, f"--kubeconfig={kubeconfig}", *words]
        return subprocess.run(
            command, input=stdin, capture_output=True, text=True, check=False, timeout=90
        )

    return run


@pytest.fixture
def free_name():
    """Return a name that nothing else has, in the cluster or outside."""
    return f"g{os.getpid()}-{next(_numbers)}"


@pytest.fixture(scope="session")
def make_teams(cluster):
    """Return a function that makes teams, each with a fresh namespace."""

    def make(count):
        made = [Team(cluster, f"team-{next(_numbers)}") for _ in range(count)]
        for team in made:
            body = {"metadata": {"name": team.namespace}}
            answer = cluster.post("/api/v1/namespaces", json=body)
            assert answer.status_code == 201, answer.text
        return made

    return make


@pytest.fixture
def teams(make_teams):
    """Return the same; nobody serves their namespaces before the test lets somebody."""
    return make_teams


@contextmanager
def processes(kubeconfig, folder):
    """Yield a function that starts operators; afterwards none may have failed unexpectedly."""
    with ExitStack() as stack:

        def start(teams, *, is_ready=True, kubeconfig=kubeconfig, **settings):
            running = Running(kubeconfig, folder / f"{next(_numbers)}", teams, **settings)
            stack.callback(running.stop)
            running.start(is_ready=is_ready)
            stack.callback(lambda: _check(running))
            return running

        yield start


def _check(running):
    assert running.tracebacks() == []
    assert [line for line in running.lines() if outside.ADMIN_PASSWORD in line] == []


@pytest.fixture
def operators(kubeconfig, tmp_path):
    """Return a function that starts operators for teams, for one test."""
    with processes(kubeconfig, tmp_path) as start:
        yield start


@pytest.fixture(scope="module")
def run_operators(kubeconfig, tmp_path_factory):
    """Return a function that starts operators for teams, for one module."""
    with processes(kubeconfig, tmp_path_factory.mktemp("operators")) as start:
        yield start


@pytest.fixture(scope="module")
def both(make_teams, run_operators):
    """Return the two teams of the module and the operator that serves both."""
    pair = make_teams(2)
    return *pair, run_operators(pair)


@pytest.fixture(scope="module")
def team(both):
    """Return the team of the module, whose namespace its operator serves."""
    return both[0]


@pytest.fixture(scope="module")
def other_team(both):
    """Return the other team of the module, served by the same operator."""
    return both[1]


@pytest.fixture
def operator(both):
    """Return the operator of the module, which stays alive."""
    yield both[2]
    assert both[2].probe("/healthz") == httpx.codes.OK


@pytest.fixture(scope="session")
def topics(kafka):
    """Return the topics of the shared broker, by somebody else's client."""
    return outside.Topics(kafka.bootstrap_servers)


@pytest.fixture(scope="session")
def broker_address(kafka):
    """Return where the shared broker is, which nobody stops."""
    return kafka.bootstrap_servers


@pytest.fixture(scope="session")
def fragile_kafka():
    """Yield a broker that tests may stop, one after the other."""
    with broker() as started:
        yield Fragile(started)


@pytest.fixture(scope="session")
def server(postgres):
    """Return the Postgres server, with the role by which operators sign in."""
    found = outside.Server(postgres)
    outside.make_admin(found)
    return found


@pytest.fixture
def gate(server):
    """Yield a way to Postgres that the test may close."""
    opened = Gate(server.port)
    opened.open()
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def novu():
    """Yield the double of Novu."""
    with novu_double() as double:
        yield double


@pytest.fixture(scope="module")
def events(team, broker_address):
    """Return the name of the team's connection to Kafka."""
    outside.connect_kafka(team, broker_address)
    team.until("KafkaConnection", "events")
    return "events"


@pytest.fixture(scope="module")
def ledger(team, server):
    """Return the name of the team's connection to Postgres."""
    outside.connect_postgres(team, server.port)
    team.until("PostgresConnection", "ledger")
    return "ledger"


@pytest.fixture(scope="module")
def development(team, novu):
    """Return the name of the team's connection to Novu."""
    outside.connect_novu(team, novu)
    team.until("NovuConnection", "development")
    return "development"


@pytest.fixture(scope="session")
def steady(make_teams, kubeconfig, tmp_path_factory, broker_address, server, novu):
    """Yield resources that nobody touches while all the other tests run."""
    [team] = make_teams(1)
    with processes(kubeconfig, tmp_path_factory.mktemp("steady")) as start:
        outside.connect_kafka(team, broker_address, resyncInterval="30s")
        outside.connect_postgres(team, server.port, resyncInterval="30s")
        outside.connect_novu(team, novu, resyncInterval="30s")
        yield Steady(team, start([team], cluster="steady"))
