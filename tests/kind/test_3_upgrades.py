"""A newer version with a migration comes in and goes out again while money moves."""

from __future__ import annotations

import time

from tests.kind.platform import await_one_cluster, install, is_ready, query

REVISION = "SELECT version_num FROM alembic_version"
COLUMN = "SELECT count(*) FROM information_schema.columns WHERE column_name = 'trial'"


OLD_LOGIN = "SELECT rolpassword IS NULL OR NOT rolcanlogin FROM pg_authid WHERE rolname = '{}'"
SIGNED_IN = """
SELECT DISTINCT usename FROM pg_stat_activity
WHERE datname = 'gopherpay' AND usename LIKE 'gopherpay_login%'
"""


def login_of(cluster):
    """Return the role as which new pods sign in to the database."""
    role = cluster.get("postgresrole/gopherpay-app")
    return role["status"]["observed"]["role"] if is_ready(role) else None


def test_a_rotated_password_holds_until_the_pods_are_new(cluster, payments, record_outcome):
    before = cluster.until(lambda: login_of(cluster), "the login is there", 120)
    mark = str(time.time_ns())

    with payments.running() as outcome:
        wish = f"gopherpay.dev/rotate-at={mark}"
        cluster.kubectl("annotate", "--overwrite", "postgresrole/gopherpay-app", wish)
        cluster.until(lambda: login_of(cluster) not in {before, None}, "there is another", 120)
        still = [name for (name,) in query(cluster, SIGNED_IN)]
        install(cluster, cluster.image, f"--set-string=restartedAt={mark}")
        await_one_cluster(cluster, cluster.image)
        is_shut_out = OLD_LOGIN.format(before)
        cluster.until(lambda: query(cluster, is_shut_out) == [["t"]], "the old one is shut out")

    record_outcome("rotation of the database's password and new pods", outcome)
    assert still == [before]
    assert {name for (name,) in query(cluster, SIGNED_IN)} == {login_of(cluster)}
    assert (outcome["unresolved"], outcome["refused"]) == ([], [])
    assert outcome["acknowledged"] > 0


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
