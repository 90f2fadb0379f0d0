"""Who may speak to whom: nothing in and nothing out but for a list of edges."""

from __future__ import annotations

import json

import pytest

from tests.unit.helm import looking
from tests.unit.helm.releases import FILES, only, rendered

EDGES = {
    # direction, whose pods, the other side, ports
    ("in", "worker", "everybody", "8000"),
    ("in", "head worker", "head worker", "all"),
    ("in", "head", "ns kuberay-system", "8265"),
    ("in", "head worker", "ns monitoring", "9090 8080"),
    ("out", "all", "ns kube-system", "53/UDP 53"),
    ("out", "head worker", "head worker", "all"),
    ("out", "head worker migration backup verification", "everybody", "5432"),
    ("out", "worker", "everybody", "9093"),
    ("out", "head", "everybody", "6379"),
    ("out", "worker", "outside", "443"),
    ("out", "test", "worker", "8000"),
}


def side(peers):
    """Return who *peers* are, in a word or two."""
    if not peers:
        return "everybody"
    (peer,) = peers
    if "ipBlock" in peer:
        return "outside" if peer["ipBlock"]["except"] else peer["ipBlock"]["cidr"]
    if "namespaceSelector" in peer:
        return "ns " + peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
    return whose(peer["podSelector"])


def whose(selector):
    assert selector["matchLabels"]["app.kubernetes.io/instance"] == "demo"
    return (
        " ".join(each for one in selector.get("matchExpressions", []) for each in one["values"])
        or "all"
    )


def ports_of(rule):
    return (
        " ".join(
            f"{port['port']}{'/UDP' if port['protocol'] == 'UDP' else ''}"
            for port in rule.get("ports", [])
        )
        or "all"
    )


def edges(found):
    """Yield every edge that the policies in *found* open."""
    for policy in looking.of_kind(found, "NetworkPolicy"):
        spec = policy["spec"]
        for rule in spec.get("ingress", []):
            yield "in", whose(spec["podSelector"]), side(rule.get("from")), ports_of(rule)
        for rule in spec.get("egress", []):
            yield "out", whose(spec["podSelector"]), side(rule.get("to")), ports_of(rule)


def test_the_open_edges_are_these_and_no_others():
    found = list(edges(rendered()["values-ha"]))

    assert set(found) == EDGES
    assert len(found) == len(EDGES)


@pytest.mark.parametrize("name", FILES)
def test_everything_else_is_closed_both_ways(name):
    spec = only(rendered()[name], "NetworkPolicy", "-default")["spec"]

    assert spec["podSelector"]["matchLabels"] == {
        "app.kubernetes.io/name": "gopherpay",
        "app.kubernetes.io/instance": "demo",
    }
    assert sorted(spec["policyTypes"]) == ["Egress", "Ingress"]
    assert spec["ingress"] == []


def test_webhooks_reach_no_private_network():
    policy = only(rendered()["defaults"], "NetworkPolicy", "-webhooks")
    (peer,) = policy["spec"]["egress"][0]["to"]

    assert {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"} <= set(
        peer["ipBlock"]["except"]
    )


def test_the_drill_reaches_nothing():
    of_the_drill = [edge for edge in edges(rendered()["values-ha"]) if "drill" in edge[1]]
    pod = only(rendered()["values-ha"], "CronJob", "-drill")["spec"]["jobTemplate"]["spec"][
        "template"
    ]

    assert of_the_drill == []
    assert "secretKeyRef" not in json.dumps(pod)
