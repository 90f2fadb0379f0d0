"""What an upgrade cannot do, or must not: rules over the objects before and after it.

Each rule takes the objects of the old chart and those of the new one, and returns a sentence for
each object that breaks it. What an API server refuses to change is from the documentation of the
kinds and the validation of Kubernetes (``pkg/apis/*/validation``, ``ValidateXUpdate``).
"""

from __future__ import annotations

import re
from decimal import Decimal

NAMESPACE = "prod"
"""Of the release: where an object is that names none."""

OWN_GROUP = "gopherpay.dev"
HOOK = "helm.sh/hook"
HOOK_DELETION = "helm.sh/hook-delete-policy"
POLICY = "helm.sh/resource-policy"

SET_MAY_CHANGE = {  # all else in the spec of a StatefulSet is for good
    "minReadySeconds",
    "ordinals",
    "persistentVolumeClaimRetentionPolicy",
    "replicas",
    "revisionHistoryLimit",
    "template",
    "updateStrategy",
}
JOB_FOR_GOOD = {
    "backoffLimitPerIndex",
    "completionMode",
    "completions",
    "managedBy",
    "manualSelector",
    "podFailurePolicy",
    "selector",
    "successPolicy",
    "template",
}
UNITS = {
    "": 1,
    **{unit: 1000**power for power, unit in enumerate("kMGTPE", start=1)},
    **{f"{unit}i": 1024**power for power, unit in enumerate("KMGTPE", start=1)},
}


def selectors_changed(old, new):
    """A workload keeps its selector, or nobody looks after the old pods."""
    return [
        f"{place}: spec.selector"
        for kind in ("Deployment", "DaemonSet", "ReplicaSet", "StatefulSet")
        for place, before, after in _pairs(old, new, kind)
        if before["spec"].get("selector") != after["spec"].get("selector")
    ]


def sets_changed(old, new):
    """A StatefulSet keeps its service, its claims, and all else that is not for running it."""
    return [
        f"{place}: spec.{field}"
        for place, before, after in _pairs(old, new, "StatefulSet")
        for field in _changed(before["spec"], after["spec"])
        if field not in {*SET_MAY_CHANGE, "selector"}
    ]


def claims_changed(old, new):
    """A claim keeps its spec, and asks for as much room as before or for more."""
    wrong = []
    for place, before, after in _pairs(old, new, "PersistentVolumeClaim"):
        (bytes_before, rest_before), (bytes_after, rest_after) = _asked(before), _asked(after)
        wrong += [f"{place}: spec.{field}" for field in _changed(rest_before, rest_after)]
        if bytes_after < bytes_before:
            wrong.append(f"{place}: spec.resources.requests.storage becomes less")
    return wrong


def services_changed(old, new):
    """A Service keeps its address, or goes on having none; and its type."""
    return [
        f"{place}: spec.{field}"
        for place, before, after in _pairs(old, new, "Service")
        for field, default in (("clusterIP", ""), ("type", "ClusterIP"))
        if before["spec"].get(field, default) != after["spec"].get(field, default)
    ]


def jobs_changed(old, new):
    """A Job keeps its template, unless Helm deletes the old one before it makes the new one."""
    return [
        f"{place}: spec.{field}"
        for place, before, after in _pairs(old, new, "Job")
        if not _is_made_anew(after)
        for field in _changed(before["spec"], after["spec"])
        if field in JOB_FOR_GOOD
    ]


def secrets_changed(old, new):
    """A Secret keeps its type, and what is immutable keeps all."""
    wrong = [
        f"{place}: type"
        for place, before, after in _pairs(old, new, "Secret")
        if before.get("type", "Opaque") != after.get("type", "Opaque")
    ]
    return wrong + [
        f"{place}: {field}"
        for kind in ("Secret", "ConfigMap")
        for place, before, after in _pairs(old, new, kind)
        if before.get("immutable")
        for field in _changed(before, after)
        if field in {"binaryData", "data", "immutable", "stringData"}
    ]


def roles_rebound(old, new):
    """A binding keeps the role that it gives."""
    return [
        f"{place}: roleRef"
        for kind in ("RoleBinding", "ClusterRoleBinding")
        for place, before, after in _pairs(old, new, kind)
        if before["roleRef"] != after["roleRef"]
    ]


def gone(old, new):
    """Return what held data or keys and is no more: claims, what is kept, our own kinds."""
    after = _by_place(new)
    return [
        f"{place}: gone"
        for place, each in _by_place(old).items()
        if place not in after and _holds(each)
    ]


def no_longer_kept(old, new):
    """What stays when the old release is uninstalled stays when the new one is."""
    after = _by_place(new)
    return [
        f"{place}: {POLICY}"
        for place, each in _by_place(old).items()
        if place in after and _is_kept(each) and not _is_kept(after[place])
    ]


RULES = (
    selectors_changed,
    sets_changed,
    claims_changed,
    services_changed,
    jobs_changed,
    secrets_changed,
    roles_rebound,
    gone,
    no_longer_kept,
)


def place_of(each):
    """Return group, kind, namespace and name: by these an object is the same one."""
    group = each["apiVersion"].rpartition("/")[0]
    namespace = each["metadata"].get("namespace", NAMESPACE)
    names = ["" if namespace == NAMESPACE else namespace, each["metadata"]["name"]]
    return "/".join(part for part in (group, each["kind"], *names) if part)


def _by_place(objects):
    return {place_of(each): each for each in objects}


def _pairs(old, new, kind):
    """Yield place, before and after of every object of *kind* that is in both."""
    after = _by_place(new)
    for place, each in _by_place(old).items():
        if each["kind"] == kind and place in after:
            yield place, each, after[place]


def _changed(before, after):
    """Return the fields in which two mappings differ."""
    return sorted(
        field for field in before.keys() | after.keys() if before.get(field) != after.get(field)
    )


def _asked(claim):
    """Return how many bytes *claim* asks for, and the rest of its spec."""
    resources = dict(claim["spec"].get("resources", {}))
    requests = dict(resources.pop("requests", {}))
    room = _bytes(requests.pop("storage", "0"))
    return room, {**claim["spec"], "resources": {**resources, "requests": requests}}


def _bytes(quantity):
    number, unit = re.fullmatch(r"([\d.]+)([A-Za-z]*)", str(quantity)).groups()
    return Decimal(number) * UNITS[unit]


def _is_made_anew(each):
    """Whether Helm deletes the old one first; that is its default for a hook."""
    annotations = each["metadata"].get("annotations", {})
    policies = annotations.get(HOOK_DELETION, "before-hook-creation").split(",")
    return HOOK in annotations and "before-hook-creation" in policies


def _holds(each):
    is_own = each["apiVersion"].partition("/")[0] == OWN_GROUP
    return is_own or each["kind"] == "PersistentVolumeClaim" or _is_kept(each)


def _is_kept(each):
    return each["metadata"].get("annotations", {}).get(POLICY) == "keep"
