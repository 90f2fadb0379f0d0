"""Without KubeRay: the whole platform in one pod."""

from __future__ import annotations

import pytest

from tests.kind.platform import await_whole, install

SERVICE = "gopherpay"


@pytest.fixture(scope="module", autouse=True)
def one_pod(cluster):
    """Put the platform into one pod while the tests of this module run."""
    await_whole(cluster)
    install(cluster, cluster.image, "--set=mode=single")
    yield
    install(cluster, cluster.image)
    await_whole(cluster)


def test_one_pod_is_the_whole_platform_and_is_replaced_while_money_moves(
    cluster, payments, record_outcome
):
    await_whole(cluster)
    (before,) = cluster.pods("platform")

    with payments.running(host=SERVICE) as outcome:
        cluster.kubectl("rollout", "restart", "deployment/gopherpay")
        cluster.kubectl("rollout", "status", "deployment/gopherpay", "--timeout=300s", seconds=320)
        await_whole(cluster)

    record_outcome("another pod of the platform in one pod", outcome)
    assert cluster.pods("platform")[0]["metadata"]["uid"] != before["metadata"]["uid"]
    assert (outcome["unresolved"], outcome["refused"]) == ([], [])
    assert outcome["acknowledged"] > 0
