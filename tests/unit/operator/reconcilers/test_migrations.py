"""DatabaseMigrations: one Job at a time, never two for one attempt, and a way on after failures."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gopherpay_operator.engine.ports import ClusterUnavailable, JobState, Key, Resource, Secret
from gopherpay_operator.reconcilers.database_migrations import DatabaseMigrations
from gopherpay_operator.resources.migrations import DatabaseMigrationSpec, DatabaseMigrationStatus
from gopherpay_operator.resources.postgres import PostgresDatabaseSpec

NOW = datetime(2030, 5, 1, 12, tzinfo=UTC)
KEY = Key("DatabaseMigration", "pay", "ledger")
DATABASE = Key("PostgresDatabase", "pay", "ledger")
JOB = {
    "image": "registry.example/pay:1",
    "args": ["migrate", "--to={targetRevision}", "--lock-timeout={lockTimeout}"],
    "env": [
        {"name": "PGOPTIONS", "value": "-c lock_timeout={lockTimeout}"},
        {"name": "PGPASSWORD", "secretKeyRef": {"name": "owner", "key": "password"}},
    ],
}


class Cluster:
    """A cluster in memory: the things that a migration looks at, and Jobs that stand still."""

    def __init__(self):
        self.database = database()
        self.secrets = {"owner": Secret({"password": b"secret"})}
        self.foreigners = {}
        self.states = {}
        self.manifests = {}
        self.is_cut_off = False

    def resource(self, key):
        return self.database if key == DATABASE else None

    async def secret(self, namespace, name):
        assert namespace == KEY.namespace
        return self.secrets.get(name)

    async def foreign(self, api_version, kind, namespace, name):
        assert namespace == KEY.namespace
        return self.foreigners.get((api_version, kind, name))

    async def job(self, namespace, name):
        assert namespace == KEY.namespace
        return self.states.get(name)

    async def make_job(self, owner, manifest):
        assert owner.key == KEY
        name = manifest["metadata"]["name"]
        if name not in self.states:
            self.states[name] = JobState(uid=f"uid-of-{name}")
            self.manifests[name] = manifest
        if self.is_cut_off:
            raise ClusterUnavailable("It does not answer.")

    def end(self, *, is_complete, message="", at=NOW):
        """Let the newest Job end."""
        name = list(self.states)[-1]
        self.states[name] = replace(
            self.states[name],
            is_complete=is_complete,
            is_failed=not is_complete,
            message=message,
            finished_at=at.isoformat(),
        )


def database(**changes):
    spec = PostgresDatabaseSpec.model_validate(
        {"connectionRef": {"name": "main"}, "owner": "owner"}
    )
    ready = {"conditions": [{"type": "Ready", "status": "True"}], "observedGeneration": 1}
    made = Resource(key=DATABASE, uid="database", generation=1, spec=spec, status=ready)
    return replace(made, **changes)


def spec_of(**changes):
    document = {"databaseRef": {"name": "ledger"}, "targetRevision": "0002", "job": JOB, **changes}
    return DatabaseMigrationSpec.model_validate(document)


class Story:
    """A migration and its passes; each status is what the next pass starts from."""

    def __init__(self, **changes):
        self.cluster = Cluster()
        self.now = NOW
        self.resource = Resource(key=KEY, uid="one", generation=1, spec=spec_of(**changes))

    def look(self):
        """Make one pass whose status is lost."""
        passed = DatabaseMigrations().reconcile(self.resource, self.cluster, self.now)
        return asyncio.run(passed)

    def go(self):
        """Make one pass."""
        outcome = self.look()
        observed = outcome.observed.model_dump(mode="json", by_alias=True, exclude_none=True)
        DatabaseMigrationStatus.model_validate({"observed": observed})
        self.resource = replace(self.resource, status={"observed": observed})
        return outcome

    def run(self, *, is_complete, message=""):
        """Make the passes of one run."""
        self.go()
        self.go()
        self.cluster.end(is_complete=is_complete, message=message, at=self.now)
        return self.go()

    def change(self, **changes):
        self.resource = replace(
            self.resource, spec=spec_of(**changes), generation=self.resource.generation + 1
        )

    def annotate(self, **annotations):
        named = {f"gopherpay.dev/{name}".replace("_", "-"): v for name, v in annotations.items()}
        self.resource = replace(self.resource, annotations=named)

    @property
    def history(self):
        return self.resource.status["observed"].get("history", [])

    @property
    def jobs(self):
        return list(self.cluster.manifests)


def facts(outcome):
    return {fact.type: fact.status for fact in outcome.facts}


def test_a_run_is_written_down_before_its_job_is_made():
    story = Story()

    first = story.go()
    made_before = story.jobs
    second = story.go()

    assert (made_before, first.reason, first.again_in_seconds) == ([], "Migrating", 0)
    assert [run["job"] for run in story.history] == story.jobs
    assert story.history[0]["result"] == "Running"
    assert not second.is_ready
    assert facts(second) == {"Migrated": "False", "InProgress": "True"}
    assert [each.reason for each in second.happenings] == ["MigrationStarted"]


def test_a_completed_job_makes_it_ready():
    story = Story()

    outcome = story.run(is_complete=True)

    assert (outcome.is_ready, outcome.reason) == (True, "Migrated")
    assert facts(outcome) == {"Migrated": "True", "InProgress": "False"}
    assert outcome.observed.current_revision == "0002"
    assert story.history[0]["result"] == "Succeeded"
    assert [each.reason for each in outcome.happenings] == ["Migrated"]


def test_what_is_migrated_is_left_alone():
    story = Story()
    story.run(is_complete=True)
    story.cluster.database = None
    before = story.resource.status

    outcome = story.go()

    assert outcome.is_ready
    assert outcome.happenings == ()
    assert len(story.jobs) == 1
    assert story.resource.status == before


def test_a_crash_after_the_job_was_made_ends_with_that_one_job():
    story = Story()
    story.go()

    story.look()  # its status is lost
    story.go()
    story.cluster.end(is_complete=True)

    assert story.go().is_ready
    assert len(story.jobs) == 1


def test_a_crash_before_the_run_was_written_down_leaves_the_same_name():
    story = Story()

    lost, again = story.look(), story.look()

    assert lost.observed.history[0].job == again.observed.history[0].job


def test_an_answer_that_is_lost_does_not_make_a_second_job():
    story = Story()
    story.go()
    story.cluster.is_cut_off = True
    with pytest.raises(ClusterUnavailable):
        story.go()
    story.cluster.is_cut_off = False

    story.go()

    assert len(story.jobs) == 1
    assert story.history[0]["result"] == "Running"


def test_a_running_job_is_not_made_twice():
    story = Story()
    story.go()
    story.go()

    outcomes = [story.go() for _ in range(3)]

    assert len(story.jobs) == 1
    assert outcomes[0] == outcomes[-1]
    assert all(not each.happenings for each in outcomes)


def test_a_failed_attempt_is_repeated_after_a_rest_that_grows():
    story = Story()
    first = story.run(is_complete=False, message="exit code 1")
    story.now += timedelta(seconds=10)
    story.go()
    assert len(story.jobs) == 1  # written down only
    story.go()
    story.cluster.end(is_complete=False, message="exit code 1", at=story.now)
    second = story.go()

    assert (first.reason, first.is_stalled, first.again_in_seconds) == ("Retrying", False, 10)
    assert "exit code 1" in first.message
    assert len(set(story.jobs)) == 2
    assert second.again_in_seconds == 20


def test_before_the_rest_is_over_nothing_is_begun():
    story = Story()
    story.run(is_complete=False)
    story.now += timedelta(seconds=4)

    outcome = story.go()

    assert (outcome.reason, outcome.again_in_seconds) == ("Retrying", 6)
    assert len(story.history) == 1


def exhausted():
    story = Story(job={**JOB, "attemptsMax": 2})
    story.run(is_complete=False, message="no such table")
    story.now += timedelta(hours=1)
    outcome = story.run(is_complete=False, message="no such table")
    return story, outcome


def test_after_the_last_attempt_a_person_is_told_how_to_go_on():
    story, outcome = exhausted()

    assert (outcome.is_stalled, outcome.reason) == (True, "MigrationFailed")
    for word in ("2 times", "no such table", story.jobs[-1], "gopherpay.dev/reconcile-at"):
        assert word in outcome.message
    story.now += timedelta(days=1)
    assert story.go().is_stalled
    assert len(story.jobs) == 2


def test_another_value_of_the_annotation_begins_the_count_anew():
    story, _ = exhausted()
    story.annotate(reconcile_at="now")

    outcome = story.run(is_complete=False)

    assert outcome.reason == "Retrying"
    assert len(set(story.jobs)) == 3


def test_a_changed_resource_begins_the_count_anew():
    story, _ = exhausted()
    story.change(job={**JOB, "image": "registry.example/pay:2"})

    outcome = story.run(is_complete=True)

    assert outcome.is_ready
    newest = story.cluster.manifests[story.jobs[-1]]
    assert newest["spec"]["template"]["spec"]["containers"][0]["image"].endswith(":2")


def test_a_job_that_somebody_removed_counts_as_failed():
    story = Story()
    story.go()
    story.go()
    story.cluster.states.clear()

    outcome = story.go()

    assert outcome.reason == "Retrying"
    assert story.history[0]["message"] == "The Job was removed while it ran."


def test_another_revision_waits_until_the_running_job_has_ended():
    story = Story()
    story.go()
    story.go()
    story.change(targetRevision="0003")

    during = story.go()
    story.cluster.end(is_complete=True)
    after = story.go()
    end = story.run(is_complete=True)

    assert during.reason == "Migrating"
    assert len(story.jobs) == 2
    assert (after.reason, after.observed.current_revision) == ("Pending", "0002")
    assert (end.is_ready, end.observed.current_revision) == (True, "0003")


def test_a_run_that_is_not_wanted_any_more_gets_no_job():
    story = Story()
    story.go()
    story.change(targetRevision="0003")

    story.go()
    story.go()

    assert [run["revision"] for run in story.history] == ["0003"]
    assert len(story.jobs) == 1


def test_the_history_keeps_ten_runs_and_no_name_comes_twice():
    story = Story()
    for number in range(1, 13):
        story.change(targetRevision="odd" if number % 2 else "even")
        story.run(is_complete=True)

    assert len(story.history) == 10
    assert [run["attempt"] for run in story.history] == list(range(12, 2, -1))
    assert len(set(story.jobs)) == 12


def test_suspended_it_says_what_it_would_do():
    story = Story(suspend=True)

    outcome = story.go()

    assert outcome.reason == "Suspended"
    assert not outcome.plan.is_carried_out
    assert outcome.plan.sentences == ("Run the migration from what is there to 0002.",)
    assert story.history == []


def test_suspended_before_its_job_was_made_it_makes_none():
    story = Story()
    story.go()
    story.change(suspend=True)

    assert story.go().reason == "Suspended"
    assert story.jobs == []
    assert story.history == []


def test_suspended_while_a_job_runs_its_end_is_still_seen():
    story = Story()
    story.go()
    story.go()
    story.change(suspend=True)
    story.cluster.end(is_complete=True)

    assert story.go().observed.current_revision == "0002"


def test_a_manual_one_waits_for_its_own_revision():
    story = Story(strategy="Manual")
    story.annotate(run_migration="0001")

    waiting = story.go()
    story.annotate(run_migration="0002")
    outcome = story.run(is_complete=True)

    assert (waiting.reason, waiting.is_ready) == ("WaitingForApproval", False)
    assert "gopherpay.dev/run-migration=0002" in waiting.message
    assert outcome.is_ready


NOT_READY = {"conditions": [{"type": "Ready", "status": "False"}], "observedGeneration": 1}


@pytest.mark.parametrize(
    "found",
    [
        None,
        database(status=NOT_READY),
        database(status={}),
        database(generation=2),
        database(is_deleting=True),
    ],
    ids=["not there", "not Ready", "never seen", "changed since", "going away"],
)
def test_it_waits_for_its_database(found):
    story = Story()
    story.cluster.database = found

    outcome = story.go()

    assert (outcome.reason, outcome.again_in_seconds) == ("DependencyMissing", 60)
    assert "PostgresDatabase 'ledger'" in outcome.message
    assert facts(outcome)["DependenciesReady"] == "False"
    assert story.history == []


@pytest.mark.parametrize("secrets", [{}, {"owner": Secret({})}], ids=["no Secret", "no key"])
def test_it_waits_for_its_secrets(secrets):
    story = Story()
    story.cluster.secrets = secrets

    outcome = story.go()

    assert outcome.reason == "DependencyMissing"
    assert "'owner'" in outcome.message
    assert story.history == []


def test_what_it_needs_brings_it_again():
    story = Story()
    before = DatabaseMigrations().needs(story.resource)
    story.go()

    needed = DatabaseMigrations().needs(story.resource)

    assert before == {DATABASE, Key("Secret", "pay", "owner")}
    assert needed - before == {Key("Job", "pay", story.history[0]["job"])}


BACKUP = {"apiVersion": "postgresql.cnpg.io/v1", "kind": "Backup", "name": "nightly"}
YOUNG = "2030-05-01T00:00:01Z"


def test_without_its_backup_nothing_begins():
    story = Story(requireBackupRef=BACKUP)
    waiting = story.go()
    story.cluster.foreigners[tuple(BACKUP.values())] = {"status": {"stoppedAt": YOUNG}}

    assert "Backup 'nightly'" in waiting.message
    assert story.run(is_complete=True).is_ready


def test_what_is_known_of_the_revision_is_said_beside_what_is_missing():
    story = Story()
    story.run(is_complete=True)
    story.change(targetRevision="0003")
    story.cluster.secrets = {}

    outcome = story.go()

    assert facts(outcome)["Migrated"] == "False"
    assert outcome.observed.current_revision == "0002"


def test_deleting_it_changes_nothing():
    story = Story()
    story.go()
    story.go()
    story.resource = replace(story.resource, is_deleting=True)

    outcome = story.look()

    assert outcome.is_gone
    assert not DatabaseMigrations().holds(story.resource, story.cluster)
    assert len(story.cluster.states) == 1
