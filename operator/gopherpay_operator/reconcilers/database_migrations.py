"""DatabaseMigrations: one Job after the other, until the database has its revision.

A run is written into the status before its Job is made, under a name that follows from it, so a
crash in between ends with that one Job and never with two.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Final, cast

from gopherpay_operator.backends.ports import DependencyMissing
from gopherpay_operator.engine.failures import DEPENDENCY_SECONDS
from gopherpay_operator.engine.ports import Fact, Happening, Key, Outcome, Resource
from gopherpay_operator.plans.actions import Plan
from gopherpay_operator.plans.migrations import RunMigration
from gopherpay_operator.reconcilers import migration_runs
from gopherpay_operator.reconcilers.migration_backups import backup_lacking
from gopherpay_operator.reconcilers.migration_jobs import job, job_name
from gopherpay_operator.resources.migrations import (
    DatabaseMigrationSpec,
    MigrationObserved,
    MigrationRun,
)
from gopherpay_operator.resources.policies import GROUP, RECONCILE_AT

if TYPE_CHECKING:
    from gopherpay_operator.engine.ports import Cluster, JobState

RUN_MIGRATION: Final = f"{GROUP}/run-migration"
DATABASE_KIND: Final = "PostgresDatabase"
DEPENDENCY_MISSING: Final = DependencyMissing.__name__
"""Said here and not raised: what is known of the revision stands beside it."""

LOOK_AGAIN_SECONDS: Final = 30
"""While a Job runs; its own events come sooner, this is for one that was missed."""

_REMEMBERED_LENGTH_MAX: Final = 128
_MESSAGE_LENGTH_MAX: Final = 1024


class DatabaseMigrations:
    """Brings DatabaseMigrations about, through Jobs."""

    def needs(self, resource: Resource) -> frozenset[Key]:
        """Return the database, the Secrets that the Job is given, and the Job that is running."""
        spec, seen = _spec(resource), _observed(resource)
        namespace = resource.key.namespace
        names = {name for name, _ in _secrets(spec)}
        running = [Key("Job", namespace, run.job) for run in _under_way(seen)]
        return frozenset(
            {
                Key(DATABASE_KIND, namespace, spec.database_ref.name),
                *(Key("Secret", namespace, name) for name in names),
                *running,
            }
        )

    def holds(self, resource: Resource, cluster: Cluster) -> bool:  # noqa: ARG002
        """Tell that nothing is left to be seen to: the database stays as it is."""
        return False

    async def reconcile(self, resource: Resource, cluster: Cluster, now: datetime) -> Outcome:
        """Look after the run that is under way, or begin one when the revision asks for it.

        Raises:
            ClusterFailure: If the cluster does not do it.
        """
        if resource.is_deleting:
            return Outcome(is_ready=False, reason="Retained", is_gone=True)
        migration = _Migration(resource, _observed(resource), now)
        for run in _under_way(migration.seen):
            return await _followed(migration, run, cluster)
        return await _begun(migration, cluster)


@dataclass(frozen=True, slots=True)
class _Migration:
    """A resource, and what is known of its runs."""

    resource: Resource
    seen: MigrationObserved
    now: datetime
    happenings: tuple[Happening, ...] = ()

    @property
    def spec(self) -> DatabaseMigrationSpec:
        return _spec(self.resource)

    @property
    def namespace(self) -> str:
        return self.resource.key.namespace

    @property
    def history(self) -> list[MigrationRun]:
        return self.seen.history or []

    @property
    def is_done(self) -> bool:
        return self.seen.current_revision == self.spec.target_revision

    @property
    def asked(self) -> migration_runs.Asked:
        stamp = self.resource.annotations.get(RECONCILE_AT)
        return migration_runs.Asked(
            self.spec.target_revision,
            self.resource.generation,
            stamp[:_REMEMBERED_LENGTH_MAX] if stamp is not None else None,
        )

    def with_history(self, history: list[MigrationRun], **changes: str) -> _Migration:
        kept = history[: migration_runs.REMEMBERED_MAX]
        return replace(self, seen=self.seen.model_copy(update={"history": kept, **changes}))

    def with_newest(self, run: MigrationRun, **changes: str) -> _Migration:
        """Return it with *run* in the place of the newest."""
        return self.with_history([run, *self.history[1:]], **changes)

    def saying(self, happening: Happening) -> _Migration:
        return replace(self, happenings=(happening,))

    def outcome(  # noqa: PLR0913 - all of them are said by name
        self,
        reason: str,
        message: str = "",
        *,
        is_stalled: bool = False,
        is_running: bool = False,
        facts: tuple[Fact, ...] = (),
        plan: Plan | None = None,
        has_applied: bool = False,
        again_in_seconds: float | None = None,
    ) -> Outcome:
        """Return what is to be said, with the conditions that this kind has."""
        is_done = self.is_done and not is_running
        at = self.seen.current_revision or "none that is known"
        where = f"The database is at {at}, and {self.spec.target_revision} is wanted."
        return Outcome(
            is_ready=is_done,
            reason=reason,
            message=message,
            is_stalled=is_stalled,
            facts=(
                Fact("Migrated", "True" if is_done else "False", reason, "" if is_done else where),
                Fact("InProgress", "True" if is_running else "False", reason),
                *facts,
            ),
            observed=self.seen,
            plan=plan,
            has_applied=has_applied,
            happenings=self.happenings,
            again_in_seconds=again_in_seconds,
        )


async def _followed(migration: _Migration, run: MigrationRun, cluster: Cluster) -> Outcome:
    """See how *run* stands, make its Job if it has none yet, and go on when it has ended."""
    state = await cluster.job(migration.namespace, run.job)
    if state is None and run.result == "Starting":
        return await _started(migration, run, cluster)
    if state is not None and not (state.is_complete or state.is_failed):
        return _running(migration, run)
    ended = _ended(migration, run, state)
    if ended.is_done:
        return ended.outcome("Migrated")
    return _not_now(ended) or ended.outcome(
        "Pending", "The next run is about to begin.", again_in_seconds=0
    )


async def _started(migration: _Migration, run: MigrationRun, cluster: Cluster) -> Outcome:
    """Make the Job of *run*, unless something else is wanted by now."""
    spec, asked = migration.spec, migration.asked
    is_wanted = (run.revision, run.generation) == (asked.revision, asked.generation)
    if spec.suspend or not is_wanted:
        return await _begun(migration.with_history(migration.history[1:]), cluster)
    resource = migration.resource
    await cluster.make_job(resource, job(run.job, resource.key.name, spec))
    started = Happening("MigrationStarted", f"Job '{run.job}' migrates to {run.revision}.")
    return _running(migration.saying(started), run, has_applied=True)


def _running(migration: _Migration, run: MigrationRun, *, has_applied: bool = False) -> Outcome:
    return migration.with_newest(run.model_copy(update={"result": "Running"})).outcome(
        "Migrating",
        f"Job '{run.job}' migrates to {run.revision}.",
        is_running=True,
        has_applied=has_applied,
        again_in_seconds=LOOK_AGAIN_SECONDS,
    )


def _ended(migration: _Migration, run: MigrationRun, state: JobState | None) -> _Migration:
    """Return it with the end of *run*; ``None`` as its *state* when somebody removed the Job."""
    finished_at = (state and state.finished_at) or migration.now.isoformat()
    if state is not None and state.is_complete:
        done = run.model_copy(update={"result": "Succeeded", "finished_at": finished_at})
        return migration.with_newest(done, current_revision=run.revision).saying(
            Happening("Migrated", f"The database is at {run.revision}.")
        )
    why = (state.message or "The Job failed.") if state else "The Job was removed while it ran."
    why = why[:_MESSAGE_LENGTH_MAX]
    failed = {"result": "Failed", "finished_at": finished_at, "message": why}
    return migration.with_newest(run.model_copy(update=failed)).saying(
        Happening("MigrationFailed", f"Job '{run.job}': {why}", is_warning=True)
    )


def _not_now(migration: _Migration) -> Outcome | None:
    """Return what is waited for before a run may begin; nothing when it may."""
    spec, asked = migration.spec, migration.asked
    if spec.suspend:
        step = RunMigration(spec.target_revision, migration.seen.current_revision)
        return migration.outcome("Suspended", plan=Plan((step,), is_carried_out=False))
    if spec.strategy == "Manual" and (
        migration.resource.annotations.get(RUN_MIGRATION) != spec.target_revision
    ):
        return migration.outcome(
            "WaitingForApproval",
            "strategy is Manual. To run it, annotate this resource with "
            f"{RUN_MIGRATION}={spec.target_revision}.",
        )
    failed = migration_runs.failures(migration.history, asked)
    if len(failed) >= spec.job.attempts_max:
        return migration.outcome("MigrationFailed", _how_to_go_on(failed), is_stalled=True)
    return _resting(migration, failed) if failed else None


def _how_to_go_on(failed: tuple[MigrationRun, ...]) -> str:
    times = "once" if len(failed) == 1 else f"{len(failed)} times"
    return (
        f"It failed {times}, at last in Job '{failed[0].job}': {_said(failed[0])} Read "
        f"'kubectl logs job/{failed[0].job}', then change this resource, or have the same tried "
        f"again by another value of the annotation {RECONCILE_AT}."
    )


def _said(failed: MigrationRun) -> str:
    return f"{(failed.message or 'No reason is known').rstrip('.')}."


def _resting(migration: _Migration, failed: tuple[MigrationRun, ...]) -> Outcome | None:
    rest_seconds = (migration_runs.next_at(failed) - migration.now).total_seconds()
    if rest_seconds <= 0:
        return None
    return migration.outcome(
        "Retrying",
        f"Attempt {len(failed)} of {migration.spec.job.attempts_max} failed in Job "
        f"'{failed[0].job}': {_said(failed[0])} It is tried again at "
        f"{migration_runs.next_at(failed).isoformat(timespec='seconds')}.",
        again_in_seconds=rest_seconds,
    )


async def _begun(migration: _Migration, cluster: Cluster) -> Outcome:
    """Write down the next run if one is wanted and may begin; its Job is made afterwards."""
    if migration.is_done:
        return migration.outcome("Migrated")
    if waiting := _not_now(migration):
        return waiting
    if lacking := await _lacking(migration, cluster):
        return migration.outcome(
            DEPENDENCY_MISSING,
            lacking,
            facts=(Fact("DependenciesReady", "False", DEPENDENCY_MISSING, lacking),),
            again_in_seconds=DEPENDENCY_SECONDS,  # not everything that is named can be watched
        )
    asked = migration.asked
    attempt = migration.history[0].attempt + 1 if migration.history else 1
    key = migration.resource.key
    run = MigrationRun(
        revision=asked.revision,
        attempt=attempt,
        job=job_name(key.name, migration.resource.uid, asked.revision, attempt),
        result="Starting",
        started_at=migration.now.isoformat(),
        generation=asked.generation,
        reconcile_at=asked.reconcile_at,
    )
    return migration.with_history([run, *migration.history]).outcome(
        "Migrating",
        f"Job '{run.job}' is about to migrate to {run.revision}.",
        is_running=True,
        facts=(Fact("DependenciesReady", "True", "Ready"),),
        again_in_seconds=0,
    )


async def _lacking(migration: _Migration, cluster: Cluster) -> str | None:
    """Return what a run needs first, if anything."""
    name = migration.spec.database_ref.name
    database = cluster.resource(Key(DATABASE_KIND, migration.namespace, name))
    return (
        _database_lacking(name, database)
        or await _secret_lacking(migration, cluster)
        or await _backup_lacking(migration, cluster)
    )


async def _secret_lacking(migration: _Migration, cluster: Cluster) -> str | None:
    for name, key in _secrets(migration.spec):
        secret = await cluster.secret(migration.namespace, name)
        if secret is None:
            return f"The Secret '{name}' is not there."
        if key is not None and key not in secret.data:
            return f"The Secret '{name}' has no key '{key}'."
    return None


async def _backup_lacking(migration: _Migration, cluster: Cluster) -> str | None:
    backup = migration.spec.require_backup_ref
    if backup is None:
        return None
    found = await cluster.foreign(backup.api_version, backup.kind, migration.namespace, backup.name)
    return backup_lacking(backup, found, migration.now)


def _database_lacking(name: str, database: Resource | None) -> str | None:
    if database is None or database.is_deleting:
        return f"The {DATABASE_KIND} '{name}' is not there."
    ready = [each for each in database.status.get("conditions", ()) if each["type"] == "Ready"]
    is_current = database.status.get("observedGeneration") == database.generation
    if not is_current or not ready or ready[0]["status"] != "True":
        return f"The {DATABASE_KIND} '{name}' is not Ready."
    return None


def _secrets(spec: DatabaseMigrationSpec) -> list[tuple[str, str | None]]:
    """Return the Secrets that the Job is given, each with the key that must be in it."""
    variables = [each.secret_key_ref for each in spec.job.env or () if each.secret_key_ref]
    pulled = [(each.name, None) for each in spec.job.image_pull_secrets or ()]
    return [*((each.name, each.key) for each in variables), *pulled]


def _under_way(seen: MigrationObserved) -> list[MigrationRun]:
    """Return the newest run if it has not ended; there is never another."""
    newest = (seen.history or [])[:1]
    return [run for run in newest if run.result in {"Starting", "Running"}]


def _spec(resource: Resource) -> DatabaseMigrationSpec:
    return cast("DatabaseMigrationSpec", resource.spec)


def _observed(resource: Resource) -> MigrationObserved:
    """Return what was found before; fields of a later version are left out."""
    return MigrationObserved.model_validate(resource.status.get("observed") or {}, extra="ignore")
