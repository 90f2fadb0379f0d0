"""What the API server sends is read as it is meant."""

from __future__ import annotations

import pytest

from gopherpay_operator.kubernetes import objects
from gopherpay_operator.kubernetes.api import plural
from tests.unit.operator.kubernetes.seen import topic

OWNER = {"apiVersion": "gopherpay.dev/v1alpha1", "kind": "PostgresRole", "name": "app", "uid": "u"}
OTHER = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "app", "uid": "d"}


def test_only_annotations_of_ours_are_kept():
    # given
    raw = topic(annotations={"gopherpay.dev/reconcile-at": "1", "example.com/large": "x" * 9_999})

    # when
    found = objects.resource("EventTopic", raw)

    # then
    assert found.annotations == {"gopherpay.dev/reconcile-at": "1"}


def test_a_resource_that_is_to_go_says_so():
    # given
    raw = topic(deletionTimestamp="2026-01-01T00:00:00Z", finalizers=["gopherpay.dev/finalizer"])

    # when
    found = objects.resource("EventTopic", raw)

    # then
    assert found.is_deleting
    assert found.finalizers == ("gopherpay.dev/finalizer",)


@pytest.mark.parametrize(
    ("references", "expected"), [([OTHER, OWNER], "u"), ([OTHER], None), (None, None)]
)
def test_a_secret_is_owned_by_a_resource_of_ours_alone(references, expected):
    # given
    raw = {"metadata": {"resourceVersion": "1", "ownerReferences": references}}

    # when
    found = objects.secret(raw, {})

    # then
    assert found.owner_uid == expected


def test_a_secrets_content_is_not_shown():
    # given
    raw = {"metadata": {"resourceVersion": "1"}}

    # when
    found = objects.secret(raw, {"password": b"hunter2"})

    # then
    assert "hunter2" not in repr(found)


@pytest.mark.parametrize(
    ("conditions", "is_complete", "is_failed", "message"),
    [
        ([], False, False, ""),
        ([{"type": "Complete", "status": "True"}], True, False, ""),
        ([{"type": "Complete", "status": "False"}], False, False, ""),
        ([{"type": "Failed", "status": "True", "message": "deadline"}], False, True, "deadline"),
    ],
)
def test_a_job_stands_as_its_conditions_say(conditions, is_complete, is_failed, message):
    # given
    raw = {"metadata": {"uid": "j"}, "status": {"startTime": "s", "conditions": conditions}}

    # when
    found = objects.job_state(raw)

    # then
    assert (found.is_complete, found.is_failed, found.message) == (is_complete, is_failed, message)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("Backup", "backups"), ("Policy", "policies"), ("Ingress", "ingresses"), ("Box", "boxes")],
)
def test_a_plural_follows_the_rule(kind, expected):
    # given, when, then
    assert plural(kind) == expected
