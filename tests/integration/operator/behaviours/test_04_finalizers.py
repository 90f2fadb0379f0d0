"""Behaviour 4: deletion waits only where it must, for as long as it must, and never for ever."""

from __future__ import annotations

import pytest

from tests.integration.operator.outside import connect_kafka, connect_postgres
from tests.integration.operator.waiting import until
from tests.integration.operator.world import conditions

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("operator")]

FINALIZERS = ["gopherpay.dev/finalizer"]
DELETE = {"deletionPolicy": "Delete"}


@pytest.mark.usefixtures("events")
def test_retain_needs_no_finalizer_and_gives_the_topic_free(team, topics, free_name):
    team.apply("EventTopic", free_name, {"externalName": free_name})
    document = team.until("EventTopic", free_name)
    topic_id = topics.id(free_name)
    assert "finalizers" not in document["metadata"]

    team.delete("EventTopic", free_name)
    assert team.read("EventTopic", free_name) is None

    team.apply("EventTopic", f"{free_name}-heir", {"externalName": free_name})
    heir = team.until("EventTopic", f"{free_name}-heir")
    assert topics.id(free_name) == topic_id
    assert conditions(heir)["Adopted"]["status"] == "True"


@pytest.mark.usefixtures("events")
def test_delete_waits_for_the_name_and_then_for_the_topic(team, topics, free_name):
    team.apply("EventTopic", free_name, DELETE)
    assert team.until("EventTopic", free_name)["metadata"]["finalizers"] == FINALIZERS

    team.delete("EventTopic", free_name)
    team.until("EventTopic", free_name, "DeletionBlocked", reason="DestroyNotAllowed")
    assert free_name in topics.names()

    team.annotate("EventTopic", free_name, allow_destroy=free_name)
    team.until_gone("EventTopic", free_name)
    assert free_name not in topics.names()


@pytest.mark.usefixtures("ledger")
def test_delete_waits_for_the_role(team, server, free_name):
    team.apply("PostgresRole", free_name, DELETE)
    assert team.until("PostgresRole", free_name)["metadata"]["finalizers"] == FINALIZERS
    team.annotate("PostgresRole", free_name, allow_destroy=free_name)

    team.delete("PostgresRole", free_name)

    team.until_gone("PostgresRole", free_name)
    assert not server.has_role(free_name)


@pytest.mark.usefixtures("ledger")
def test_another_policy_sets_and_takes_the_finalizer(team, server, free_name):
    def finalizers():
        return team.read("PostgresRole", free_name)["metadata"].get("finalizers", [])

    team.apply("PostgresRole", free_name)
    team.until("PostgresRole", free_name)
    assert finalizers() == []

    team.apply("PostgresRole", free_name, DELETE)
    until(lambda: finalizers() == FINALIZERS)
    team.apply("PostgresRole", free_name, {"deletionPolicy": "Retain"})
    until(lambda: finalizers() == [])

    team.delete("PostgresRole", free_name)
    assert team.read("PostgresRole", free_name) is None
    assert server.has_role(free_name)


def test_a_server_that_is_away_blocks_a_deletion_until_it_is_back(team, server, gate, free_name):
    connect_postgres(team, gate.port, free_name)
    reference = {"connectionRef": {"name": free_name}}
    team.apply("PostgresRole", free_name, {**reference, **DELETE})
    team.until("PostgresRole", free_name)
    team.annotate("PostgresRole", free_name, allow_destroy=free_name)

    gate.close()
    team.delete("PostgresRole", free_name)
    team.until("PostgresRole", free_name, "DeletionBlocked", reason="BackendUnavailable")
    assert server.has_role(free_name)

    gate.open()
    team.until_gone("PostgresRole", free_name)
    assert not server.has_role(free_name)


def test_a_namespace_goes_though_the_operator_went_first(
    api_server, operators, teams, topics, broker_address, free_name
):
    if not api_server.has_controllers:
        pytest.skip("KUBEBUILDER_ASSETS has no kube-controller-manager, which ends namespaces")
    [team] = teams(1)
    connect_kafka(team, broker_address)
    operator = operators([team])
    team.apply("EventTopic", free_name)
    team.until("EventTopic", free_name)

    operator.stop()
    path = f"/api/v1/namespaces/{team.namespace}"
    assert team.client.delete(path).is_success

    until(lambda: team.client.get(path).status_code == 404)
    assert free_name in topics.names()
