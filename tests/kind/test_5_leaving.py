"""Whoever uninstalls keeps the data, and whoever installs again finds it.

The second install is that of the last released charts, which then are upgraded to those of the
checkout.
"""

from __future__ import annotations

import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.kind.cluster import ROOT
from tests.kind.payments import is_there
from tests.kind.platform import (
    CHART,
    VALUES,
    await_one_cluster,
    await_whole,
    install,
    is_ready,
    query,
)

BALANCES = "SELECT id, balance_minor, version FROM accounts ORDER BY id"
KEPT = (
    "pvc/gopherpay-backup",
    "pvc/data-postgres-0",
    "pvc/data-kafka-0",
    "pvc/data-redis-0",
    "secret/gopherpay-keys",
    "secret/gopherpay-ray-token",
    "postgresconnection/development",
    "kafkaconnection/development",
    "novuconnection/development",
    "crd/eventtopics.gopherpay.dev",
    "crd/postgresdatabases.gopherpay.dev",
    "crd/postgresroles.gopherpay.dev",
)
MADE = ("eventtopics", "postgresdatabases", "postgresroles")
OPERATOR = "gopherpay-operator"


@dataclass(frozen=True, slots=True)
class Charts:
    """The three charts, and the values of the platform's one for kind."""

    crds: Path
    operator: Path
    platform: Path
    values: Path


CHECKOUT = Charts(CHART.parent / "gopherpay-crds", CHART.parent / OPERATOR, CHART, VALUES)


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """Return the charts that were released last."""
    folder = tmp_path_factory.mktemp("released")
    platform = newest("gopherpay")
    with tarfile.open(platform) as package:
        package.extract("gopherpay/values-kind.yaml", folder, filter="data")
    values = folder / "gopherpay" / "values-kind.yaml"
    return Charts(newest("gopherpay-crds"), newest(OPERATOR), platform, values)


def newest(chart):
    """Return the package of the last release of *chart*."""

    def version(path):
        return tuple(int(part) for part in path.stem.removeprefix(f"{chart}-").split("."))

    packages = (ROOT / "helm" / "releases").glob(f"{chart}-[0-9]*.tgz")
    return max(packages, key=version)


@pytest.fixture(scope="module")
def leaving(cluster, released):
    """Uninstall everything and install the released charts; return what was there meanwhile."""
    await_whole(cluster)
    image = _operator_image(cluster)
    balances = query(cluster, BALANCES)
    _uninstall(cluster)
    left = {what for what in KEPT if is_there(cluster, what)}
    kept_balances = query(cluster, BALANCES)
    _install_all(cluster, image, released)
    return {"before": balances, "left": left, "meanwhile": kept_balances, "operator": image}


def test_a_second_install_finds_what_the_first_has_left(cluster, payments, leaving):
    assert leaving["left"] == set(KEPT)
    assert leaving["before"] == leaving["meanwhile"] == query(cluster, BALANCES)
    for kind in MADE:
        found = cluster.get(kind)["items"]
        assert found
        assert all(is_ready(one) for one in found), kind
    with payments.running() as outcome:
        pass
    assert (outcome["unresolved"], outcome["refused"]) == ([], [])
    assert outcome["acknowledged"] > 0


def test_the_released_charts_are_upgraded_while_money_moves(
    cluster, payments, leaving, record_outcome
):
    before = cluster.serving()

    with payments.running() as outcome:
        _install_all(cluster, leaving["operator"], CHECKOUT)
        cluster.until(lambda: cluster.serving() != before, "the cluster of the new chart serves")
        await_one_cluster(cluster, cluster.image)

    record_outcome("upgrade from the released charts", outcome)
    for kind in (*MADE, "novuworkflows"):
        found = cluster.get(kind)["items"]
        assert found
        assert all(is_ready(one) for one in found), kind
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


def _install_all(cluster, operator_image, charts):
    """Install all three, and wait until the platform is whole."""
    repository, _, tag = operator_image.rpartition(":")
    cluster.helm("upgrade", "--install", "gopherpay-crds", str(charts.crds), "--wait")
    cluster.helm(
        *("upgrade", "--install", OPERATOR, str(charts.operator), "--wait", "--timeout=3m"),
        f"--set=clusterName=kind,image.repository={repository},image.tag={tag}",
    )
    install(cluster, cluster.image, chart=charts.platform, values=charts.values)
    await_whole(cluster)
