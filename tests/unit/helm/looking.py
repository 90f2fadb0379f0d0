"""What is looked for in rendered objects: pods that are restricted, schemas that are met."""

from __future__ import annotations

import importlib.resources
import json
from functools import cache

import jsonschema
import yaml
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from tests.unit.helm.rendering import ROOT

DEFINITIONS = ROOT / "helm" / "gopherpay-crds" / "files"
KUBERNETES_VERSIONS = ("1.30", "1.31", "1.32", "1.33", "1.34", "1.35", "1.36")
OTHER_PEOPLES = ("gateway.networking.k8s.io",)
"""Groups that end as Kubernetes' own do, and are not among its schemas."""

VOLUME_SOURCES = {  # Pod Security Standards, "Restricted": volume types
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}


def of_kind(found, kind):
    """Return those of *found* that are of *kind*."""
    return [each for each in found if each["kind"] == kind]


def pod_templates(found):
    """Yield the place and the template of every pod in *found*, at whatever depth.

    A template is what holds a spec with containers: in a Deployment, a Job, a CronJob, and in
    each group of a RayService.
    """
    for each in found:
        yield from _templates_below(each, f"{each['kind']}/{each['metadata']['name']}")


def _templates_below(value, place):
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from _templates_below(item, f"{place}[{number}]")
    elif isinstance(value, dict):
        if isinstance(value.get("spec"), dict) and "containers" in value["spec"]:
            yield place, value
            return
        for name, item in value.items():
            yield from _templates_below(item, f"{place}.{name}")


def containers_of(template):
    """Return the containers of a pod, those that run first among them."""
    return [*template["spec"].get("initContainers", []), *template["spec"]["containers"]]


def loosened(template):
    """Return in which ways the pod of *template* is less than restricted, one clause each.

    The rules are the Pod Security Standard "Restricted", and on top of it a read-only root, a
    bound on memory, named requests, an image by version, and no token.
    """
    spec = template["spec"]
    found = [*_loosened_pod(spec)]
    for container in containers_of(template):
        clauses = [*_loosened_container(spec, container), *_unbounded(container)]
        found += [f"{container['name']} {clause}" for clause in clauses]
    return found


def _loosened_pod(spec):
    yield from (
        f"{field} is set" for field in ("hostNetwork", "hostPID", "hostIPC") if field in spec
    )
    for volume in spec.get("volumes", []):
        if sources := set(volume) - {"name"} - VOLUME_SOURCES:
            yield f"the volume {volume['name']} is a {', '.join(sorted(sources))}"
    if "sysctls" in spec.get("securityContext", {}):
        yield "sysctls are set"
    if spec.get("automountServiceAccountToken") is not False:
        yield "the token of the service account is mounted"


def _loosened_container(spec, container):
    context = {**spec.get("securityContext", {}), **container.get("securityContext", {})}
    capabilities = context.get("capabilities", {})
    rules = {
        "may be root": context.get("runAsNonRoot") is True and context.get("runAsUser") != 0,
        "has no seccomp profile": context.get("seccompProfile", {}).get("type") == "RuntimeDefault",
        "may gain privileges": context.get("allowPrivilegeEscalation") is False,
        "is privileged": not context.get("privileged"),
        "keeps capabilities": capabilities == {"drop": ["ALL"]},
        "may write its root": context.get("readOnlyRootFilesystem") is True,
        "has a port of the machine": all("hostPort" not in p for p in container.get("ports", [])),
    }
    return [clause for clause, holds in rules.items() if not holds]


def _unbounded(container):
    resources = container.get("resources", {})
    image = container["image"]
    rules = {
        "asks for no CPU": "cpu" in resources.get("requests", {}),
        "asks for no memory": "memory" in resources.get("requests", {}),
        "has no bound on memory": "memory" in resources.get("limits", {}),
        "has an image without a version": "@sha256:" in image
        or (":" in image.rsplit("/", 1)[-1] and not image.endswith(":latest")),
    }
    return [clause for clause, holds in rules.items() if not holds]


def repeated(template):
    """Return the variables that a container of *template* names twice: Helm 4 refuses those."""
    lists = [[each["name"] for each in one.get("env", [])] for one in containers_of(template)]
    return [name for names in lists for name in sorted(set(names)) if names.count(name) > 1]


def misfits(found, version):
    """Return where *found* does not fit the schemas of Kubernetes *version*, one sentence each.

    Our own kinds are held to their definitions; of other people's kinds only the pods are known.
    """
    wrong = []
    for each in found:
        for validator in _validators(each["apiVersion"], each["kind"], version):
            wrong += _errors(validator, each, f"{each['kind']}/{each['metadata']['name']}")
    for place, template in pod_templates(found):
        pod = {name: template[name] for name in ("metadata", "spec")}
        wrong += _errors(_standard("podtemplatespec-v1.json", version), pod, place)
    return wrong


def _errors(validator, value, place):
    return [
        f"{place}: {'.'.join(map(str, error.path))}: {error.message[:200]}"
        for error in validator.iter_errors(value)
    ]


def _validators(api_version, kind, version):
    """Return what can be asked: Kubernetes' schema or our own; nothing of other people's kinds."""
    group, _, short = api_version.rpartition("/")
    if group == "gopherpay.dev":
        return [_own(kind)]
    if group in OTHER_PEOPLES or ("." in group and not group.endswith(".k8s.io")):
        return []
    begin = f"{group.split('.')[0]}-" if group else ""
    return [_standard(f"{kind.lower()}-{begin}{short}.json", version)]


@cache
def _own(kind):
    """Return the validator of our own *kind*, which refuses what would be dropped in silence."""
    for path in DEFINITIONS.glob("*.yaml"):
        spec = yaml.safe_load(path.read_text())["spec"]
        if spec["names"]["kind"] == kind:
            (version,) = spec["versions"]
            schema = version["schema"]["openAPIV3Schema"]
            properties = {**schema["properties"], "metadata": {"type": "object"}}
            return jsonschema.Draft202012Validator(_closed({**schema, "properties": properties}))
    raise LookupError(f"No definition of {kind}")


def _closed(schema):
    """Return *schema* without room for unknown fields, as the API server's strict check sees it."""
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: _closed(each) for name, each in schema.items()}
    is_free = "x-kubernetes-preserve-unknown-fields" in schema or "additionalProperties" in schema
    if schema.get("type") == "object" and "properties" in schema and not is_free:
        closed["additionalProperties"] = False
    return closed


@cache
def _standard(name, version):
    schema = json.loads((_schemas(version) / name).read_text())
    return jsonschema.Draft202012Validator(schema, registry=_registry(version))


@cache
def _registry(version):
    definitions = json.loads((_schemas(version) / "_definitions.json").read_text())
    return Resource.from_contents(definitions, DRAFT202012) @ Registry()


def _schemas(version):
    schemas = importlib.resources.files("kubernetes_validate") / "kubernetes-json-schema"
    return schemas / f"v{version}.0-local-strict"
