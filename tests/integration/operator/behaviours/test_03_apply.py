"""Behaviour 3: the operator owns its own fields, and people and GitOps tools own theirs."""

from __future__ import annotations

import json

import pytest

from tests.integration.operator.resources import address, apply
from tests.integration.operator.world import conditions

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("operator"),
    pytest.mark.usefixtures("events"),
]

OURS = "gopherpay-operator"
THEIRS = {
    "type": "example.org/Reviewed",
    "status": "True",
    "reason": "Reviewed",
    "message": "",
    "lastTransitionTime": "2026-01-01T00:00:00Z",
}


def owned(document, manager=OURS):
    """Return the top-level fields that *manager* owns, by sub-resource."""
    found = {}
    for entry in document["metadata"]["managedFields"]:
        if entry["manager"] == manager:
            found.setdefault(entry.get("subresource", ""), set()).update(entry["fieldsV1"])
    return found


def test_the_operator_owns_the_status_and_nothing_else(team, free_name):
    team.apply("EventTopic", free_name)

    document = team.until("EventTopic", free_name)

    assert owned(document) == {"status": {"f:status"}}
    assert "gopherpay" not in json.dumps(
        [
            entry["fieldsV1"].get("f:metadata", {}).get("f:annotations", {})
            for entry in document["metadata"]["managedFields"]
        ]
    )


def test_a_finalizer_is_all_that_the_operator_adds_to_the_rest(team, free_name):
    team.apply("EventTopic", free_name, {"deletionPolicy": "Delete", "dataLossGuard": "None"})
    document = team.until("EventTopic", free_name)

    assert document["metadata"]["finalizers"] == ["gopherpay.dev/finalizer"]
    assert owned(document).keys() <= {"", "status"}
    assert owned(document).get("", set()) <= {"f:metadata"}

    team.annotate("EventTopic", free_name, allow_destroy=free_name)
    team.delete("EventTopic", free_name)
    team.until_gone("EventTopic", free_name)


@pytest.mark.parametrize(
    "way",
    [
        ["apply"],
        ["apply", "--server-side", "--field-manager=argocd-controller"],
        ["replace"],
    ],
    ids=lambda way: way[-1],
)
def test_others_apply_without_a_conflict_and_without_taking_the_status(
    kubectl, team, free_name, way
):
    document = team.document("EventTopic", free_name)
    kubectl("apply", *way[1:], "-f", "-", stdin=json.dumps(document))
    before = team.until("EventTopic", free_name)

    document["spec"]["partitions"] = 2
    answer = kubectl(*way, "-f", "-", stdin=json.dumps(document))

    assert answer.returncode == 0, answer.stderr
    after = team.until("EventTopic", free_name)
    assert after["status"]["externalId"] == before["status"]["externalId"]
    again = kubectl(*way, "-f", "-", stdin=json.dumps(document))
    assert again.returncode == 0, again.stderr
    assert team.read("EventTopic", free_name)["metadata"]["generation"] == 2


def test_a_condition_of_somebody_else_stays(team, cluster, free_name):
    team.apply("EventTopic", free_name)
    document = team.until("EventTopic", free_name)
    whole = {key: document[key] for key in ("apiVersion", "kind")}
    answer = apply(
        cluster,
        address("EventTopic", team.namespace, free_name) + "/status",
        {**whole, "metadata": {"name": free_name}, "status": {"conditions": [THEIRS]}},
        fieldManager="reviewer",
    )
    assert answer.is_success, answer.text

    team.apply("EventTopic", free_name, {"partitions": 2})

    found = conditions(team.until("EventTopic", free_name))
    assert found["example.org/Reviewed"] == THEIRS
    assert found["Ready"]["status"] == "True"
