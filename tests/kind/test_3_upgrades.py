"""A newer version with a migration comes in and goes out again while money moves."""

from __future__ import annotations

from tests.kind.platform import await_whole, install, query

REVISION = "SELECT version_num FROM alembic_version"
COLUMN = "SELECT count(*) FROM information_schema.columns WHERE column_name = 'trial'"


def image_of(cluster):
    """Return the image of all pods of Ray that serve."""
    (image,) = {
        container["image"]
        for component in ("head", "worker")
        for pod in cluster.pods(component)
        for container in pod["spec"]["containers"]
    }
    return image.removeprefix("docker.io/library/")


def await_one_cluster(cluster, image):
    """Wait until the new cluster of Ray serves and the old one is gone."""
    await_whole(cluster)
    cluster.until(lambda: len(cluster.get("rayclusters")["items"]) == 1, "the old one is gone")
    assert image_of(cluster) == image


def test_an_upgrade_with_a_migration_and_its_rollback_lose_nothing(
    cluster, payments, record_outcome
):
    assert query(cluster, COLUMN) == [["0"]], "it was migrated before: not with --keep"
    before = cluster.serving()

    with payments.running() as upgrade:
        install(cluster, cluster.newer_image)
        await_one_cluster(cluster, cluster.newer_image)
    upgraded = cluster.serving()
    newer = query(cluster, REVISION)

    with payments.running() as rollback:
        cluster.helm("rollback", "gopherpay")
        await_one_cluster(cluster, cluster.image)

    record_outcome("helm upgrade with a new image and a migration", upgrade)
    record_outcome("helm rollback", rollback)
    assert query(cluster, COLUMN) == [["1"]]
    assert query(cluster, REVISION) == newer == [["trial"]]
    assert len({before, upgraded, cluster.serving()}) == 3
    for outcome in (upgrade, rollback):
        assert (outcome["unresolved"], outcome["refused"]) == ([], [])
        assert outcome["acknowledged"] > 0
