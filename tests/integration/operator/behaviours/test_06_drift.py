"""Behaviour 6: what others change is found at the next comparison, and treated as asked."""

from __future__ import annotations

import pytest

from tests.integration.operator.waiting import until
from tests.integration.operator.world import conditions

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("operator"),
    pytest.mark.usefixtures("events"),
]

RESYNC_SECONDS_MAX = 30 * 1.2
GRANTED_SECONDS = 60
CONFIG = {"config": {"max.message.bytes": "2000000"}}


def test_drift_is_found_within_one_resync_and_treated_as_asked(team, operator, topics, free_name):
    names = {policy: f"{free_name}-{policy.lower()}" for policy in ("Correct", "Report", "Ignore")}
    for policy, name in names.items():
        spec = {**CONFIG, "driftPolicy": policy, "resyncInterval": "30s"}
        team.apply("EventTopic", name, spec)
    for name in names.values():
        team.until("EventTopic", name)

    for name in names.values():
        topics.configure(name, max_message_bytes="3000000")

    reported = team.until(
        "EventTopic", names["Report"], "Drifted", seconds=RESYNC_SECONDS_MAX + GRANTED_SECONDS
    )
    until(
        lambda: topics.config(names["Correct"])["max.message.bytes"] == "2000000",
        seconds=RESYNC_SECONDS_MAX + GRANTED_SECONDS,
    )
    assert conditions(reported)["Ready"]["status"] == "True"
    [planned] = reported["status"]["plannedActions"]
    assert "max.message.bytes" in planned["message"]
    assert "max.message.bytes" in conditions(reported)["Drifted"]["message"]
    until(lambda: "DriftCorrected" in team.reasons("EventTopic", names["Correct"]))
    assert team.reasons("EventTopic", names["Report"]).count("DriftDetected") == 1

    one_pass(team, operator, names["Ignore"])
    ignored = team.read("EventTopic", names["Ignore"])
    assert conditions(ignored)["Ready"]["status"] == "True"
    assert conditions(ignored).get("Drifted", {"status": "False"})["status"] != "True"
    for policy in ("Report", "Ignore"):
        assert topics.config(names[policy])["max.message.bytes"] == "3000000"


def one_pass(team, operator, name):
    """Ask for a comparison and wait for it."""
    before = operator.passes("EventTopic")
    team.ask_for_a_pass("EventTopic", name)
    until(lambda: operator.passes("EventTopic") > before)


def test_a_spec_that_changes_is_carried_out_though_drift_is_only_reported(team, topics, free_name):
    spec = {**CONFIG, "driftPolicy": "Report"}
    team.apply("EventTopic", free_name, spec)
    team.until("EventTopic", free_name)
    topics.configure(free_name, max_message_bytes="3000000")
    team.ask_for_a_pass("EventTopic", free_name)
    team.until("EventTopic", free_name, "Drifted")

    team.apply("EventTopic", free_name, {**spec, "partitions": 2})

    document = team.until("EventTopic", free_name, "Drifted", status="False")
    assert "plannedActions" not in document["status"]
    assert topics.partitions(free_name) == 2
    assert topics.config(free_name)["max.message.bytes"] == "2000000"


def test_a_text_is_kept_a_null_is_given_back_and_the_rest_is_left_alone(
    team, operator, topics, free_name
):
    spec = {"config": {"max.message.bytes": "2000000", "segment.ms": None}}
    team.apply("EventTopic", free_name, spec)
    team.until("EventTopic", free_name)

    topics.configure(free_name, segment_ms="3600000", flush_messages="77")
    team.ask_for_a_pass("EventTopic", free_name)

    until(lambda: "segment.ms" not in topics.config(free_name))
    one_pass(team, operator, free_name)
    assert topics.config(free_name) == {"max.message.bytes": "2000000", "flush.messages": "77"}
    document = team.until("EventTopic", free_name)
    assert conditions(document).get("Drifted", {"status": "False"})["status"] == "False"


def test_a_topic_that_somebody_deleted_is_made_again(team, topics, free_name):
    team.apply("EventTopic", free_name)
    before = team.until("EventTopic", free_name)["status"]["externalId"]

    topics.drop(free_name)
    team.ask_for_a_pass("EventTopic", free_name)

    until(lambda: team.read("EventTopic", free_name)["status"].get("externalId") != before)
    document = team.until("EventTopic", free_name)
    assert document["status"]["externalId"] == topics.id(free_name)


def test_what_is_there_already_is_taken_only_as_asked(team, topics, free_name):
    names = {policy: f"{free_name}-{policy.lower()}" for policy in ("Never", "Always")}
    for name in [*names.values(), f"{free_name}-different", f"{free_name}-identical"]:
        topics.create(name, max_message_bytes="3000000")

    for policy, name in names.items():
        team.apply("EventTopic", name, {**CONFIG, "adoptionPolicy": policy})
    team.apply("EventTopic", f"{free_name}-different", CONFIG)
    team.apply("EventTopic", f"{free_name}-identical", {"config": {"max.message.bytes": "3000000"}})

    team.until("EventTopic", names["Never"], status="False", reason="AdoptionForbidden")
    team.until("EventTopic", f"{free_name}-different", status="False", reason="NotIdentical")
    for name in (names["Always"], f"{free_name}-identical"):
        team.until("EventTopic", name)
        team.until("EventTopic", name, "Adopted")
        until(lambda name=name: "Adopted" in team.reasons("EventTopic", name))
    assert topics.config(names["Never"])["max.message.bytes"] == "3000000"
    assert topics.config(names["Always"])["max.message.bytes"] == "2000000"
