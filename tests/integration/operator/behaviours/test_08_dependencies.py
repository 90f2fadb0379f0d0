"""Behaviour 8: what something needs may come later; it waits in peace, and goes on at once."""

from __future__ import annotations

import pytest

from tests.integration.operator.outside import connect_kafka, connect_postgres, make_admin
from tests.integration.operator.waiting import until
from tests.integration.operator.world import conditions

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("operator")]

AT_ONCE_SECONDS_MAX = 30
"""Far less than the minute after which a resource that waits is looked at anyway."""

PASSES_MAX = 12
"""Creation, connection, Secret and their echoes; a hot loop makes hundreds."""


def test_a_role_waits_in_peace_for_its_connection_and_both_its_secrets(
    team, operator, server, free_name
):
    spec = {
        "connectionRef": {"name": free_name},
        "login": True,
        "password": {"secretRef": {"name": free_name}},
    }
    before = operator.passes("PostgresRole")
    team.apply("PostgresRole", free_name, spec)
    waiting = team.until("PostgresRole", free_name, status="False", reason="DependencyMissing")
    assert free_name in conditions(waiting)["DependenciesReady"]["message"]

    connect_postgres(team, server.port, free_name)
    team.until("PostgresConnection", free_name, seconds=AT_ONCE_SECONDS_MAX)
    team.write_secret(free_name, password="a-password-of-the-tests")

    team.until("PostgresRole", free_name, seconds=AT_ONCE_SECONDS_MAX)
    assert server.lets_in(free_name, "a-password-of-the-tests")
    assert operator.passes("PostgresRole") - before <= PASSES_MAX


def test_a_connection_waits_for_its_secret_and_its_users_go_on_with_it(
    team, operator, server, free_name
):
    missing = {"adminSecretRef": {"name": f"{free_name}-later"}}
    connect_postgres(team, server.port, free_name, **missing)
    team.apply("PostgresRole", free_name, {"connectionRef": {"name": free_name}})
    before = operator.passes("PostgresConnection")
    team.until("PostgresConnection", free_name, status="False", reason="DependencyMissing")
    team.until("PostgresRole", free_name, status="False")

    content = team.read_secret(f"{free_name}-admin")
    team.write_secret(f"{free_name}-later", **content)

    team.until("PostgresConnection", free_name, seconds=AT_ONCE_SECONDS_MAX)
    team.until("PostgresRole", free_name, seconds=AT_ONCE_SECONDS_MAX)
    assert operator.passes("PostgresConnection") - before <= PASSES_MAX


def test_another_password_of_the_operator_is_used_at_once(team, server, free_name):
    admin, reference = f"{free_name}-admin", {"connectionRef": {"name": free_name}}
    make_admin(server, admin)
    connect_postgres(team, server.port, free_name, admin=admin)
    team.apply("PostgresRole", free_name, reference)
    team.until("PostgresRole", free_name)

    make_admin(server, admin, "another-password")
    team.ask_for_a_pass("PostgresConnection", free_name)
    team.until("PostgresConnection", free_name, status="False")
    team.write_secret(f"{free_name}-admin", username=admin, password="another-password")

    team.until("PostgresConnection", free_name, seconds=AT_ONCE_SECONDS_MAX)
    team.apply("PostgresRole", free_name, {**reference, "attributes": {"connectionLimit": 3}})
    team.until("PostgresRole", free_name, seconds=AT_ONCE_SECONDS_MAX)


def test_a_connection_stays_while_something_needs_it_for_its_end(
    team, broker_address, topics, free_name
):
    connect_kafka(team, broker_address, free_name)
    reference = {"connectionRef": {"name": free_name}}
    team.apply("EventTopic", free_name, {**reference, "deletionPolicy": "Delete"})
    team.annotate("EventTopic", free_name, allow_destroy=free_name)
    team.until("EventTopic", free_name)
    until(lambda: team.read("KafkaConnection", free_name)["status"].get("users") == 1)
    until(lambda: team.read("KafkaConnection", free_name)["metadata"].get("finalizers"))

    team.delete("KafkaConnection", free_name)
    blocked = team.until("KafkaConnection", free_name, "DeletionBlocked", reason="InUse")
    assert "1" in conditions(blocked)["DeletionBlocked"]["message"]

    team.delete("EventTopic", free_name)
    team.until_gone("EventTopic", free_name)
    team.until_gone("KafkaConnection", free_name)
    assert free_name not in topics.names()


def test_a_connection_without_such_users_goes_and_they_say_so(team, broker_address, free_name):
    connect_kafka(team, broker_address, free_name)
    team.apply("EventTopic", free_name, {"connectionRef": {"name": free_name}})
    team.until("EventTopic", free_name)

    team.delete("KafkaConnection", free_name)

    team.until_gone("KafkaConnection", free_name)
    team.until("EventTopic", free_name, "DependenciesReady", status="False")


def test_a_connection_of_another_namespace_lets_in_whom_it_names(
    team, other_team, broker_address, free_name
):
    connect_kafka(team, broker_address, free_name)
    reference = {"connectionRef": {"name": free_name, "namespace": team.namespace}}
    other_team.apply("EventTopic", free_name, reference)
    other_team.until("EventTopic", free_name, status="False", reason="NamespaceNotAllowed")

    allowed = {"policy": "Selected", "names": [other_team.namespace]}
    connect_kafka(team, broker_address, free_name, allowedNamespaces=allowed)

    other_team.until("EventTopic", free_name, seconds=AT_ONCE_SECONDS_MAX)
