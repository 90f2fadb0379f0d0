"""DatabaseMigrations on a real API server; tests play the controller of Jobs."""

from __future__ import annotations

import json
import random
import time
from datetime import UTC, datetime

import pytest

from tests.integration.operator.outside import connect_postgres
from tests.integration.operator.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("operator")]

KIND = "DatabaseMigration"
JOB = {"image": "registry.example/gopherpay:0.1.0", "args": ["--to={targetRevision}"]}
ROUNDS = 4
LATEST_KILL_SECONDS = 0.5


@pytest.fixture
def alone(teams, operators, server, free_name):
    """Return a team with a database that is Ready, its operator, and the database's name."""
    [team] = teams(1)
    connect_postgres(team, server.port)
    server.do("CREATE ROLE {name}", name=free_name)
    server.do("GRANT {name} TO gp_admin", name=free_name)
    running = operators([team])
    team.apply("PostgresDatabase", free_name, {"owner": free_name})
    team.until("PostgresDatabase", free_name)
    return team, running, free_name


def spec(database, revision, **job):
    return {
        "databaseRef": {"name": database},
        "targetRevision": revision,
        "job": {**JOB, **job},
    }


def jobs(team):
    place = f"/apis/batch/v1/namespaces/{team.namespace}/jobs"
    found = team.client.get(place).json()["items"]
    return {each["metadata"]["name"]: each for each in found}


def new_job(team, known=()):
    """Return the name of the one Job that is there beside those *known*."""
    until(lambda: jobs(team).keys() - set(known), told=lambda: team.shown(KIND, "ledger"))
    [name] = jobs(team).keys() - set(known)
    return name


def end(team, name, *, is_complete, message=""):
    """Let a Job end, as its controller would write it down."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    steps = ("SuccessCriteriaMet", "Complete") if is_complete else ("FailureTarget", "Failed")
    status = {
        "startTime": now,
        "conditions": [
            {
                "type": step,
                "status": "True",
                "reason": "Test",
                "message": message,
                "lastProbeTime": now,
                "lastTransitionTime": now,
            }
            for step in steps
        ],
        **({"completionTime": now, "succeeded": 1} if is_complete else {"failed": 1}),
    }
    answer = team.client.patch(
        f"/apis/batch/v1/namespaces/{team.namespace}/jobs/{name}/status",
        headers={"Content-Type": "application/merge-patch+json"},
        content=json.dumps({"status": status}),
    )
    assert answer.is_success, answer.text


def observed(document):
    return document["status"]["observed"]


def test_a_job_brings_the_revision_and_another_one_the_next(alone):
    team, _, database = alone

    team.apply(KIND, "ledger", spec(database, "0001"))
    first = new_job(team)
    team.until(KIND, "ledger", "InProgress")
    end(team, first, is_complete=True)
    migrated = team.until(KIND, "ledger")
    team.apply(KIND, "ledger", spec(database, "0002"))
    second = new_job(team, {first})
    end(team, second, is_complete=True)
    again = team.until(KIND, "ledger")

    assert observed(migrated)["currentRevision"] == "0001"
    assert observed(again)["currentRevision"] == "0002"
    assert [run["job"] for run in observed(again)["history"]] == [second, first]
    [container] = jobs(team)[second]["spec"]["template"]["spec"]["containers"]
    assert container["args"] == ["--to=0002"]
    reasons = ["MigrationStarted", "Migrated"] * 2
    until(lambda: team.reasons(KIND, "ledger") == reasons)


def test_what_failed_is_stalled_until_a_person_asks_again(alone):
    team, _, database = alone
    team.apply(KIND, "ledger", spec(database, "0001", attemptsMax=1))
    first = new_job(team)

    end(team, first, is_complete=False, message="no such table")
    stalled = team.until(KIND, "ledger", "Stalled", reason="MigrationFailed")
    team.ask_for_a_pass(KIND, "ledger")
    second = new_job(team, {first})
    end(team, second, is_complete=True)
    team.until(KIND, "ledger")

    [said] = [each for each in stalled["status"]["conditions"] if each["type"] == "Stalled"]
    assert "no such table" in said["message"]
    assert f"kubectl logs job/{first}" in said["message"]


def test_a_crash_at_any_moment_ends_with_one_job(alone):
    team, running, database = alone
    known = set()
    for number in range(1, ROUNDS + 1):
        team.apply(KIND, "ledger", spec(database, f"{number:04}"))
        time.sleep(random.uniform(0, LATEST_KILL_SECONDS))  # noqa: S311 - any moment will do

        running.kill()
        running.start()

        name = new_job(team, known)
        team.until(KIND, "ledger", "InProgress")
        end(team, name, is_complete=True)
        team.until(KIND, "ledger")
        known.add(name)
        assert jobs(team).keys() == known


def test_deleting_it_leaves_the_database_and_takes_no_time(alone, server):
    team, _, database = alone
    team.apply(KIND, "ledger", spec(database, "0001"))
    end(team, new_job(team), is_complete=True)
    team.until(KIND, "ledger")
    oid = server.oid(database)

    team.delete(KIND, "ledger")

    team.until_gone(KIND, "ledger")
    assert server.oid(database) == oid
