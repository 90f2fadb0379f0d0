"""Behaviour 9: one of many acts, another takes over, and what nobody saw is found out."""

from __future__ import annotations

import pytest

from tests.integration.operator.gate import Gate
from tests.integration.operator.outages import killed
from tests.integration.operator.outside import connect_kafka
from tests.integration.operator.resources import address
from tests.integration.operator.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("operator")]

TAKEOVER_SECONDS_MAX = 15 + 60
"""The lease's duration, and what a busy machine is granted."""


@pytest.fixture
def connected(teams, broker_address):
    """Return a team with a connection that nobody has looked at yet."""
    [team] = teams(1)
    connect_kafka(team, broker_address)
    return team


def ready_once(team, name, topics):
    """Wait for a topic, check that it was made once, and return its id."""
    team.until("EventTopic", name, seconds=TAKEOVER_SECONDS_MAX)
    until(lambda: "Created" in team.reasons("EventTopic", name))
    assert team.reasons("EventTopic", name).count("Created") == 1
    return topics.id(name)


def test_one_of_two_acts_and_the_other_takes_over_when_it_is_killed(
    connected, operators, topics, free_name
):
    leader = operators([connected], has_lease=True)
    until(leader.leads)
    second = operators([connected], has_lease=True, is_ready=False)
    connected.apply("EventTopic", free_name)
    made = ready_once(connected, free_name, topics)
    assert not second.leads()
    assert second.passes("EventTopic") == 0

    leader.kill()
    connected.apply("EventTopic", f"{free_name}-later")

    ready_once(connected, f"{free_name}-later", topics)
    assert second.leads()
    assert topics.id(free_name) == made
    assert connected.reasons("EventTopic", free_name).count("Created") == 1


def test_a_leader_that_slept_too_long_ends_instead_of_acting(
    connected, operators, topics, free_name
):
    leader = operators([connected], has_lease=True)
    until(leader.leads)
    second = operators([connected], has_lease=True, is_ready=False)
    connected.apply("EventTopic", free_name)
    connected.until("EventTopic", free_name)

    with leader.asleep():
        until(second.leads, seconds=TAKEOVER_SECONDS_MAX)
        connected.apply("EventTopic", free_name, {"partitions": 2})
        connected.until("EventTopic", free_name)

    assert leader.ended_with() not in {0, None}
    assert topics.partitions(free_name) == 2
    connected.until("EventTopic", free_name)


def test_a_leader_that_ends_in_order_hands_over_at_once(connected, operators, topics, free_name):
    leader = operators([connected], has_lease=True)
    until(leader.leads)
    second = operators([connected], has_lease=True, is_ready=False)

    assert leader.stop() == 0

    until(second.leads)
    connected.apply("EventTopic", free_name)
    ready_once(connected, free_name, topics)


def test_what_went_while_the_watch_was_cut_is_not_missed(
    connected, operators, api_server, topics, tmp_path, free_name
):
    gate = Gate(int(api_server.url.rpartition(":")[2]))
    gate.open()
    operators([connected], kubeconfig=leading_through(gate, api_server, tmp_path))
    made = two_ready(connected, topics, free_name)

    gate.close()
    two_go_and_one_comes(connected, free_name)
    gate.open()

    all_is_known(connected, topics, free_name, made)
    gate.close()


def test_what_went_while_history_was_lost_is_not_missed(
    connected, operators, api_server, topics, free_name
):
    operator = operators([connected])
    made = two_ready(connected, topics, free_name)
    seen = connected.read("EventTopic", f"{free_name}-b")["metadata"]["resourceVersion"]

    with operator.asleep():
        two_go_and_one_comes(connected, free_name)
        api_server.forget_history()
        with killed(api_server):
            pass
        until(lambda: is_gone(connected, seen))

    all_is_known(connected, topics, free_name, made)


def leading_through(gate, api_server, folder):
    """Return a kubeconfig for the way through *gate*."""
    text = api_server.kubeconfig().read_text()
    path = folder / "kubeconfig.yaml"
    path.write_text(text.replace(api_server.url, f"https://127.0.0.1:{gate.port}"))
    return path


def two_ready(team, topics, name):
    """Make two topics and return the id of the first."""
    for letter in "ab":
        team.apply("EventTopic", f"{name}-{letter}")
    for letter in "ab":
        team.until("EventTopic", f"{name}-{letter}")
    until(lambda: users(team) == 2)
    return topics.id(f"{name}-a")


def two_go_and_one_comes(team, name):
    """Delete both topics and make a third one."""
    for letter in "ab":
        team.delete("EventTopic", f"{name}-{letter}")
    team.apply("EventTopic", f"{name}-c")


def all_is_known(team, topics, name, made):
    """Check that the operator knows who is there, and that what went holds nothing any more."""
    team.until("EventTopic", f"{name}-c")
    until(lambda: users(team) == 1, told=lambda: f"users: {users(team)}")
    team.apply("EventTopic", f"{name}-heir", {"externalName": f"{name}-a"})
    team.until("EventTopic", f"{name}-heir")
    assert topics.id(f"{name}-a") == made


def users(team):
    """Return how many resources the connection believes to have."""
    return team.read("KafkaConnection", "events")["status"].get("users")


def is_gone(team, version):
    """Tell whether a watch of topics from *version* on is refused with 410."""
    params = {"watch": "true", "resourceVersion": version, "timeoutSeconds": 1}
    answer = team.client.get(address("EventTopic", team.namespace), params=params)
    return '"code":410' in answer.text


def test_an_api_server_that_was_killed_is_watched_again(
    connected, operators, api_server, topics, free_name
):
    operators([connected])
    connected.apply("EventTopic", free_name)
    connected.until("EventTopic", free_name)

    with killed(api_server):
        pass

    connected.apply("EventTopic", free_name, {"partitions": 2})
    connected.until("EventTopic", free_name)
    assert topics.partitions(free_name) == 2
