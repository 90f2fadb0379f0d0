"""Each rule about an upgrade is seen to fail: one thing is changed, and the rule names it."""

from __future__ import annotations

from copy import deepcopy

import pytest

from tests.unit.helm import narrowing, transitions, upgrading

KEEP = {"helm.sh/resource-policy": "keep"}
TEMPLATE = {"spec": {"containers": [{"name": "a", "image": "a:1"}]}}
SELECTOR = {"matchLabels": {"app": "a"}}


def thing(kind, api_version="v1", annotations=None, **content):
    metadata = {"name": "a", "annotations": annotations or {}}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **content}


DEPLOYMENT = thing("Deployment", "apps/v1", spec={"selector": SELECTOR, "template": TEMPLATE})
STATEFUL_SET = thing(
    "StatefulSet",
    "apps/v1",
    spec={
        "selector": SELECTOR,
        "serviceName": "a",
        "replicas": 1,
        "template": TEMPLATE,
        "volumeClaimTemplates": [{"metadata": {"name": "data"}}],
    },
)
CLAIM = thing(
    "PersistentVolumeClaim",
    spec={"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Gi"}}},
)
HEADLESS = thing("Service", spec={"clusterIP": "None", "ports": [{"port": 80}]})
JOB = thing("Job", "batch/v1", spec={"backoffLimit": 1, "template": TEMPLATE})
HOOK = {"helm.sh/hook": "post-install"}
LASTING = {**HOOK, "helm.sh/hook-delete-policy": "hook-succeeded"}
SECRET = thing("Secret", data={"key": "YQ=="})
SEALED = thing("Secret", immutable=True, data={"key": "YQ=="})
KEPT = thing("Secret", annotations=KEEP, data={"key": "YQ=="})
BINDING = thing("RoleBinding", "rbac.authorization.k8s.io/v1", roleRef={"name": "a"})
TOPIC = thing(
    "EventTopic",
    "gopherpay.dev/v1alpha1",
    spec={"connectionRef": {"name": "events"}, "partitions": 3, "keyed": True},
)

BREACHES = {
    "another selector": (
        upgrading.selectors_changed,
        DEPLOYMENT,
        ("spec.selector.matchLabels.app", "b"),
        "apps/Deployment/a: spec.selector",
    ),
    "another service of a set": (
        upgrading.sets_changed,
        STATEFUL_SET,
        ("spec.serviceName", "b"),
        "apps/StatefulSet/a: spec.serviceName",
    ),
    "another volume of a set": (
        upgrading.sets_changed,
        STATEFUL_SET,
        ("spec.volumeClaimTemplates", []),
        "apps/StatefulSet/a: spec.volumeClaimTemplates",
    ),
    "another class of storage": (
        upgrading.claims_changed,
        CLAIM,
        ("spec.storageClassName", "fast"),
        "PersistentVolumeClaim/a: spec.storageClassName",
    ),
    "less room": (
        upgrading.claims_changed,
        CLAIM,
        ("spec.resources.requests.storage", "10G"),
        "PersistentVolumeClaim/a: spec.resources.requests.storage becomes less",
    ),
    "an address where there was none": (
        upgrading.services_changed,
        HEADLESS,
        ("spec.clusterIP", None),
        "Service/a: spec.clusterIP",
    ),
    "another type of service": (
        upgrading.services_changed,
        HEADLESS,
        ("spec.type", "NodePort"),
        "Service/a: spec.type",
    ),
    "another template of a job": (
        upgrading.jobs_changed,
        JOB,
        ("spec.template.spec.containers", []),
        "batch/Job/a: spec.template",
    ),
    "another template of a hook that stays": (
        upgrading.jobs_changed,
        {**JOB, "metadata": {"name": "a", "annotations": LASTING}},
        ("spec.template.spec.containers", []),
        "batch/Job/a: spec.template",
    ),
    "another type of secret": (
        upgrading.secrets_changed,
        SECRET,
        ("type", "kubernetes.io/tls"),
        "Secret/a: type",
    ),
    "another content of what is sealed": (
        upgrading.secrets_changed,
        SEALED,
        ("data.key", "Yg=="),
        "Secret/a: data",
    ),
    "a broken seal": (
        upgrading.secrets_changed,
        SEALED,
        ("immutable", None),
        "Secret/a: immutable",
    ),
    "another role": (
        upgrading.roles_rebound,
        BINDING,
        ("roleRef.name", "b"),
        "rbac.authorization.k8s.io/RoleBinding/a: roleRef",
    ),
    "another name of a claim": (
        upgrading.gone,
        CLAIM,
        ("metadata.name", "b"),
        "PersistentVolumeClaim/a: gone",
    ),
    "another name of what is kept": (
        upgrading.gone,
        KEPT,
        ("metadata.name", "b"),
        "Secret/a: gone",
    ),
    "another namespace of a kind of ours": (
        upgrading.gone,
        TOPIC,
        ("metadata.namespace", "b"),
        "gopherpay.dev/EventTopic/a: gone",
    ),
    "kept no longer": (
        upgrading.no_longer_kept,
        KEPT,
        ("metadata.annotations", {}),
        "Secret/a: helm.sh/resource-policy",
    ),
}

ALLOWED = {
    "another image": (DEPLOYMENT, ("spec.template.spec.containers", [])),
    "more replicas": (STATEFUL_SET, ("spec.replicas", 3)),
    "more room": (CLAIM, ("spec.resources.requests.storage", "0.1Ti")),
    "as much room in other words": (CLAIM, ("spec.resources.requests.storage", "10240Mi")),
    "another port": (HEADLESS, ("spec.ports", [])),
    "another patience of a job": (JOB, ("spec.backoffLimit", 2)),
    "a hook that is made anew": (
        {**JOB, "metadata": {"name": "a", "annotations": HOOK}},
        ("spec.template.spec.containers", []),
    ),
    "another job": (JOB, ("metadata.name", "b")),
    "another content": (SECRET, ("data.key", "Yg==")),
    "the namespace said": (TOPIC, ("metadata.namespace", upgrading.NAMESPACE)),
    "another version of a kind": (TOPIC, ("apiVersion", "gopherpay.dev/v1")),
}

CONNECTION_RULE = {"rule": "self == oldSelf"}
SPEC_RULES = [
    {
        "rule": "has(self.externalName) == has(oldSelf.externalName) &&"
        " (!has(self.externalName) || self.externalName == oldSelf.externalName)"
    },
    {"rule": "self.partitions >= oldSelf.partitions"},
    {"rule": transitions.MORE_IF_ALLOWED},
    {"rule": "self.partitions > 0"},
]
DEFINITION = {
    "metadata": {"name": "eventtopics.gopherpay.dev"},
    "spec": {
        "group": "gopherpay.dev",
        "scope": "Namespaced",
        "names": {"kind": "EventTopic", "plural": "eventtopics"},
        "versions": [
            {
                "name": "v1alpha1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {
                                "type": "object",
                                "required": ["connectionRef"],
                                "properties": {
                                    "connectionRef": {
                                        "type": "object",
                                        "x-kubernetes-validations": [CONNECTION_RULE],
                                    },
                                    "externalName": {"type": "string", "maxLength": 200},
                                    "partitions": {"type": "integer", "minimum": 1},
                                    "keyed": {"type": "boolean", "default": True},
                                    "retention": {"type": "string", "enum": ["Short", "Long"]},
                                    "owners": {
                                        "type": "array",
                                        "items": {"type": "object", "properties": {"name": {}}},
                                    },
                                },
                                "x-kubernetes-validations": SPEC_RULES,
                            }
                        },
                    }
                },
            }
        ],
    },
}
VERSION = "spec.versions.0"
SPEC = f"{VERSION}.schema.openAPIV3Schema.properties.spec"
PLACE = "eventtopics.gopherpay.dev v1alpha1"

NARROWER = {
    "another scope": (
        narrowing.definitions_changed,
        ("spec.scope", "Cluster"),
        "eventtopics.gopherpay.dev: scope",
    ),
    "another version": (narrowing.versions_gone, (f"{VERSION}.name", "v1"), PLACE),
    "a version no longer served": (narrowing.versions_gone, (f"{VERSION}.served", False), PLACE),
    "a field gone": (
        narrowing.fields_gone,
        (f"{SPEC}.properties.retention", None),
        f"{PLACE}.spec.retention",
    ),
    "a field of a list gone": (
        narrowing.fields_gone,
        (f"{SPEC}.properties.owners.items.properties.name", None),
        f"{PLACE}.spec.owners.[].name",
    ),
    "a value gone": (
        narrowing.values_gone,
        (f"{SPEC}.properties.retention.enum", ["Long"]),
        f"{PLACE}.spec.retention: Short",
    ),
    "a choice where all was free": (
        narrowing.values_gone,
        (f"{SPEC}.properties.externalName.enum", ["a"]),
        f"{PLACE}.spec.externalName: anything",
    ),
    "another type": (
        narrowing.types_changed,
        (f"{SPEC}.properties.partitions.type", "string"),
        f"{PLACE}.spec.partitions: type",
    ),
    "newly required": (
        narrowing.newly_required,
        (f"{SPEC}.required", ["connectionRef", "partitions"]),
        f"{PLACE}.spec.partitions",
    ),
    "shorter": (
        narrowing.bounds_tightened,
        (f"{SPEC}.properties.externalName.maxLength", 100),
        f"{PLACE}.spec.externalName: maxLength",
    ),
    "more at least": (
        narrowing.bounds_tightened,
        (f"{SPEC}.properties.partitions.minimum", 2),
        f"{PLACE}.spec.partitions: minimum",
    ),
    "a pattern": (
        narrowing.bounds_tightened,
        (f"{SPEC}.properties.externalName.pattern", "^a"),
        f"{PLACE}.spec.externalName: pattern",
    ),
}
WIDER = {
    "another field": (f"{SPEC}.properties.colour", {"type": "string"}),
    "another value": (f"{SPEC}.properties.retention.enum", ["Short", "Long", "Forever"]),
    "longer": (f"{SPEC}.properties.externalName.maxLength", 249),
    "less required": (f"{SPEC}.required", []),
    "required and filled in": (f"{SPEC}.required", ["connectionRef", "keyed"]),
}

REFUSED = {
    "another connection": ("spec.connectionRef.name", "others"),
    "a name where there was none": ("spec.externalName", "a.b"),
    "fewer partitions": ("spec.partitions", 2),
    "more partitions of a topic with keys": ("spec.partitions", 4),
}


def changed(value, path, wish):
    """Return *value* with *wish* at *path*; without what is there when that is None."""
    copy = deepcopy(value)
    *above, name = path.split(".")
    place = copy
    for each in above:
        place = place[int(each)] if isinstance(place, list) else place[each]
    if wish is None:
        del place[name]
    else:
        place[name] = wish
    return copy


@pytest.mark.parametrize("breach", BREACHES)
def test_what_an_upgrade_cannot_do_is_told(breach):
    rule, old, change, said = BREACHES[breach]

    assert rule([old], [old]) == []
    assert rule([old], [changed(old, *change)]) == [said]


@pytest.mark.parametrize("change", ALLOWED)
def test_what_an_upgrade_can_do_is_left_alone(change):
    old, wish = ALLOWED[change]

    assert [said for rule in upgrading.RULES for said in rule([old], [changed(old, *wish)])] == []


def test_every_rule_about_an_upgrade_is_seen_to_fail():
    assert {rule for rule, *_ in BREACHES.values()} == set(upgrading.RULES)
    assert {rule for rule, *_ in NARROWER.values()} == set(narrowing.RULES)


@pytest.mark.parametrize("breach", NARROWER)
def test_what_a_definition_must_not_lose_is_told(breach):
    rule, change, said = NARROWER[breach]

    assert rule([DEFINITION], [DEFINITION]) == []
    assert rule([DEFINITION], [changed(DEFINITION, *change)]) == [said]


@pytest.mark.parametrize("change", WIDER)
def test_what_a_definition_may_gain_is_left_alone(change):
    wider = changed(DEFINITION, *WIDER[change])

    assert [said for rule in narrowing.RULES for said in rule([DEFINITION], [wider])] == []


def test_a_definition_that_is_gone_is_told():
    fields = ["group", "names", "scope"]

    assert sorted(narrowing.definitions_changed([DEFINITION], [])) == [
        f"eventtopics.gopherpay.dev: {field}" for field in fields
    ]


@pytest.mark.parametrize("change", REFUSED)
def test_what_a_definition_forbids_is_told(change):
    new = changed(TOPIC, *REFUSED[change])

    assert transitions.forbidden([TOPIC], [TOPIC], [DEFINITION]) == []
    assert len(transitions.forbidden([TOPIC], [new], [DEFINITION])) == 1


@pytest.mark.parametrize(
    "allowed", [{"allowPartitionIncrease": True}, {"keyed": False}], ids=", ".join
)
def test_what_a_definition_allows_is_left_alone(allowed):
    old = {**TOPIC, "spec": {**TOPIC["spec"], **allowed}}

    assert transitions.forbidden([old], [changed(old, "spec.partitions", 4)], [DEFINITION]) == []


def test_what_the_api_server_fills_in_counts():
    silent = changed(TOPIC, "spec.keyed", None)

    assert (
        len(transitions.forbidden([silent], [changed(silent, "spec.partitions", 4)], [DEFINITION]))
        == 1
    )


@pytest.mark.parametrize(
    ("place", "rule"),
    [
        ("spec", "self.partitions < oldSelf.partitions"),
        ("spec", "self.keyed == oldSelf.partitions"),
        ("spec.properties.owners.items", "self == oldSelf"),
    ],
)
def test_a_rule_in_an_unknown_form_is_told(place, rule):
    path = f"{SPEC.removesuffix('spec')}{place}.x-kubernetes-validations"
    definition = changed(DEFINITION, path, [{"rule": rule}])

    assert transitions.unread(transitions.rules_of([DEFINITION])) == []
    [said] = transitions.unread(transitions.rules_of([definition]))
    assert said.endswith(rule)
