"""More and fewer processes, and a machine that is drained, while money moves."""

from __future__ import annotations

import json
from contextlib import contextmanager

import pytest

from tests.kind.cluster import CommandFailed
from tests.kind.platform import await_whole, install, query

HELD = (
    "SELECT m.owner, count(*) FROM slots s JOIN shard_members m ON m.owner = s.owner"
    " WHERE m.lease_until > clock_timestamp() GROUP BY m.owner"
)
SLOTS = 1024
WIDE = "--set=ray.workers.replicas=2,shards.place=deployment,shards.replicas=1"


@pytest.fixture(scope="module", autouse=True)
def two_workers(cluster):
    """Give the platform two workers, and its shards processes of their own."""
    await_whole(cluster)
    install(cluster, cluster.image, WIDE)
    await_whole(cluster)


def spread(cluster):
    """Return how many slots each living shard holds, the fewest first."""
    return sorted(int(count) for _, count in query(cluster, HELD))


def test_shards_can_be_more_and_fewer_while_money_moves(cluster, payments, record_outcome):
    cluster.until(lambda: spread(cluster) == [SLOTS], "one shard holds all slots", 180)

    with payments.running() as outcome:
        said = [scale_shards(cluster, count) for count in (3, 1)]
        held = spread(cluster)

    record_outcome("shards from 1 to 3 and back", outcome)
    assert "3 processes, in equal parts" in said[0]
    assert "one process" in said[1]
    assert held == [SLOTS]
    assert (outcome["unresolved"], outcome["refused"]) == ([], [])
    assert outcome["acknowledged"] > 0


def scale_shards(cluster, count):
    """Scale in the head's pod, and return what the command prints when all slots are spread."""
    (head,) = cluster.pods("head")
    pod = ("exec", head["metadata"]["name"], "-c", "ray", "--")
    command = ("gopherpay", "scale", "shards", str(count), "--serve-url", "http://127.0.0.1:8265")
    return " ".join(cluster.kubectl(*pod, *command, seconds=240).split())


def await_budget(cluster):
    """Wait until Kubernetes has seen that both workers are there."""
    cluster.until(
        lambda: cluster.get("pdb/gopherpay-worker")["status"]["disruptionsAllowed"] == 1,
        "the budget knows both workers",
        120,
    )


def evict(cluster, pod):
    """Ask Kubernetes to let a pod go, as kubectl drain does for each pod of a machine."""
    name = pod["metadata"]["name"]
    wish = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": name, "namespace": cluster.namespace},
    }
    path = f"/api/v1/namespaces/{cluster.namespace}/pods/{name}/eviction"
    cluster.kubectl("create", f"--raw={path}", "-f", "-", given=json.dumps(wish))


def test_only_one_worker_may_be_evicted_at_a_time(cluster, payments, record_outcome):
    await_budget(cluster)
    first, second = cluster.pods("worker")

    with payments.running() as outcome:
        evict(cluster, first)
        with pytest.raises(CommandFailed, match="disruption budget"):
            evict(cluster, second)
        cluster.until(
            lambda: (
                first["metadata"]["uid"]
                not in {pod["metadata"]["uid"] for pod in cluster.get("pods")["items"]}
            ),
            "the evicted worker is gone",
        )
        await_whole(cluster)

    record_outcome("eviction of one of two workers", outcome)
    assert (outcome["unresolved"], outcome["refused"]) == ([], [])
    assert outcome["acknowledged"] > 0


def worker_machines(cluster):
    """Return the names of the machines on which workers are."""
    return {pod["spec"]["nodeName"] for pod in cluster.pods("worker")}


@contextmanager
def closed(cluster, machine):
    """Let no new pod come to *machine* while the block runs."""
    cluster.kubectl("cordon", machine)
    try:
        yield
    finally:
        cluster.kubectl("uncordon", machine)


def bring_a_worker_to(cluster, machine):
    """See that a worker runs on *machine*: where pods go is a preference, not a promise."""
    if machine in worker_machines(cluster):
        return
    (other,) = cluster.machines() - {machine}
    with closed(cluster, other):
        evict(cluster, cluster.pods("worker")[0])
        cluster.until(lambda: machine in worker_machines(cluster), f"a worker is on {machine}")
        await_whole(cluster)


def test_a_drained_machine_gives_its_pods_to_the_other(cluster, payments, record_outcome):
    keeper = cluster.get("pod/postgres-0")["spec"]["nodeName"]
    (machine,) = cluster.machines() - {keeper}
    await_budget(cluster)
    bring_a_worker_to(cluster, machine)
    await_budget(cluster)
    there = pods_on(cluster, machine)

    with payments.running() as outcome, closed(cluster, machine):
        drain = ("drain", machine, "--ignore-daemonsets", "--delete-emptydir-data")
        cluster.kubectl(*drain, "--timeout=400s", seconds=420)
        left = pods_on(cluster, machine)
        await_whole(cluster)

    record_outcome(f"drain of a machine with {', '.join(sorted(there))}", outcome)
    assert "worker" in there
    assert left == []
    assert worker_machines(cluster) == {keeper}
    assert (outcome["unresolved"], outcome["refused"]) == ([], [])
    assert outcome["acknowledged"] > 0


def pods_on(cluster, machine):
    """Return the components of the pods of our namespace on *machine* that have not ended."""
    select = f"--field-selector=spec.nodeName={machine},status.phase=Running"
    return [
        pod["metadata"]["labels"].get("app.kubernetes.io/component", pod["metadata"]["name"])
        for pod in cluster.get("pods", select)["items"]
    ]
