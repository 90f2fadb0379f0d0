"""What the operator needs, and how soon it reacts, on a real API server, Kafka and Postgres.

``scripts/bench operator`` prints a Markdown table; it starts and removes all it needs, and takes
about four minutes.  ``KUBEBUILDER_ASSETS`` names the API server's programs.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from serve_app.embedded.ports import free_port
from serve_app.embedded.postgres import DURABLE_SETTINGS, EmbeddedPostgres
from tests.benchmarks.tables import table
from tests.fixtures import kubernetes
from tests.fixtures.kafka import broker
from tests.fixtures.postgres import UNSAFE_BUT_FAST
from tests.integration.operator import outside
from tests.integration.operator.fragile import Fragile
from tests.integration.operator.outages import Administrator, killed
from tests.integration.operator.resources import install_definitions
from tests.integration.operator.running import Running
from tests.integration.operator.waiting import until
from tests.integration.operator.world import Team, conditions

IDLE_TOPICS, IDLE_ROLES = 70, 28  # with two connections, a hundred resources
IDLE_SECONDS = 60
MANY = 500
SECRET_ROUNDS = 10
PASSWORD_KEY = "password"
READY_SECONDS_MAX = 600


@dataclass(frozen=True, slots=True)
class Ground:
    """All that runs."""

    api_server: Any
    kafka: Fragile
    server: outside.Server
    team: Team
    operator: Running


def prepare(stack):
    """Return what is measured, started."""
    folder = Path(tempfile.mkdtemp(prefix="gopherpay-bench-"))
    folder.chmod(0o711)
    stack.callback(shutil.rmtree, folder)
    (folder / "kubernetes").mkdir()
    api_server = kubernetes.ApiServer(folder / "kubernetes")
    stack.callback(api_server.stop)
    api_server.start()
    install_definitions(api_server.client)
    kafka = Fragile(stack.enter_context(broker()))
    server = _postgres(stack, folder)
    team = Team(Administrator(api_server), "default")
    operator = Running(api_server.kubeconfig(), folder / "operator", [team])
    stack.callback(operator.stop)
    operator.start()
    outside.connect_kafka(team, kafka.bootstrap_servers)
    outside.connect_postgres(team, server.port)
    team.until("KafkaConnection", "events")
    team.until("PostgresConnection", "ledger")
    return Ground(api_server, kafka, server, team, operator)


def _postgres(stack, folder):
    postgres = EmbeddedPostgres(
        folder / "postgres",
        port=free_port(),
        log_file=folder / "postgres.log",
        settings={**DURABLE_SETTINGS, **UNSAFE_BUT_FAST},
    )
    stack.callback(postgres.stop)
    postgres.start()
    server = outside.Server(postgres)
    outside.make_admin(server)
    return server


def idle(ground):
    """Yield what a hundred resources cost when nothing happens."""
    names = {
        "EventTopic": [f"idle-{number}" for number in range(IDLE_TOPICS)],
        "PostgresRole": [f"idle-{number}" for number in range(IDLE_ROLES)],
    }
    for kind, listed in names.items():
        for name in listed:
            ground.team.apply(kind, name)
        for name in listed:
            ground.team.until(kind, name, seconds=READY_SECONDS_MAX)
    before = ground.operator.cpu_seconds()
    time.sleep(IDLE_SECONDS)
    used = ground.operator.cpu_seconds() - before
    yield "CPU of 100 idle resources", f"{100 * used / IDLE_SECONDS:.2f} %", "1 %"
    yield "memory of 100 idle resources", f"{ground.operator.memory_mib():.0f} MiB", "150 MiB"


def many(ground):
    """Yield how long five hundred topics take, and what they cost."""
    names = [f"many-{number}" for number in range(MANY)]
    items = [ground.team.document("EventTopic", name) for name in names]
    before_mib = ground.operator.memory_mib()
    began = time.monotonic()
    _kubectl_apply(ground, {"apiVersion": "v1", "kind": "List", "items": items})
    applied = time.monotonic()
    until(lambda: not set(names) - _ready(ground.team), seconds=READY_SECONDS_MAX)
    seconds = time.monotonic() - began
    growth = ground.operator.memory_mib() - before_mib
    yield f"kubectl apply of {MANY} topics", f"{applied - began:.1f} s", ""
    yield f"until {MANY} topics are Ready", f"{seconds:.1f} s", "120 s"
    yield f"growth of memory by {MANY} topics", f"{growth:.0f} MiB", "150 MiB"


def _kubectl_apply(ground, document):
    program = Path(os.environ[kubernetes.VARIABLE]) / "kubectl"
    command = [program, f"--kubeconfig={ground.api_server.kubeconfig()}", "apply", "-f", "-"]
    subprocess.run(
        [*command, "--server-side"],
        input=json.dumps(document),
        text=True,
        check=True,
        stdout=subprocess.DEVNULL,
    )


def _ready(team):
    return {
        each["metadata"]["name"]
        for each in team.list("EventTopic")
        if conditions(each).get("Ready", {}).get("status") == "True"
    }


def secrets(ground):
    """Yield how soon another password in a Secret lets people in."""
    team = ground.team
    team.write_secret("reach", password="the-first-of-many-passwords")
    spec = {"login": True, "password": {"secretRef": {"name": "reach"}}}
    team.apply("PostgresRole", "reach", spec)
    team.until("PostgresRole", "reach")
    taken = []
    for number in range(SECRET_ROUNDS):
        password = f"another-of-many-passwords-{number}"
        began = time.monotonic()
        team.write_secret("reach", **{PASSWORD_KEY: password})
        until(lambda password=password: ground.server.lets_in("reach", password))
        taken.append(time.monotonic() - began)
    told = f"median {median(taken):.2f} s, most {max(taken):.2f} s"
    yield f"a Secret's change reaches its role ({SECRET_ROUNDS} times)", told, "5 s"


def outages(ground):
    """Yield how soon all are Ready after an outage, and what it took."""
    team, operator = ground.team, ground.operator
    names = [f"idle-{number}" for number in range(IDLE_TOPICS)]
    calls = operator.calls("kafka")
    with ground.kafka.stopped():
        for name in names:
            team.ask_for_a_pass("EventTopic", name)
        for name in names:
            team.until("EventTopic", name, status="False", seconds=READY_SECONDS_MAX)
    began = time.monotonic()
    until(lambda: set(names) <= _ready(team), seconds=READY_SECONDS_MAX)
    seconds = time.monotonic() - began
    yield f"{len(names)} topics Ready after the broker is back", f"{seconds:.1f} s", "60 s"
    yield "calls of Kafka by that outage", f"{operator.calls('kafka') - calls:.0f}", ""

    calls = operator.calls("kafka")
    with killed(ground.api_server):
        pass
    began = time.monotonic()
    for name in names:
        team.apply("EventTopic", name, {"partitions": 2})
    for name in names:
        team.until("EventTopic", name, seconds=READY_SECONDS_MAX)
    seconds = time.monotonic() - began
    yield (
        f"{len(names)} topics changed and Ready after the API server is back",
        (f"{seconds:.1f} s"),
        "60 s",
    )
    yield "calls of Kafka by that outage", f"{operator.calls('kafka') - calls:.0f}", ""


MEASURES = {"idle": idle, "many": many, "secrets": secrets, "outages": outages}


def main(names):
    """Measure what is named, or everything, and print it as a table."""
    if reason := kubernetes.missing():
        sys.exit(reason)
    wanted = names or list(MEASURES)
    if "outages" in wanted and "idle" not in wanted:
        wanted = ["idle", *wanted]
    with ExitStack() as stack:
        ground = prepare(stack)
        rows = [row for name in wanted for row in MEASURES[name](ground)]
    print(table(("what", "measured", "bound"), rows))  # noqa: T201 - a command speaks by printing


if __name__ == "__main__":
    main(sys.argv[1:])
