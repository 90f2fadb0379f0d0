"""Jobs of migrations: restricted, bounded, under names of their own; and backups that count."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gopherpay_operator.reconcilers.migration_backups import backup_lacking
from gopherpay_operator.reconcilers.migration_jobs import job, job_name
from gopherpay_operator.resources.migrations import BackupReference, DatabaseMigrationSpec

NOW = datetime(2030, 5, 1, 12, tzinfo=UTC)
JOB = {
    "image": "registry.example/pay:1",
    "args": ["migrate", "--to={targetRevision}", "--lock-timeout={lockTimeout}"],
    "env": [
        {"name": "PGOPTIONS", "value": "-c lock_timeout={lockTimeout}"},
        {"name": "PGPASSWORD", "secretKeyRef": {"name": "owner", "key": "password"}},
    ],
}


def spec_of(**changes):
    document = {"databaseRef": {"name": "ledger"}, "targetRevision": "0002", "job": JOB, **changes}
    return DatabaseMigrationSpec.model_validate(document)


BACKUP = {"apiVersion": "postgresql.cnpg.io/v1", "kind": "Backup", "name": "nightly"}
YOUNG, OLD = "2030-05-01T00:00:01Z", "2030-04-30T11:59:59Z"


@pytest.mark.parametrize(
    ("backup", "lacking"),
    [
        (None, "is not there"),
        ({"status": {"phase": "completed", "stoppedAt": YOUNG}}, None),
        ({"status": {"phase": "completed", "stoppedAt": OLD}}, "older than 24h"),
        ({"status": {"phase": "failed", "stoppedAt": YOUNG}}, "is not completed"),
        ({"status": {"phase": "running"}}, "is not completed"),
        ({"status": {"phase": "PartiallyFailed", "completionTimestamp": YOUNG}}, "not completed"),
        ({"status": {"phase": "Completed", "completionTimestamp": YOUNG}}, None),
        ({"status": {"completionTime": YOUNG, "succeeded": 1}}, None),
        ({"status": {"failed": 1}, "metadata": {"creationTimestamp": YOUNG}}, "is not completed"),
        ({"status": {"readyToUse": False, "creationTime": YOUNG}}, "is not completed"),
        ({"status": {"readyToUse": True, "creationTime": YOUNG}}, None),
        ({"metadata": {"creationTimestamp": YOUNG}}, None),
        ({"metadata": {"creationTimestamp": OLD}}, "older than 24h"),
    ],
)
def test_only_a_completed_young_backup_counts(backup, lacking):
    found = backup_lacking(BackupReference.model_validate(BACKUP), backup, NOW)

    assert (found is None) if lacking is None else (lacking in found)


def manifest_of(**changes):
    return job("ledger-1", "ledger", spec_of(job={**JOB, **changes}))


def test_a_job_fits_the_restricted_standard_and_has_no_token():
    pod = manifest_of()["spec"]["template"]["spec"]
    [container] = pod["containers"]

    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"] == {
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
    }


def test_only_a_named_service_account_brings_a_token():
    pod = manifest_of(serviceAccountName="runner")["spec"]["template"]["spec"]

    assert (pod["serviceAccountName"], pod["automountServiceAccountToken"]) == ("runner", True)


def test_kubernetes_neither_repeats_a_job_nor_lets_it_run_for_ever():
    spec = manifest_of(deadline="1h30m")["spec"]

    assert (spec["backoffLimit"], spec["activeDeadlineSeconds"]) == (0, 5400)
    assert spec["ttlSecondsAfterFinished"] == 7 * 24 * 3600
    assert spec["template"]["spec"]["restartPolicy"] == "Never"


def test_revision_and_lock_timeout_are_filled_in():
    [container] = manifest_of()["spec"]["template"]["spec"]["containers"]

    assert container["args"] == ["migrate", "--to=0002", "--lock-timeout=5000"]
    assert container["env"] == [
        {"name": "PGOPTIONS", "value": "-c lock_timeout=5000"},
        {
            "name": "PGPASSWORD",
            "valueFrom": {"secretKeyRef": {"name": "owner", "key": "password"}},
        },
    ]


def test_what_kubernetes_takes_is_handed_on_as_it_is_written():
    toleration = {"key": "batch", "operator": "Exists", "tolerationSeconds": 30}
    resources = {"requests": {"cpu": "100m"}, "limits": {"memory": "1Gi"}}
    pod = manifest_of(tolerations=[toleration], resources=resources)["spec"]["template"]["spec"]

    assert pod["tolerations"] == [toleration]
    assert pod["containers"][0]["resources"] == resources


@pytest.mark.parametrize("name", ["ledger", "a" * 253, "with.dots", "a" * 48 + "." + "b" * 20])
def test_a_name_of_a_job_is_a_label_too(name):
    made = job_name(name, "uid", "0002", 1_000)

    assert len(made) <= 63
    assert made.replace("-", "a").isalnum()
    assert "." not in made


def test_names_differ_by_resource_revision_and_attempt():
    names = {
        job_name("ledger", uid, revision, attempt)
        for uid in ("one", "two")
        for revision in ("0001", "0002")
        for attempt in (1, 2)
    }

    assert len(names) == 8
