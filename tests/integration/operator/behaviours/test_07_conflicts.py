"""Behaviour 7: of two who want one thing, one owns it, and the other changes nothing."""

from __future__ import annotations

import pytest

from tests.integration.operator.outside import connect_kafka, connect_postgres
from tests.integration.operator.waiting import until
from tests.integration.operator.world import conditions

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("operator")]


@pytest.fixture(scope="module")
def namespaces_of_one_cluster(make_teams, run_operators, kafka, server):
    """Return two teams that one operator serves."""
    pair = make_teams(2)
    connect_all(pair, kafka, server)
    run_operators(pair)
    return pair


@pytest.fixture(scope="module")
def clusters(make_teams, run_operators, kafka, server):
    """Return two teams, each with an operator of its own, of its own cluster."""
    pair = make_teams(2)
    connect_all(pair, kafka, server)
    for number, team in enumerate(pair):
        run_operators([team], cluster=f"cluster-{number}")
    return pair


def connect_all(pair, kafka, server):
    for team in pair:
        connect_kafka(team, kafka.bootstrap_servers)
        connect_postgres(team, server.port)


@pytest.fixture(params=["namespaces_of_one_cluster", "clusters"])
def pair(request):
    """Return two teams in one cluster, and two in two."""
    return request.getfixturevalue(request.param)


def identity(kind, name, topics, server):
    """Return what tells a thing outside from another one of its name."""
    return topics.id(name) if kind == "EventTopic" else server.oid(name)


def decided(pair, kind, name):
    """Return the owner and the other one of *pair*, once that is clear."""

    def reasons():
        return [conditions(team.read(kind, name)).get("Ready", {}).get("reason") for team in pair]

    until(lambda: sorted(map(str, reasons())) == ["Conflict", "Ready"], told=lambda: str(reasons()))
    return pair if reasons()[0] == "Ready" else pair[::-1]


@pytest.mark.parametrize("kind", ["EventTopic", "PostgresRole"])
def test_one_owns_it_and_the_other_changes_nothing_by_going(pair, kind, topics, server, free_name):
    for team in pair:
        team.apply(kind, free_name, {"deletionPolicy": "Delete"})
        team.annotate(kind, free_name, allow_destroy=free_name)

    owner, other = decided(pair, kind, free_name)
    made = identity(kind, free_name, topics, server)
    lost = other.read(kind, free_name)
    assert owner.namespace in conditions(lost)["Ready"]["message"]
    assert lost["status"].get("ownership", {"owned": False})["owned"] is False
    assert other.reasons(kind, free_name).count("Conflict") == 1

    other.delete(kind, free_name)
    other.until_gone(kind, free_name)

    assert identity(kind, free_name, topics, server) == made
    owner.ask_for_a_pass(kind, free_name)
    owner.until(kind, free_name)
    owner.delete(kind, free_name)
    owner.until_gone(kind, free_name)


def test_who_comes_second_gets_it_when_the_first_goes(pair, topics, free_name):
    for team in pair:
        team.apply("EventTopic", free_name)
    owner, other = decided(pair, "EventTopic", free_name)
    made = topics.id(free_name)

    owner.delete("EventTopic", free_name)
    until(lambda: owner.read("EventTopic", free_name) is None)

    def taken():
        other.ask_for_a_pass("EventTopic", free_name)
        return conditions(other.read("EventTopic", free_name))["Ready"]["reason"] == "Ready"

    until(taken)
    assert topics.id(free_name) == made
