"""What is killed while money moves comes back, and nothing is lost or doubled."""

from __future__ import annotations

from tests.kind.cluster import kill_processes
from tests.kind.platform import await_whole, is_ready


def end_at_once(cluster, pod):
    """Kill all processes of a pod, and take the pod away: its machine is lost."""
    assert kill_processes(pod) > 0
    name = pod["metadata"]["name"]
    cluster.kubectl("delete", "pod", name, "--force", "--grace-period=0", "--wait=false")


def replace(cluster, pod):
    """Kill a pod, and wait until the platform is whole with another one."""
    component = pod["metadata"]["labels"]["app.kubernetes.io/component"]
    end_at_once(cluster, pod)
    cluster.until(
        lambda: set(starts(cluster, component)) - {pod["metadata"]["uid"]},
        "KubeRay has made another pod",
    )
    await_whole(cluster)


def starts(cluster, component):
    """Return how often each pod of a component was started again."""
    return {
        pod["metadata"]["uid"]: pod["status"]["containerStatuses"][0]["restartCount"]
        for pod in cluster.pods(component)
        if "containerStatuses" in pod["status"]
    }


def test_a_worker_that_is_killed_is_replaced(cluster, payments, record_outcome):
    worker, *_ = cluster.pods("worker")

    with payments.running() as outcome:
        replace(cluster, worker)

    record_outcome("kill -9 of the worker", outcome)
    assert (outcome["unresolved"], outcome["refused"]) == ([], [])
    assert outcome["acknowledged"] > 0


def test_a_head_that_is_killed_comes_back_and_no_worker_was_started_again(
    cluster, payments, record_outcome
):
    (head,) = cluster.pods("head")
    workers = starts(cluster, "worker")

    with payments.running() as outcome:
        replace(cluster, head)

    record_outcome("kill -9 of the head, with Redis", outcome)
    assert starts(cluster, "worker") == workers
    assert (outcome["unresolved"], outcome["refused"]) == ([], [])
    assert outcome["acknowledged"] > 0


def test_a_postgres_that_is_killed_keeps_its_data(cluster, payments, record_outcome):
    postgres = cluster.get("pod/postgres-0")
    count = postgres["status"]["containerStatuses"][0]["restartCount"]

    with payments.running() as outcome:
        assert kill_processes(postgres) > 0
        cluster.until(lambda: _has_restarted(cluster, count), "Postgres has been started again")
        await_whole(cluster)

    record_outcome("kill -9 of Postgres", outcome)
    assert not [failure for failure in outcome["failures"] if failure.startswith("500")]
    assert (outcome["unresolved"], outcome["refused"]) == ([], [])
    assert outcome["acknowledged"] > 0


def _has_restarted(cluster, count):
    postgres = cluster.get("pod/postgres-0")
    status = postgres["status"]["containerStatuses"][0]
    return status["restartCount"] > count and is_ready(postgres)
