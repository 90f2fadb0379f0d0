"""The release of the platform in the cluster: installed, changed, whole, and its books."""

from __future__ import annotations

import uuid

from tests.kind.cluster import ROOT, CommandFailed

VALUES = ROOT / "helm" / "gopherpay" / "values-kind.yaml"
CHART = ROOT / "helm" / "gopherpay"


def install(cluster, image, *options, chart=CHART, values=VALUES):
    """Install the chart, or change what is installed to *image* and *options*."""
    repository, _, tag = image.rpartition(":")
    cluster.helm(
        "upgrade",
        "--install",
        "gopherpay",
        str(chart),
        f"--values={values}",
        f"--set=image.repository={repository},image.tag={tag}",
        *options,
    )


def is_whole(cluster):
    """Tell whether what was asked for runs, and nothing else is on its way."""
    services = cluster.get("rayservices")["items"]
    return _serves(cluster, services[0]) if services else _is_deployed(cluster)


def _is_deployed(cluster):
    """Tell whether the platform in one pod is as it was asked for, and alone."""
    deployment = cluster.get("deployment/gopherpay")
    status = deployment["status"]
    return (
        status.get("observedGeneration") == deployment["metadata"]["generation"]
        and status.get("updatedReplicas") == status.get("readyReplicas") == 1
        and len(cluster.pods("platform")) == 1
        and not cluster.get("rayclusters")["items"]
    )


def _serves(cluster, service):
    """Tell whether the cluster of Ray that *service* describes is there, and no other."""
    status = service.get("status", {})
    conditions = {found["type"]: found["status"] for found in status.get("conditions", ())}
    return (
        status.get("observedGeneration") == service["metadata"]["generation"]
        and conditions.get("Ready") == "True"
        and conditions.get("UpgradeInProgress") == "False"
        and _are_ready(cluster, service, status["activeServiceStatus"])
    )


def _are_ready(cluster, service, active):
    """Tell whether all pods that are wanted are ready, and every deployment of Serve is healthy."""
    wanted = service["spec"]["rayClusterConfig"]["workerGroupSpecs"][0]["replicas"]
    pods = [
        pod
        for component in ("head", "worker")
        for pod in cluster.pods(component)
        if pod["metadata"]["labels"]["ray.io/cluster"] == active["rayClusterName"]
    ]
    states = active.get("applicationStatuses", {}).get("gopherpay", {})
    deployments = states.get("serveDeploymentStatuses", {}).values()
    return (
        len(pods) == 1 + wanted
        and all(is_ready(pod) for pod in pods)
        and states.get("status") == "RUNNING"
        and all(deployment["status"] == "HEALTHY" for deployment in deployments)
    )


def is_ready(pod):
    """Tell whether a pod says that it is ready."""
    conditions = pod["status"].get("conditions", ())
    return any(found["type"] == "Ready" and found["status"] == "True" for found in conditions)


def await_whole(cluster):
    """Wait until the platform is whole."""
    cluster.until(lambda: is_whole(cluster), "the platform is whole")


def await_one_cluster(cluster, image):
    """Wait until the new cluster of Ray serves, with *image*, and the old one is gone."""
    await_whole(cluster)
    cluster.until(lambda: len(cluster.get("rayclusters")["items"]) == 1, "the old one is gone")
    assert image_of(cluster) == image


def image_of(cluster):
    """Return the image of all pods of Ray that serve."""
    (image,) = {
        container["image"]
        for component in ("head", "worker")
        for pod in cluster.pods(component)
        for container in pod["spec"]["containers"]
    }
    return image.removeprefix("docker.io/library/")


def run_job(cluster, cron_job, seconds=240):
    """Run what a CronJob does now, and return what it prints.

    Raises:
        CommandFailed: If the job fails; the message is what it printed.
    """
    name = f"{cron_job}-{uuid.uuid4().hex[:8]}"
    cluster.kubectl("create", "job", name, f"--from=cronjob/gopherpay-{cron_job}")
    end = cluster.until(lambda: _end_of(cluster, name), f"the job {name} has ended", seconds)
    printed = cluster.kubectl("logs", f"job/{name}", "--all-containers")
    cluster.kubectl("delete", "job", name)
    if end != "Complete":
        raise CommandFailed(f"{name}: {printed}")
    return printed


def _end_of(cluster, name):
    conditions = cluster.get(f"job/{name}")["status"].get("conditions", ())
    ends = [found["type"] for found in conditions if found["status"] == "True"]
    return next((end for end in ends if end in {"Complete", "Failed"}), None)


def query(cluster, statement):
    """Return the rows that psql finds, each a list of texts."""
    printed = cluster.kubectl(
        "exec",
        "postgres-0",
        "--",
        *("psql", "-U", "postgres", "-d", "gopherpay", "-AtX", "-F", "|", "-c", statement),
    )
    return [line.split("|") for line in printed.splitlines()]
