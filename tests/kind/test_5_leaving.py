"""Whoever uninstalls keeps the data, and whoever installs again finds it."""

from __future__ import annotations

from tests.kind.cluster import ROOT
from tests.kind.payments import is_there
from tests.kind.platform import await_whole, install, is_ready, query

BALANCES = "SELECT id, balance_minor, version FROM accounts ORDER BY id"
KEPT = (
    "pvc/gopherpay-backup",
    "pvc/data-postgres-0",
    "pvc/data-kafka-0",
    "secret/gopherpay-keys",
    "secret/gopherpay-ray-token",
    "postgresconnection/development",
    "kafkaconnection/development",
    "crd/eventtopics.gopherpay.dev",
    "crd/postgresdatabases.gopherpay.dev",
    "crd/postgresroles.gopherpay.dev",
)
OPERATOR = "gopherpay-operator"


def test_a_second_install_finds_what_the_first_has_left(cluster, payments):
    balances = query(cluster, BALANCES)
    image = _operator_image(cluster)

    _uninstall(cluster)
    left = {what for what in KEPT if is_there(cluster, what)}
    kept_balances = query(cluster, BALANCES)
    _install_again(cluster, image)

    assert left == set(KEPT)
    assert kept_balances == balances
    assert query(cluster, BALANCES) == balances
    for kind in ("eventtopics", "postgresdatabases", "postgresroles"):
        found = cluster.get(kind)["items"]
        assert found
        assert all(is_ready(one) for one in found), kind
    with payments.running() as outcome:
        pass
    assert (outcome["unresolved"], outcome["refused"]) == ([], [])
    assert outcome["acknowledged"] > 0


def _operator_image(cluster):
    deployment = cluster.get(f"deployment/{OPERATOR}")
    return deployment["spec"]["template"]["spec"]["containers"][0]["image"]


def _uninstall(cluster):
    """Take the platform away, then the operator, then the chart of the CRDs."""
    cluster.helm("uninstall", "gopherpay", "--wait", "--timeout=3m")
    for component in ("head", "worker"):
        cluster.until(lambda name=component: not cluster.pods(name), f"no {component} is left")
    cluster.helm("uninstall", OPERATOR, "--wait")
    cluster.helm("uninstall", "gopherpay-crds", "--wait")


def _install_again(cluster, operator_image):
    """Install all three as before, and wait until the platform is whole."""
    repository, _, tag = operator_image.rpartition(":")
    charts = ROOT / "helm"
    cluster.helm("upgrade", "--install", "gopherpay-crds", str(charts / "gopherpay-crds"), "--wait")
    cluster.helm(
        *("upgrade", "--install", OPERATOR, str(charts / OPERATOR), "--wait", "--timeout=3m"),
        f"--set=clusterName=kind,image.repository={repository},image.tag={tag}",
    )
    install(cluster, cluster.image)
    await_whole(cluster)
