"""The Job of one attempt at a migration. Pure."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any, Final

from gopherpay_operator.engine.durations import seconds_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gopherpay_operator.resources.migrations import DatabaseMigrationSpec, JobVariable

KEPT_SECONDS: Final = 7 * 24 * 3600
"""How long a finished Job and its log are kept."""

_NAME_LENGTH_MAX: Final = 63  # a Job's name becomes a label of its Pod
_HASH_LENGTH: Final = 10


def job_name(name: str, uid: str, revision: str, attempt: int) -> str:
    """Return the name of the Job of that *attempt*: the same after a crash, no other's ever."""
    digest = hashlib.sha256(f"{uid}/{revision}".encode()).hexdigest()[:_HASH_LENGTH]
    end = f"-{digest}-{attempt}"
    begin = re.sub(r"[^a-z0-9-]", "-", name)[: _NAME_LENGTH_MAX - len(end)].rstrip("-")
    return f"{begin}{end}"


def job(name: str, migration: str, spec: DatabaseMigrationSpec) -> dict[str, Any]:
    """Return the Job *name* of *migration*; it fits the restricted Pod Security Standard."""
    labels = {
        "app.kubernetes.io/component": "migration",
        "app.kubernetes.io/managed-by": "gopherpay-operator",
        "app.kubernetes.io/part-of": "gopherpay",
    }
    about = {
        "gopherpay.dev/migration": migration,
        "gopherpay.dev/revision": spec.target_revision,
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "labels": labels, "annotations": about},
        "spec": {
            "backoffLimit": 0,  # attempts are counted in the status of the migration
            "activeDeadlineSeconds": int(seconds_of(spec.job.deadline)),
            "ttlSecondsAfterFinished": KEPT_SECONDS,
            "template": {
                "metadata": {"labels": labels, "annotations": about},
                "spec": _pod(spec),
            },
        },
    }


def _pod(spec: DatabaseMigrationSpec) -> dict[str, Any]:
    template = spec.job
    pod: dict[str, Any] = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": template.service_account_name is not None,
        "enableServiceLinks": False,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [_container(spec)],
        "serviceAccountName": template.service_account_name,
        "imagePullSecrets": [{"name": each.name} for each in template.image_pull_secrets or ()],
        "nodeSelector": template.node_selector,
        "tolerations": [each.model_dump() for each in template.tolerations or ()],
    }
    return _given(pod)


def _container(spec: DatabaseMigrationSpec) -> dict[str, Any]:
    template = spec.job
    container: dict[str, Any] = {
        "name": "migrate",
        "image": template.image,
        "command": _filled(template.command or (), spec),
        "args": _filled(template.args or (), spec),
        "env": [_variable(each, spec) for each in template.env or ()],
        "resources": template.resources.model_dump() if template.resources else None,
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    return _given(container)


def _given(part: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in part.items() if value not in (None, [], {})}


def _variable(variable: JobVariable, spec: DatabaseMigrationSpec) -> dict[str, Any]:
    if variable.secret_key_ref is None:
        [value] = _filled([variable.value or ""], spec)
        return {"name": variable.name, "value": value}
    reference = {"name": variable.secret_key_ref.name, "key": variable.secret_key_ref.key}
    return {"name": variable.name, "valueFrom": {"secretKeyRef": reference}}


def _filled(texts: Iterable[str], spec: DatabaseMigrationSpec) -> list[str]:
    """Return *texts* with what stands for a value replaced by it.

    Milliseconds, for a bare number is what lock_timeout takes them for (PostgreSQL documentation,
    20.11), while its units are other ones than ours.
    """
    lock_timeout_ms = str(int(seconds_of(spec.lock_timeout) * 1000))
    return [
        text.replace("{targetRevision}", spec.target_revision).replace(
            "{lockTimeout}", lock_timeout_ms
        )
        for text in texts
    ]
