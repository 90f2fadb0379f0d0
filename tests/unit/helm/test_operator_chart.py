"""The operator's chart: what Helm makes of it is restricted, has exactly its rights, is current."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import jsonschema
import pytest
import yaml
from typer.main import get_command

from gopherpay_operator.cli.main import app
from gopherpay_operator.observability import metrics
from gopherpay_operator.resources.catalogue import KINDS
from tests.unit.helm.rendering import ROOT, documents, helm, pod_templates
from tests.unit.helm.rendering import of_kind as chosen

NAME = "gopherpay-operator"
CHART = ROOT / "helm" / NAME
SNAPSHOTS = Path(__file__).with_name("snapshots")
VALUES = {
    path.name.removesuffix("-values.yaml"): yaml.safe_load(path.read_text(encoding="utf-8"))
    for path in sorted((CHART / "ci").glob("*.yaml"))
}
SCHEMA = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
RENDERED = {
    name: documents((SNAPSHOTS / f"{NAME}-{name}.yaml").read_text(encoding="utf-8"))
    for name in VALUES
}
EVERYTHING = [
    pytest.param(document, id=f"{name} {index} {document['kind']}")
    for name, objects in RENDERED.items()
    for index, document in enumerate(objects)
]

OURS = {kind.plural for kind in KINDS.values()}
RIGHTS = {
    **{("gopherpay.dev", plural): {"get", "list", "watch", "patch"} for plural in OURS},
    **{("gopherpay.dev", f"{plural}/status"): {"patch"} for plural in OURS},
    ("", "secrets"): {"get", "list", "watch", "create", "patch"},
    ("", "configmaps"): {"get", "list", "watch"},
    ("", "events"): {"create"},
    ("batch", "jobs"): {"get", "list", "watch", "create"},
}
CLUSTER_WIDE = {
    "ClusterRole",
    "ClusterRoleBinding",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
}
WRONG = {
    "a word that does not exist": {"colour": "green"},
    "a word inside that does not exist": {"image": {"colour": "green"}},
    "another type": {"workers": "many"},
    "no workers": {"workers": 0},
    "more than one operator": {"replicas": 2},
    "a name that is no label": {"clusterName": "Production EU"},
    "a digest that is cut off": {"image": {"digest": "sha256:012"}},
    "a namespace twice": {"namespaces": ["pay", "pay"]},
    "a policy that does not exist": {"connectionProtection": {"enabled": True}},
    "an address without its width": {"networkPolicy": {"apiServer": {"cidrs": ["10.0.0.1"]}}},
    "all of a kind": {"rbac": {"backups": [{"apiGroup": "", "resource": "*"}]}},
    "a port below the free ones": {"metrics": {"port": 80}},
}


def of_kind(name, kind):
    return chosen(RENDERED[name], kind)


def rights(rules):
    """Return the verbs of *rules* by group and resource; what is named singly is left out."""
    found = {}
    for rule in rules:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                found.setdefault((group, resource), set()).update(rule["verbs"])
    return found


def pods(document):
    """Return every pod spec of *document*."""
    return [template["spec"] for _, template in pod_templates([document])]


@pytest.fixture(scope="module")
def generated():
    [answer] = helm(["generated"])
    return answer


def test_what_is_made_from_the_chart_is_current(generated):
    written = {path: (ROOT / path).read_text(encoding="utf-8") for path in generated}

    assert written == generated, "run scripts/docs"


def test_no_snapshot_is_left_of_values_that_are_no_more(generated):
    found = {str(path.relative_to(ROOT)) for path in SNAPSHOTS.iterdir()}

    assert found == {path for path in generated if path.startswith("tests/")}


@pytest.mark.parametrize("name", VALUES)
def test_helm_finds_nothing_wrong(name):
    [answer] = helm(["lint", NAME, VALUES[name]])

    assert [each for each in answer["messages"] if each["severity"] > 1] == []
    assert answer["errors"] == []


def test_without_a_name_of_the_cluster_it_says_what_to_do():
    [answer] = helm(["rendered", NAME, {}])

    assert "clusterName is required: give this Kubernetes cluster a name" in answer["refused"]
    assert "--set clusterName=" in answer["refused"]


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_values_that_make_no_sense_are_refused(wrong):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"clusterName": "test", **wrong}, SCHEMA)


def test_helm_itself_refuses_what_the_schema_refuses():
    answers = helm(
        *(["rendered", NAME, {"clusterName": "test", **wrong}] for wrong in WRONG.values())
    )

    assert all(NAME in answer["refused"] for answer in answers)


def test_every_value_is_in_the_schema_and_described():
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    jsonschema.validate(values, SCHEMA)

    def check(schema, found, path):
        assert set(found) == set(schema["properties"]) - {"global"}, path
        assert schema["additionalProperties"] is False, path
        for name, part in schema["properties"].items():
            if "description" not in part:
                check(part, found[name], f"{path}.{name}")

    check(SCHEMA, values, "")


def test_the_chart_has_the_version_of_the_project():
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert chart["version"] == chart["appVersion"] == project["version"]


def test_a_file_holds_one_kind():
    for path in (CHART / "templates").glob("*.yaml"):
        kinds = re.findall(r"(?m)^kind: ", path.read_text(encoding="utf-8"))

        assert len(kinds) == 1, path.name


@pytest.mark.parametrize("document", EVERYTHING)
def test_every_object_says_what_it_belongs_to(document):
    labels = document["metadata"]["labels"]

    for name in ("name", "instance", "version", "component", "part-of", "managed-by"):
        assert labels[f"app.kubernetes.io/{name}"]
    assert labels["helm.sh/chart"].startswith(f"{NAME}-")
    assert len(document["metadata"]["name"]) <= 63


@pytest.mark.parametrize("document", EVERYTHING)
def test_every_pod_is_restricted(document):
    for pod in pods(document):
        assert pod["securityContext"] == {
            "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"},
        }
        assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & set(pod)
        assert {next(iter(set(each) - {"name"})) for each in pod.get("volumes", ())} <= {"emptyDir"}
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
                "readOnlyRootFilesystem": True,
            }
            assert container["resources"]["limits"]["memory"]
            assert container["resources"]["requests"]["cpu"]
            variables = [each["name"] for each in container.get("env", ())]
            assert len(variables) == len(set(variables))


@pytest.mark.parametrize("name", VALUES)
def test_there_is_one_operator_and_never_a_second_beside_it(name):
    [deployment] = of_kind(name, "Deployment")
    spec = deployment["spec"]

    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})
    selector = spec["selector"]["matchLabels"]
    assert selector.items() <= spec["template"]["metadata"]["labels"].items()
    assert "app.kubernetes.io/version" not in selector
    assert {"startupProbe", "livenessProbe", "readinessProbe"} <= set(
        spec["template"]["spec"]["containers"][0]
    )


@pytest.mark.parametrize("document", EVERYTHING)
def test_variables_are_ones_that_the_verb_knows(document):
    for pod in pods(document):
        [container] = pod["containers"]
        program, verb = container["command"]
        known = {each.envvar for each in get_command(app).commands[verb].params}
        given = {each["name"] for each in container.get("env", ())}

        assert program == "gopherpay-operator"
        assert {each for each in given if each.startswith("GOPHERPAY_OPERATOR_")} <= known


@pytest.mark.parametrize("name", ["minimal", "several-namespaces", "everything"])
def test_a_role_holds_exactly_the_rights_that_are_needed(name):
    backups = {
        (each["apiGroup"], each["resource"]): {"get"}
        for each in VALUES[name].get("rbac", {}).get("backups", ())
    }
    roles = [each for each in of_kind(name, "Role") if "lease" not in each["metadata"]["name"]]

    namespaces = VALUES[name].get("namespaces", ["prod"])
    assert {role["metadata"]["namespace"] for role in roles} == set(namespaces)
    for role in roles:
        assert rights(role["rules"]) == {**RIGHTS, **backups}
        assert not any("resourceNames" in rule for rule in role["rules"])


def test_everywhere_it_may_do_the_same_and_read_labels_of_namespaces():
    roles = [each for each in of_kind("all-namespaces", "ClusterRole") if len(each["rules"]) > 1]

    [role] = roles
    assert rights(role["rules"]) == {**RIGHTS, ("", "namespaces"): {"get"}}
    assert [each["metadata"]["name"] for each in of_kind("all-namespaces", "Role")] == [
        "demo-gopherpay-operator-lease"
    ]


@pytest.mark.parametrize("name", VALUES)
def test_of_leases_it_may_only_touch_its_own(name):
    [role] = [each for each in of_kind(name, "Role") if "lease" in each["metadata"]["name"]]
    [deployment] = of_kind(name, "Deployment")
    create, own = role["rules"]

    assert create["verbs"] == ["create"]
    assert own["verbs"] == ["get", "update"]
    assert own["resourceNames"] == [deployment["metadata"]["name"]]
    assert role["metadata"]["namespace"] == "prod"


@pytest.mark.parametrize("document", EVERYTHING)
def test_no_right_is_for_all_of_something(document):
    for rule in document.get("rules", ()) if "Role" in document["kind"] else ():
        for words in rule.values():
            assert "*" not in words


@pytest.mark.parametrize("name", ["minimal", "everything"])
def test_in_its_own_namespace_nothing_is_made_for_the_whole_cluster(name):
    assert not {document["kind"] for document in RENDERED[name]} & CLUSTER_WIDE
    assert {document["metadata"]["namespace"] for document in RENDERED[name]} == {"prod"}


@pytest.mark.parametrize("name", VALUES)
def test_bindings_name_roles_and_an_account_that_are_there(name):
    accounts = {each["metadata"]["name"] for each in of_kind(name, "ServiceAccount")}
    for kind in ("Role", "ClusterRole"):
        made = {
            (each["metadata"].get("namespace"), each["metadata"]["name"])
            for each in of_kind(name, kind)
        }
        for binding in of_kind(name, f"{kind}Binding"):
            place = binding["metadata"].get("namespace")
            assert (place, binding["roleRef"]["name"]) in made
            assert {each["name"] for each in binding["subjects"]} == accounts
            assert {each["namespace"] for each in binding["subjects"]} == {"prod"}


@pytest.mark.parametrize("name", ["all-namespaces", "several-namespaces"])
def test_connections_that_are_used_are_protected_where_the_operator_looks(name):
    [policy] = of_kind(name, "ValidatingAdmissionPolicy")
    [binding] = of_kind(name, "ValidatingAdmissionPolicyBinding")

    [rule] = policy["spec"]["matchConstraints"]["resourceRules"]
    assert set(rule["resources"]) == {each for each in OURS if each.endswith("connections")}
    assert rule["operations"] == ["DELETE"]
    assert binding["spec"]["policyName"] == policy["metadata"]["name"]
    assert ("matchResources" in binding["spec"]) == (name == "several-namespaces")


def test_users_see_our_kinds_only_when_that_is_wanted():
    [edit, view] = [
        each
        for each in of_kind("all-namespaces", "ClusterRole")
        if "rbac.authorization.k8s.io/aggregate-to-edit" in each["metadata"]["labels"]
    ]

    assert set(view["rules"][0]["resources"]) == set(edit["rules"][0]["resources"]) == OURS
    assert set(view["rules"][0]["verbs"]) == {"get", "list", "watch"}
    assert "rbac.authorization.k8s.io/aggregate-to-view" not in edit["metadata"]["labels"]


def test_everything_is_closed_but_what_is_listed():
    [policy] = of_kind("minimal", "NetworkPolicy")
    [narrow] = of_kind("several-namespaces", "NetworkPolicy")
    [deployment] = of_kind("minimal", "Deployment")

    assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert policy["spec"]["ingress"] == []
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert policy["spec"]["podSelector"]["matchLabels"].items() <= labels.items()
    ports = {port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]}
    assert ports == {53, 443, 6443, 5432, 9092, 9093, 9094, 3000}
    assert narrow["spec"]["egress"][1]["to"] == [{"ipBlock": {"cidr": "10.0.0.1/32"}}]


def test_the_guard_is_not_let_through_for_the_operator():
    """Its Pod must not carry the labels that the Service and the Deployment select by."""
    [guard] = of_kind("several-namespaces", "Job")
    [deployment] = of_kind("several-namespaces", "Deployment")

    selector = deployment["spec"]["selector"]["matchLabels"]
    assert not selector.items() <= guard["spec"]["template"]["metadata"]["labels"].items()
    assert guard["metadata"]["annotations"]["helm.sh/hook"] == "pre-delete"


def test_alerts_ask_for_figures_that_there_are():
    [rule] = of_kind("everything", "PrometheusRule")
    source = Path(metrics.__file__).read_text(encoding="utf-8")
    text = " ".join(each["expr"] for each in rule["spec"]["groups"][0]["rules"])

    asked = set(re.findall(rf"{metrics.PREFIX}_(\w+)", text))
    assert len(asked) == 4
    for name in asked:
        assert re.search(rf'[_"]{name.removesuffix("_total")}"', source), name
