"""Behaviour 1: what is wrong is refused when it is applied, in words, and nothing happens."""

from __future__ import annotations

import json

import pytest

from gopherpay_operator.resources.catalogue import KINDS
from tests.integration.operator.resources import SAMPLES, plural
from tests.integration.operator.waiting import until
from tests.integration.operator.world import CONNECTIONS

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("operator")]

REFUSED = [
    ({"partitions": 0}, "should be greater than or equal to 1"),
    ({"externalName": "__mine"}, "topics that begin with __ belong to Kafka"),
    ({"config": {"retention.ms": "1"}, "retentionClass": "Long"}, "retentionClass decides"),
    ({"resyncInterval": "1s"}, "must be a duration from 30s to 24h"),
]
FIXED = [
    ({"partitions": 1}, "partitions cannot become fewer"),
    ({"externalName": "another"}, "externalName cannot be changed"),
    ({"connectionRef": {"name": "another"}}, "connectionRef cannot be changed"),
]


@pytest.mark.parametrize(("spec", "message"), REFUSED)
def test_what_is_wrong_is_refused_in_the_terminal(kubectl, team, free_name, spec, message):
    document = team.document("EventTopic", free_name, spec)

    answer = kubectl("apply", "-f", "-", stdin=json.dumps(document))

    assert answer.returncode == 1
    assert message in answer.stderr
    assert team.read("EventTopic", free_name) is None


@pytest.mark.usefixtures("events")
def test_what_is_fixed_stays_in_the_cluster_and_outside(kubectl, team, topics, free_name):
    team.apply("EventTopic", free_name, {"partitions": 2})
    before = team.until("EventTopic", free_name)

    for change, message in FIXED:
        document = team.document("EventTopic", free_name, {"partitions": 2, **change})
        answer = kubectl(
            "apply", "--server-side", "--force-conflicts", "-f", "-", stdin=json.dumps(document)
        )
        assert answer.returncode == 1, change
        assert message in answer.stderr

    after = team.read("EventTopic", free_name)
    assert after["metadata"]["generation"] == before["metadata"]["generation"]
    assert topics.partitions(free_name) == 2


@pytest.mark.usefixtures("events")
def test_an_unknown_field_is_warned_of_and_dropped(kubectl, team, free_name):
    document = team.document("EventTopic", free_name, {"colour": "green"})

    strict = kubectl("apply", "-f", "-", stdin=json.dumps(document))
    lenient = kubectl("apply", "--validate=warn", "-f", "-", stdin=json.dumps(document))

    assert strict.returncode == 1
    assert 'unknown field "spec.colour"' in strict.stderr
    assert lenient.returncode == 0
    assert 'unknown field "spec.colour"' in lenient.stderr
    assert "colour" not in team.until("EventTopic", free_name)["spec"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_explained_in_the_terminal(kubectl, kind):
    answer = kubectl("explain", plural(kind), "--recursive")

    assert answer.returncode == 0, answer.stderr
    assert KINDS[kind].summary.split()[:4] == words_after(answer.stdout, "DESCRIPTION:")[:4]
    assert "resyncInterval" in answer.stdout
    assert "observedGeneration" in answer.stdout


def words_after(text, heading):
    return text.split(heading, 1)[1].split()


def test_every_sample_is_taken_and_gets_a_condition(kubectl, other_team, samples):
    answer = kubectl("apply", "--server-side", "-n", other_team.namespace, "-f", str(SAMPLES))
    assert answer.returncode == 0, answer.stderr

    for kind in sorted(samples, key=CONNECTIONS.__contains__):
        name = samples[kind]["metadata"]["name"]
        # No server of the samples is there: they are told so, and nothing waits for ever.
        other_team.until(kind, name, status="False")
    answer = kubectl("delete", "-n", other_team.namespace, "-f", str(SAMPLES), "--wait=false")
    assert answer.returncode == 0, answer.stderr
    until(lambda: not any(other_team.list(kind) for kind in samples))
