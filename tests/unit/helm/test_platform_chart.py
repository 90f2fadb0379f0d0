"""The platform's chart: restricted, and refused where it cannot work."""

from __future__ import annotations

import json
import re

import pytest
import yaml

from actors.notifier.fan_out import WORKFLOW_PREFIX
from actors.notifier.kinds import KINDS
from actors.ports.courier import MAIL_WORKFLOWS
from actors.settings import Settings
from actors.store.migrate import expected_revision
from tests.unit.helm import looking
from tests.unit.helm.releases import (
    CHART,
    FILES,
    LEAST,
    merged,
    objects,
    only,
    ray_pods,
    rendered,
    values_of,
)
from tests.unit.helm.rendering import ROOT, helm

SETTINGS = {f"GOPHERPAY_{name.upper()}" for name in Settings.model_fields}


@pytest.fixture(params=FILES)
def release(request):
    """Return the objects of one file of values."""
    return rendered()[request.param]


def test_helm_finds_nothing_wrong():
    reports = helm(*[["lint", "gopherpay", values_of(name)] for name in FILES])

    assert [each for report in reports for each in report["messages"] if each["severity"] > 1] == []


def test_every_pod_is_restricted(release):
    pods = list(looking.pod_templates(release))

    assert len(pods) >= 4
    assert {place: looking.loosened(pod) for place, pod in pods if looking.loosened(pod)} == {}


def test_no_variable_is_named_twice(release):
    assert [looking.repeated(pod) for _, pod in looking.pod_templates(release)].count([]) == len(
        list(looking.pod_templates(release))
    )


def test_every_variable_of_ours_is_a_setting(release):
    names = {
        variable["name"]
        for _, pod in looking.pod_templates(release)
        for container in looking.containers_of(pod)
        for variable in container.get("env", [])
        if variable["name"].startswith("GOPHERPAY_")
    }

    assert names
    assert names <= SETTINGS


@pytest.mark.parametrize("version", looking.KUBERNETES_VERSIONS)
def test_the_objects_fit_the_schemas_of_kubernetes(version):
    assert {
        name: wrong
        for name, found in rendered().items()
        if (wrong := looking.misfits(found, version))
    } == {}


def test_every_object_says_what_it_belongs_to(release):
    for each in release:
        labels = each["metadata"]["labels"]
        assert labels["app.kubernetes.io/instance"] == "demo"
        assert labels["app.kubernetes.io/part-of"] == "gopherpay"


def test_names_are_short_enough_for_what_kuberay_and_cron_add(release):
    assert max(len(each["metadata"]["name"]) for each in release) <= 52


REFUSALS = {
    "no keys": ({"keys": {"existingSecret": ""}}, "keys.existingSecret must name"),
    "keys made in production": (
        {"keys": {"existingSecret": "", "generate": True}},
        "keys.generate=true is for development",
    ),
    "two kinds of keys": ({"keys": {"generate": True}}, "exclude each other"),
    "no address": ({"publicUrl": ""}, "publicUrl must say"),
    "no database": ({"postgres": {"existingSecret": ""}}, "postgres.existingSecret must name"),
    "no connection": (
        {"postgres": {"existingSecret": ""}, "resources": {"enabled": True}},
        "resources.postgres.connection must name",
    ),
    "no brokers": ({"kafka": {"enabled": True}}, "kafka.bootstrapServers must name"),
    "no user at the brokers": (
        {"kafka": {"enabled": True, "bootstrapServers": "kafka:9093"}},
        "kafka.existingSecret must name",
    ),
    "no key of Novu": ({"novu": {"enabled": True}}, "novu.existingSecret must name"),
    "a migration of a database that is not ours": (
        {"migration": {"mode": "DatabaseMigration"}},
        "set resources.enabled=true",
    ),
    "a password of nothing": (
        {"ray": {"redis": {"existingSecret": "redis"}}},
        "ray.redis.address must say",
    ),
    "a drill without dumps": ({"restoreDrill": {"enabled": True}}, "set backup.enabled=true"),
    "an Ingress without a name": ({"ingress": {"enabled": True}}, "ingress.host must be"),
    "an Ingress without TLS": (
        {"ingress": {"enabled": True, "host": "pay.example.com"}},
        "ingress.tlsSecret must name",
    ),
    "a route without a Gateway": ({"httpRoute": {"enabled": True}}, "httpRoute.parentRefs must"),
    "a word that does not exist": ({"colour": "green"}, "colour"),
    "a mode that does not exist": ({"mode": "triple"}, "mode"),
    "an image that is never the same": ({"image": {"tag": "latest"}}, "tag"),
    "half a digest": ({"image": {"digest": "sha256:12"}}, "digest"),
    "no workers": ({"ray": {"workers": {"replicas": 0}}}, "replicas"),
    "no bound on memory": (
        {"ray": {"head": {"resources": {"limits": {"memory": None}}}}},
        "memory",
    ),
    "a port that is none": ({"metrics": {"port": 80}}, "port"),
    "a time that is none": ({"backup": {"schedule": "at night"}}, "schedule"),
}


def test_what_cannot_work_is_refused_with_a_sentence():
    answers = helm(
        *[["rendered", "gopherpay", merged(LEAST, wrong)] for wrong, _ in REFUSALS.values()]
    )
    told = {
        name: answer["refused"] if isinstance(answer, dict) else "not refused"
        for name, answer in zip(REFUSALS, answers, strict=True)
    }

    assert {
        name: told[name] for name, (_, said) in REFUSALS.items() if said not in told[name]
    } == {}


def test_every_value_is_in_the_schema_and_described():
    schema = json.loads((CHART / "values.schema.json").read_text("utf-8"))

    def undescribed(part, values, place=""):
        for name, value in values.items():
            inner = part["properties"][name]
            if "description" not in inner:
                assert isinstance(value, dict), f"{place}{name}"
                assert inner["additionalProperties"] is False
                undescribed(inner, value, f"{place}{name}.")

    undescribed(schema, yaml.safe_load((CHART / "values.yaml").read_text("utf-8")))
    assert schema["additionalProperties"] is False


def test_new_pods_wait_for_the_schema():
    waiting = [
        ray_pods(rendered()["defaults"])["head"],
        only(rendered()["single-values"], "Deployment")["spec"]["template"],
    ]

    assert ["await-schema" in pod["spec"]["initContainers"][0]["command"] for pod in waiting] == [
        True,
        True,
    ]


def test_the_pods_of_the_platform_never_hold_the_owners_address():
    for name in ("defaults", "values-ha", "managed-values", "single-values"):
        for place, pod in looking.pod_templates(rendered()[name]):
            if place.startswith(("RayService", "Deployment")):
                assert "owner" not in json.dumps(pod["spec"]), place


def test_each_image_has_a_migration_of_its_own():
    names = {
        only(objects({"image": {"tag": tag}}), "Job")["metadata"]["name"]
        for tag in ("1.0.0", "1.0.1")
    }

    assert len(names) == 2


def test_the_chart_expects_the_schema_of_the_program():
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text("utf-8"))
    migration = only(rendered()["managed-values"], "DatabaseMigration")

    assert chart["annotations"]["gopherpay.dev/schema-revision"] == expected_revision()
    assert migration["spec"]["targetRevision"] == expected_revision()


def test_one_of_two_workers_may_be_away():
    spec = only(rendered()["defaults"], "PodDisruptionBudget")["spec"]

    assert spec["minAvailable"] == 1


def test_one_worker_has_no_budget_which_could_never_be_kept():
    found = objects({"ray": {"workers": {"replicas": 1}}})

    assert looking.of_kind(found, "PodDisruptionBudget") == []


def test_only_the_api_is_shown_to_the_world():
    (rule,) = only(rendered()["external-values"], "Ingress")["spec"]["rules"]
    (route,) = only(rendered()["single-values"], "HTTPRoute")["spec"]["rules"]

    shown = [each["path"] for each in rule["http"]["paths"]]
    assert shown == [each["path"]["value"] for each in route["matches"]] == ["/v1", "/.well-known"]


def test_a_gateway_strips_what_serve_would_obey():
    (route,) = only(rendered()["single-values"], "HTTPRoute")["spec"]["rules"]
    removed = route["filters"][0]["requestHeaderModifier"]["remove"]

    assert {"x-request-timeout-seconds", "x-request-disconnect-disabled", "x-session-id"} <= set(
        removed
    )


def test_there_is_a_workflow_for_each_message():
    made = {
        each["metadata"]["name"]
        for each in looking.of_kind(rendered()["managed-values"], "NovuWorkflow")
    }
    needed = {WORKFLOW_PREFIX + kind.replace(".", "-") for kind in KINDS}

    assert made == needed | set(MAIL_WORKFLOWS.values())


def test_topics_and_settings_have_the_same_names():
    found = rendered()["managed-values"]
    topics = {each["spec"]["externalName"] for each in looking.of_kind(found, "EventTopic")}

    assert topics == {f"gopherpay.{each}.v1" for each in ("account", "user", "dead-letter")}


def test_the_secrets_that_the_operator_makes_are_those_that_pods_read():
    found = rendered()["managed-values"]
    made = {
        (each["spec"]["connectionSecretTemplate"]["name"], key)
        for each in looking.of_kind(found, "PostgresRole")
        if "connectionSecretTemplate" in each["spec"]
        for key in each["spec"]["connectionSecretTemplate"]["keys"]
    }
    read = set(
        re.findall(r'"name": "(demo-gopherpay-postgres-\w+)", "key": "([\w-]+)"', json.dumps(found))
    )
    read |= {
        (name, key)
        for key, name in re.findall(
            r'"key": "([\w-]+)", "name": "(demo-gopherpay-postgres-\w+)"',
            json.dumps(found, sort_keys=True),
        )
    }

    assert read == made


def test_dashboards_and_alerts_ask_for_figures_that_there_are():
    source = "\n".join(
        (ROOT / path).read_text("utf-8")
        for path in (
            "serve_app/composition.py",
            "serve_app/lag.py",
            "serve_app/http/metrics.py",
            "serve_app/http/pipeline.py",
        )
    )
    found = rendered()["values-ha"]
    asked = json.dumps([only(found, "PrometheusRule"), only(found, "ConfigMap", "-dashboard")])
    names = set(re.findall(r"gopherpay_([a-z_]+)", asked))

    assert len(names) > 8
    for name in names:
        figure = re.sub(r"_(total|bucket)$", "", name)
        assert f'"{figure}"' in source or f'"gopherpay_{figure}"' in source, name


def test_the_digest_wins_over_the_tag():
    (container,) = ray_pods(rendered()["closed-values"])["head"]["spec"]["containers"]

    assert container["image"].startswith("registry.example/gopherpay@sha256:")


def test_only_the_passwords_of_logins_rotate_and_only_where_it_is_asked_for():
    def rotations(found):
        return {
            each["spec"]["externalName"]: each["spec"]["password"]["generate"].get("rotation")
            for each in looking.of_kind(found, "PostgresRole")
            if "password" in each["spec"]
        }

    asked = {"interval": "720h", "gracePeriod": "10m", "strategy": "DualRole"}
    names = {"gopherpay_migrator", "gopherpay_login"}
    unasked = {"resources": {"postgres": {"rotation": {"interval": ""}}}}

    assert rotations(rendered()["managed-values"]) == dict.fromkeys(names, asked)
    assert rotations(objects(unasked, "managed-values")) == dict.fromkeys(names)


@pytest.mark.parametrize("name", ["managed-values", "single-values"])
def test_another_restarted_at_makes_new_pods(name):
    mark = "gopherpay.dev/restarted-at"
    before, after = (
        dict(looking.pod_templates(objects({"restartedAt": text}, name))) for text in ("1", "2")
    )

    rolled = {place for place, pod in after.items() if pod != before[place]}

    assert rolled
    for place in rolled:
        assert after[place]["metadata"]["annotations"][mark] == "2"


@pytest.mark.parametrize("mode", ["rayService", "single"])
def test_the_token_of_ray_is_in_every_release_that_has_made_one(mode):
    token = only(objects({"mode": mode}), "Secret", "-ray-token")

    assert token["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
