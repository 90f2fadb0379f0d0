"""The RayService: closed by a token, drained in time, and the same on head and workers."""

from __future__ import annotations

import pytest
import yaml

from serve_app.app import build
from serve_app.kuberay import PORTS
from tests.unit.helm.releases import CHART, objects, ray_of, ray_pods, rendered
from tests.unit.helm.rendering import ROOT


def test_only_who_has_the_token_speaks_to_ray():
    config = ray_of(rendered()["values-ha"])["rayClusterConfig"]

    assert config["authOptions"] == {"mode": "token", "secretName": "demo-gopherpay-ray-token"}
    assert config["rayVersion"] == "2.60.0"


def test_the_chart_names_the_ray_that_is_locked():
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    version = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))["ray"]["version"]

    assert f"\nray=={version} " in lock


def test_pods_have_the_time_to_drain():
    drain_seconds = 90
    for pod in ray_pods(objects({"ray": {"drainSeconds": drain_seconds}})).values():
        (container,) = pod["spec"]["containers"]
        names = {each["name"]: each.get("value") for each in container["env"]}

        assert names["RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S"] == str(drain_seconds)
        assert pod["spec"]["terminationGracePeriodSeconds"] >= drain_seconds + 30


def test_head_and_workers_start_the_same_way():
    commands = [
        (container["command"], pod["metadata"]["annotations"]["ray.io/overwrite-container-cmd"])
        for pod in ray_pods(rendered()["defaults"]).values()
        for container in pod["spec"]["containers"]
    ]

    assert commands == [(["python", "-m", "serve_app.kuberay"], "true")] * 2


def test_the_head_runs_none_of_our_processes():
    spec = ray_of(rendered()["values-ha"])
    serve = yaml.safe_load(spec["serveConfigV2"])
    (application,) = serve["applications"]

    assert spec["rayClusterConfig"]["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    assert all(each["ray_actor_options"]["num_cpus"] > 0 for each in application["deployments"])
    assert spec["excludeHeadPodFromServeSvc"] is True


def test_every_worker_has_its_own_process_for_http():
    spec = ray_of(rendered()["values-ha"])
    (application,) = yaml.safe_load(spec["serveConfigV2"])["applications"]
    ingress = {each["name"]: each for each in application["deployments"]}["Ingress"]

    assert ingress["num_replicas"] == spec["rayClusterConfig"]["workerGroupSpecs"][0]["replicas"]
    assert ingress["max_replicas_per_node"] == 1


@pytest.mark.parametrize("name", ["defaults", "values-ha", "managed-values"])
def test_serve_is_told_of_exactly_the_deployments_that_there_are(name, monkeypatch):
    found = rendered()[name]
    (container,) = ray_pods(found)["head"]["spec"]["containers"]
    for variable in container["env"]:
        if "value" in variable:
            monkeypatch.setenv(variable["name"], variable["value"])
    monkeypatch.setenv("GOPHERPAY_POSTGRES_URL", "postgresql://127.0.0.1:1/x")
    (application,) = yaml.safe_load(ray_of(found)["serveConfigV2"])["applications"]

    assert {each["name"] for each in application["deployments"]} == set(deployments(build()))


def deployments(application):
    """Yield the names of the deployments below *application*, as Serve would find them."""
    bound = application._bound_deployment  # noqa: SLF001 - Serve has no public way to ask
    yield bound.name
    for argument in bound.init_args:
        for each in argument if isinstance(argument, list) else [argument]:
            if hasattr(each, "_bound_deployment"):
                yield from deployments(each)


def test_serve_listens_where_our_haproxy_looks_for_it():
    serve = yaml.safe_load(ray_of(rendered()["defaults"])["serveConfigV2"])

    assert serve["http_options"]["port"] == PORTS.ray_http
    assert serve["proxy_location"] == "EveryNode"


def test_a_head_that_keeps_its_state_asks_for_a_password():
    options = ray_of(rendered()["values-ha"])["rayClusterConfig"]["gcsFaultToleranceOptions"]

    assert options["redisAddress"] == "redis.redis.svc:6379"
    assert options["redisPassword"]["valueFrom"]["secretKeyRef"]["name"] == "gopherpay-redis"
