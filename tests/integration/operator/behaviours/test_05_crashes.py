"""Behaviour 5: SIGKILL at any moment ends with one thing outside, owned, and told of once."""

from __future__ import annotations

import random
import threading
import time
from contextlib import ExitStack

import pytest

from tests.integration.operator.outages import frozen
from tests.integration.operator.outside import connect_kafka, connect_postgres
from tests.integration.operator.waiting import until
from tests.integration.operator.world import conditions

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("operator")]

ROUNDS = 5
LATEST_KILL_SECONDS = 0.4
ROTATED = {
    "login": True,
    "password": {"generate": {"rotation": {"interval": "720h", "strategy": "DualRole"}}},
}


@pytest.fixture
def alone(teams, operators):
    """Return a team and its operator, which may be killed."""
    [team] = teams(1)
    return team, operators([team])


def once_ready(team, kind, name):
    """Check that a resource is Ready, owns what is outside, and has told so once."""
    document = team.until(kind, name)
    assert document["status"]["ownership"]["owned"] is True
    until(lambda: "Created" in team.reasons(kind, name))
    assert team.reasons(kind, name).count("Created") == 1
    assert "Adopted" not in team.reasons(kind, name)


def test_a_topic_made_before_its_status_was_written_is_made_once(
    alone, api_server, fragile_kafka, free_name
):
    team, operator = alone
    connect_kafka(team, fragile_kafka.bootstrap_servers)
    team.until("KafkaConnection", "events")

    with ExitStack() as outage:
        with fragile_kafka.paused():
            team.apply("EventTopic", free_name, {"deletionPolicy": "Delete"})
            # The finalizer is the last that is written before Kafka is asked.
            until(lambda: "finalizers" in team.read("EventTopic", free_name)["metadata"])
            outage.enter_context(frozen(api_server))
        until(lambda: free_name in fragile_kafka.topics.names())
        operator.kill()
    made = fragile_kafka.topics.id(free_name)
    assert "Ready" not in conditions(team.read("EventTopic", free_name))

    operator.start()

    once_ready(team, "EventTopic", free_name)
    assert fragile_kafka.topics.id(free_name) == made


def test_a_role_made_before_its_status_was_written_is_made_once(
    alone, api_server, server, free_name
):
    team, operator = alone
    connect_postgres(team, server.port)
    team.until("PostgresConnection", "ledger")

    with ExitStack() as outage:
        with server.roles_held():
            team.apply("PostgresRole", free_name)
            until(server.holds_the_operator)
            outage.enter_context(frozen(api_server))
        until(lambda: server.has_role(free_name))
        operator.kill()
    made = server.oid(free_name)
    assert "Ready" not in conditions(team.read("PostgresRole", free_name))

    operator.start()

    once_ready(team, "PostgresRole", free_name)
    assert server.oid(free_name) == made


def test_kills_at_any_moment_end_with_one_of_each(alone, broker_address, topics, server, free_name):
    team, operator = alone
    connect_kafka(team, broker_address)
    connect_postgres(team, server.port)
    team.until("KafkaConnection", "events")
    team.until("PostgresConnection", "ledger")
    names = [f"{free_name}-{number}" for number in range(ROUNDS)]
    moments = random.Random(free_name)  # noqa: S311 - moments, not secrets

    for name in names:
        team.apply("EventTopic", name)
        team.apply("PostgresRole", name)
        time.sleep(moments.uniform(0, LATEST_KILL_SECONDS))  # the moment is what is varied
        operator.kill()
        operator.start()

    for name in names:
        for kind in ("EventTopic", "PostgresRole"):
            document = team.until(kind, name)
            assert document["status"]["ownership"]["owned"] is True
            assert team.reasons(kind, name).count("Created") <= 1
    assert set(names) <= topics.names()
    assert all(server.has_role(name) for name in names)


class SignsIn:
    """A program that signs in by the Secret, again and again, in a thread."""

    def __init__(self, team, server, secret):
        self._team, self._server, self._secret = team, server, secret
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.refused = []
        self.count = 0

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._is_over.set()
        self._thread.join()

    def _run(self):
        while not self._is_over.is_set():
            read = self._team.read_secret(self._secret)
            if not self._server.lets_in(read["username"], read["password"]):
                self.refused.append(read["username"])
            self.count += 1


def test_a_rotation_that_was_cut_off_refuses_nobody_and_is_finished(
    alone, api_server, server, free_name
):
    team, operator = alone
    connect_postgres(team, server.port)
    secret = {"name": free_name, "database": "postgres"}
    team.apply("PostgresRole", free_name, {**ROTATED, "connectionSecretTemplate": secret})
    team.until("PostgresRole", free_name)
    first = team.read_secret(free_name)
    verifiers = sign_in_verifiers(server, free_name)

    with ExitStack() as outage:
        with server.roles_held():
            team.annotate("PostgresRole", free_name, rotate_at="now")
            until(server.holds_the_operator)
            outage.enter_context(frozen(api_server))
        until(lambda: sign_in_verifiers(server, free_name) != verifiers)
        operator.kill()

    assert server.lets_in(first["username"], first["password"])
    with SignsIn(team, server, free_name) as program:
        operator.start()
        until(lambda: team.read_secret(free_name)["username"] != first["username"])
        team.until("PostgresRole", free_name)
        until(lambda seen=program.count: program.count > seen + 1)
    assert program.refused == []
    assert server.lets_in(first["username"], first["password"])  # until nobody uses it


def sign_in_verifiers(server, name):
    """Return what the server keeps of the passwords of both sign-in roles."""
    return [server.verifier(f"{name}_{suffix}") for suffix in "ab"]
