"""Behaviour 2: the status is what ``kubectl wait`` and GitOps tools wait for, and is quiet."""

from __future__ import annotations

import json

import pytest

from tests.integration.operator.waiting import until
from tests.integration.operator.world import conditions

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("operator")]

PASSES = 3
RESYNC_SECONDS_MAX = 30 * 1.2
GRANTED_SECONDS = 60


@pytest.mark.parametrize(
    ("kind", "connection"),
    [("EventTopic", "events"), ("PostgresRole", "ledger"), ("NovuTopic", "development")],
)
def test_a_person_can_wait_for_ready(kubectl, team, free_name, kind, connection, request):
    request.getfixturevalue(connection)
    document = team.document(kind, free_name)

    applied = kubectl("apply", "-f", "-", stdin=json.dumps(document))
    waited = kubectl(
        "wait", "--for=condition=Ready", f"{kind.lower()}/{free_name}",
        "-n", team.namespace, "--timeout=60s",
    )  # fmt: skip

    assert applied.returncode == 0, applied.stderr
    assert waited.returncode == 0, waited.stderr + team.shown(kind, free_name)
    assert team.read(kind, free_name)["status"]["externalName"] == free_name


@pytest.mark.usefixtures("events")
def test_a_generation_is_observed_when_the_spec_changes_and_only_then(team, topics, free_name):
    team.apply("EventTopic", free_name)
    first = team.until("EventTopic", free_name)
    assert first["metadata"]["generation"] == first["status"]["observedGeneration"] == 1

    team.patch("EventTopic", free_name, {"metadata": {"labels": {"colour": "green"}}})
    team.ask_for_a_pass("EventTopic", free_name)
    team.apply("EventTopic", free_name, {"partitions": 3})

    second = team.until("EventTopic", free_name)
    assert second["metadata"]["generation"] == second["status"]["observedGeneration"] == 2
    assert topics.partitions(free_name) == 3


@pytest.mark.usefixtures("events")
def test_a_condition_keeps_the_time_of_its_last_change(team, free_name):
    team.apply("EventTopic", free_name)
    first = conditions(team.until("EventTopic", free_name))["Ready"]

    team.apply("EventTopic", free_name, {"partitions": 2})

    again = conditions(team.until("EventTopic", free_name))["Ready"]
    assert again["lastTransitionTime"] == first["lastTransitionTime"]
    assert again["observedGeneration"] == first["observedGeneration"] + 1


@pytest.mark.usefixtures("ledger")
def test_a_pass_that_finds_nothing_writes_nothing(team, operator, free_name):
    team.write_secret(free_name, password="a-password-of-the-tests")
    spec = {"login": True, "password": {"secretRef": {"name": free_name}}}
    team.apply("PostgresRole", free_name, spec)
    team.until("PostgresRole", free_name)
    quiet = team.read("PostgresRole", free_name)

    for number in range(PASSES):
        before = operator.passes("PostgresRole")
        # The Secret changes in something that nobody reads, which brings the role again.
        team.write_secret(free_name, password="a-password-of-the-tests", unused=str(number))
        until(lambda before=before: operator.passes("PostgresRole") > before)

    assert team.read("PostgresRole", free_name) == quiet


def test_three_comparisons_write_nothing(steady):
    steady.until_compared(PASSES, seconds=PASSES * RESYNC_SECONDS_MAX + GRANTED_SECONDS)
    if steady.now() != steady.before:
        # Another test had the API server killed in the middle of a comparison: look undisturbed.
        steady.begin()
        steady.until_compared(PASSES, seconds=PASSES * RESYNC_SECONDS_MAX + GRANTED_SECONDS)

    assert steady.now() == steady.before


@pytest.mark.usefixtures("events")
def test_a_suspended_resource_says_what_it_would_do_and_stays_ready(team, topics, free_name):
    team.apply("EventTopic", free_name)
    team.until("EventTopic", free_name)

    team.apply("EventTopic", free_name, {"partitions": 2, "suspend": True})
    suspended = team.until("EventTopic", free_name, reason="Suspended")

    [planned] = suspended["status"]["plannedActions"]
    assert planned["action"] == "AddPartitions"
    assert planned["risk"] == "Safe"
    assert topics.partitions(free_name) == 1

    team.apply("EventTopic", free_name, {"partitions": 2})
    resumed = team.until("EventTopic", free_name, reason="Ready")
    assert "plannedActions" not in resumed["status"]
    assert topics.partitions(free_name) == 2


@pytest.mark.usefixtures("events")
def test_what_can_never_be_is_stalled_and_not_reconciling(team, free_name):
    team.apply("EventTopic", free_name, {"replicationFactor": 5})

    stalled = conditions(team.until("EventTopic", free_name, "Stalled"))

    assert stalled["Ready"]["status"] == "False"
    assert "Reconciling" not in stalled
    assert "replica" in stalled["Ready"]["message"].lower()
