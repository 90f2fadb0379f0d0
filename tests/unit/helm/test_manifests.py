"""The manifests for development: restricted as well, and what the chart's values for kind name."""

from __future__ import annotations

import pytest
import yaml

from tests.doubles.novu.world import World
from tests.unit.helm import looking
from tests.unit.helm.rendering import ROOT

FOLDER = ROOT / "k8s" / "development"
FOUND = [
    each
    for path in sorted(FOLDER.glob("*.yaml"))
    for each in yaml.safe_load_all(path.read_text("utf-8"))
]
KIND = yaml.safe_load((ROOT / "helm" / "gopherpay" / "values-kind.yaml").read_text("utf-8"))


def named(kind):
    return {each["metadata"]["name"]: each for each in looking.of_kind(FOUND, kind)}


def test_their_pods_are_restricted():
    pods = dict(looking.pod_templates(FOUND))

    assert len(pods) == 4
    assert {
        place: looking.loosened(pod) for place, pod in pods.items() if looking.loosened(pod)
    } == {}


@pytest.mark.parametrize("version", looking.KUBERNETES_VERSIONS)
def test_they_fit_the_schemas_of_kubernetes(version):
    assert looking.misfits(FOUND, version) == []


def test_the_values_for_kind_find_their_servers():
    host, port = KIND["kafka"]["bootstrapServers"].split(":")
    (service_port,) = named("Service")[host]["spec"]["ports"]

    assert service_port["port"] == int(port)
    assert KIND["resources"]["postgres"]["connection"] in named("PostgresConnection")
    assert KIND["resources"]["kafka"]["connection"] in named("KafkaConnection")
    assert int(port) in KIND["networkPolicy"]["kafka"]["ports"]


def test_the_values_for_kind_find_redis():
    redis = KIND["ray"]["redis"]
    host, port = redis["address"].split(":")
    (service_port,) = named("Service")[host]["spec"]["ports"]

    assert service_port["port"] == int(port)
    assert "password" in named("Secret")[redis["existingSecret"]]["stringData"]


def test_the_values_for_kind_find_the_stand_in_for_novu():
    novu = named("NovuConnection")["development"]["spec"]
    host, port = novu["apiUrl"].removeprefix("http://").split(":")
    (service_port,) = named("Service")[host]["spec"]["ports"]
    secret = named("Secret")["novu"]["stringData"]

    assert novu["apiUrl"] == KIND["novu"]["url"]
    assert service_port["port"] == int(port)
    assert int(port) in KIND["networkPolicy"]["novu"]["ports"]
    assert KIND["resources"]["novu"]["connection"] in named("NovuConnection")
    assert KIND["novu"]["existingSecret"] == novu["apiKeySecretRef"]["name"] == "novu"
    assert secret[novu["apiKeySecretRef"]["key"]] == World().secret_key


def test_the_connections_name_services_and_secrets_that_are_there():
    postgres = named("PostgresConnection")["development"]["spec"]
    kafka = named("KafkaConnection")["development"]["spec"]

    assert postgres["host"] in named("Service")
    assert postgres["adminSecretRef"]["name"] in named("Secret")
    assert {each.split(":")[0] for each in kafka["bootstrapServers"]} <= named("Service").keys()
