"""How far a change and an outage reach: to whom they matter, soon, and without a hot loop."""

from __future__ import annotations

import time

import pytest

from tests.integration.operator.outages import killed
from tests.integration.operator.outside import connect_kafka
from tests.integration.operator.waiting import until
from tests.integration.operator.world import conditions

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("operator")]

COUNT = 10
AT_ONCE_SECONDS_MAX = 30
CALLS_EACH_SECOND_MAX = 3
"""Of one connection that is away: its breaker lets one look through, and then backs off."""

CALLS_GRANTED = 20 * COUNT
"""What all resources together take to find the outage, and to be looked at afterwards."""


@pytest.mark.usefixtures("ledger")
def test_a_secret_reaches_its_role(team, server, free_name):
    team.write_secret(free_name, password="the-first-of-its-passwords")
    spec = {"login": True, "password": {"secretRef": {"name": free_name}}}
    team.apply("PostgresRole", free_name, spec)
    team.until("PostgresRole", free_name)

    team.write_secret(free_name, password="the-second-of-its-passwords")

    until(
        lambda: server.lets_in(free_name, "the-second-of-its-passwords"),
        seconds=AT_ONCE_SECONDS_MAX,
    )
    assert not server.lets_in(free_name, "the-first-of-its-passwords")


@pytest.fixture
def many(teams, operators, fragile_kafka, free_name):
    """Return a team with topics, their names, and their operator."""
    [team] = teams(1)
    operator = operators([team])
    connect_kafka(team, fragile_kafka.bootstrap_servers)
    names = [f"{free_name}-{number}" for number in range(COUNT)]
    for name in names:
        team.apply("EventTopic", name)
    for name in names:
        team.until("EventTopic", name)
    return team, names, operator


def test_after_an_outage_of_the_broker_all_are_ready_without_a_hot_loop(many, fragile_kafka):
    team, names, operator = many
    calls, began = operator.calls("kafka"), time.monotonic()

    with fragile_kafka.stopped():
        for name in names:
            team.ask_for_a_pass("EventTopic", name)
        for name in names:
            team.until("EventTopic", name, status="False", reason="BackendUnavailable")

    for name in names:
        team.until("EventTopic", name)
    seconds = time.monotonic() - began
    allowed = CALLS_GRANTED + CALLS_EACH_SECOND_MAX * seconds
    assert 0 < operator.calls("kafka") - calls <= allowed
    told = [team.reasons("EventTopic", name).count("BackendUnavailable") for name in names]
    assert max(told) <= 1


def test_after_an_outage_of_the_api_server_all_are_ready_without_a_hot_loop(
    many, api_server, fragile_kafka
):
    team, names, operator = many
    calls, passes = operator.calls("kafka"), operator.passes("EventTopic")

    with killed(api_server):
        fragile_kafka.topics.drop(names[0])
    for name in names[1:]:
        team.apply("EventTopic", name, {"partitions": 2})
    team.ask_for_a_pass("EventTopic", names[0])

    for name in names[1:]:
        team.until("EventTopic", name)
    until(lambda: names[0] in fragile_kafka.topics.names())
    team.until("EventTopic", names[0])
    assert 0 < operator.calls("kafka") - calls <= CALLS_GRANTED
    assert 0 < operator.passes("EventTopic") - passes <= CALLS_GRANTED
    assert all(
        conditions(team.read("EventTopic", name))["Ready"]["status"] == "True" for name in names
    )
