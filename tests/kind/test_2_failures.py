"""What is killed while money moves comes back, and nothing is lost or doubled."""

from __future__ import annotations

import pytest

from tests.kind.cluster import kill_processes
from tests.kind.platform import await_whole, is_ready


def end_at_once(cluster, pod):
    """Kill all processes of a pod, and take the pod away: its machine is lost."""
    assert kill_processes(cluster, pod) > 0
    name = pod["metadata"]["name"]
    cluster.kubectl("delete", "pod", name, "--force", "--grace-period=0", "--wait=false")


@pytest.mark.parametrize("component", ["worker", "head"])
def test_a_pod_of_ray_that_is_killed_is_replaced(cluster, payments, component, record_outcome):
    before, *_ = cluster.pods(component)

    with payments.running() as outcome:
        end_at_once(cluster, before)
        cluster.until(
            lambda: (
                {pod["metadata"]["uid"] for pod in cluster.pods(component)}
                - {before["metadata"]["uid"]}
            ),
            "KubeRay has made another pod",
        )
        await_whole(cluster)

    record_outcome(f"kill -9 of the {component}", outcome)
    assert (outcome["unresolved"], outcome["refused"]) == ([], [])
    assert outcome["acknowledged"] > 0


def test_a_postgres_that_is_killed_keeps_its_data(cluster, payments, record_outcome):
    postgres = cluster.get("pod/postgres-0")
    count = postgres["status"]["containerStatuses"][0]["restartCount"]

    with payments.running() as outcome:
        assert kill_processes(cluster, postgres) > 0
        cluster.until(lambda: _has_restarted(cluster, count), "Postgres has been started again")
        await_whole(cluster)

    record_outcome("kill -9 of Postgres", outcome)
    assert (outcome["unresolved"], outcome["refused"]) == ([], [])
    assert outcome["acknowledged"] > 0


def _has_restarted(cluster, count):
    postgres = cluster.get("pod/postgres-0")
    status = postgres["status"]["containerStatuses"][0]
    return status["restartCount"] > count and is_ready(postgres)
