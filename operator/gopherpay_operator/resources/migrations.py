"""Migrations: a Job that brings a database to a revision."""

from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from gopherpay_operator.resources.block import Block, Rule, listed_by
from gopherpay_operator.resources.kinds import AGE, CONDITIONS, REASON, Column, Kind, condition
from gopherpay_operator.resources.policies import WatchedSpec
from gopherpay_operator.resources.references import (
    Interval,
    LocalReference,
    ObjectName,
    SecretKeyReference,
    Sentence,
    Time,
    duration_of,
)
from gopherpay_operator.resources.status import WatchedStatus

Revision = Annotated[str, Field(min_length=1, max_length=128)]
Argument = Annotated[str, Field(max_length=1024)]
JobDeadline = Annotated[str, Field(json_schema_extra=duration_of("10s", "24h"))]
LockTimeout = Annotated[str, Field(json_schema_extra=duration_of("1s", "5m"))]


class Freeform(Block):
    """Whatever Kubernetes takes there."""

    model_config = ConfigDict(extra="allow")


class JobVariable(Block):
    """A variable in the environment of the Job."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "has(self.value) != has(self.secretKeyRef)",
            "exactly one of value and secretKeyRef must be given",
        ),
    )

    name: Annotated[str, Field(min_length=1, max_length=128)]
    """Name of the variable."""

    value: Argument | None = None
    """Its value, for everybody to read."""

    secret_key_ref: SecretKeyReference | None = None
    """The key of a Secret that holds its value."""


class JobTemplate(Block):
    """How the migrating program is run."""

    image: Annotated[str, Field(min_length=1, max_length=512)]
    """Image of the program, best by digest."""

    command: Annotated[list[Argument], Field(min_length=1, max_length=16)] | None = None
    """Command; the image's own when absent."""

    args: Annotated[list[Argument], Field(max_length=32)] | None = None
    """Arguments. {targetRevision}, and {lockTimeout} in milliseconds, are filled in here, in the \
command and in the values of variables."""

    env: (
        Annotated[list[JobVariable], Field(max_length=64, json_schema_extra=listed_by("name"))]
        | None
    ) = None
    """Variables of the environment."""

    service_account_name: ObjectName | None = None
    """Service account; without one, the Job has no token."""

    image_pull_secrets: (
        Annotated[list[LocalReference], Field(max_length=8, json_schema_extra=listed_by("name"))]
        | None
    ) = None
    """Secrets for the image's registry."""

    resources: Freeform | None = None
    """Requests and limits, as in a container."""

    node_selector: (
        Annotated[dict[str, Annotated[str, Field(max_length=63)]], Field(max_length=16)] | None
    ) = None
    """Labels of nodes that it may run on."""

    tolerations: Annotated[list[Freeform], Field(max_length=16)] | None = None
    """Taints that it bears, as in a Pod."""

    attempts_max: Annotated[int, Field(ge=1, le=10)] = 3
    """How often it is tried before the migration is Stalled. A change of the resource, or another \
value of the annotation gopherpay.dev/reconcile-at, begins the count anew."""

    deadline: JobDeadline = "1h"
    """How long one attempt may take: 10s to 24h."""


class BackupReference(Block):
    """A backup that must exist before anything is changed."""

    api_version: Annotated[str, Field(min_length=1, max_length=128)]
    """API version of the resource that stands for the backup."""

    kind: Annotated[str, Field(min_length=1, max_length=63)]
    """Kind of the resource, such as Backup. What counts is when it was done: status.stoppedAt, \
completionTime, completionTimestamp or creationTime; of a kind without a status, when it was \
created. A status.phase must say that it is done. The operator's account must be let in to read \
it."""

    name: ObjectName
    """Name of the resource, in the same namespace."""

    age_max: Interval = "24h"
    """How old it may be: 30s to 24h."""


class DatabaseMigrationSpec(WatchedSpec):
    """What revision a database is to have, and what brings it there."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "self.databaseRef.name == oldSelf.databaseRef.name",
            "databaseRef cannot be changed: apply a new DatabaseMigration for the other database",
            ".databaseRef",
        ),
    )

    database_ref: LocalReference
    """The PostgresDatabase to migrate, which must be Ready. It cannot be changed."""

    job: JobTemplate
    """How the migrating program is run."""

    target_revision: Revision
    """Revision to reach. The operator never goes back: an older one is refused by the program."""

    strategy: Literal["Automatic", "Manual"] = "Automatic"
    """Automatic starts as soon as targetRevision is another one; Manual waits for the annotation \
gopherpay.dev/run-migration with the revision as its value."""

    lock_timeout: LockTimeout = "5s"
    """How long a statement may wait for a lock before it gives way to the traffic: 1s to 5m."""

    require_backup_ref: BackupReference | None = None
    """A backup that must exist, and be young enough, before anything is changed."""


class MigrationRun(Block):
    """One run of the program."""

    revision: Revision
    """Revision that was to be reached."""

    job: ObjectName
    """Name of the Job."""

    attempt: Annotated[int, Field(ge=1)]
    """Number of the run; it never falls, so that every run has a Job of its own."""

    result: Literal["Starting", "Running", "Succeeded", "Failed"]
    """How it ended. Starting is written before the Job is made."""

    started_at: Time
    """When it began."""

    finished_at: Time | None = None
    """When it ended."""

    message: Sentence | None = None
    """Why it failed."""

    generation: Annotated[int, Field(ge=0)] | None = None
    """The metadata.generation that it was run for."""

    reconcile_at: Annotated[str, Field(max_length=128)] | None = None
    """The beginning of the annotation gopherpay.dev/reconcile-at that it was run for."""


class MigrationObserved(Block):
    """What was found in the database, and what was run."""

    current_revision: Revision | None = None
    """Revision that the last successful run reached. The program alone knows what the database \
has: a database that was migrated by other means gets a run that finds nothing to do."""

    history: Annotated[list[MigrationRun], Field(max_length=10)] | None = None
    """The last ten runs, the newest first."""


class DatabaseMigrationStatus(WatchedStatus):
    """What a migration says of itself."""

    observed: MigrationObserved | None = None
    """What was found in the database, and what was run."""


DATABASE_MIGRATION = Kind(
    name="DatabaseMigration",
    plural="databasemigrations",
    short_names=("dbmig",),
    summary=(
        "The revision that a database is to have, and the Job that brings it there. Deleting it "
        "leaves the database at the revision that it has."
    ),
    spec=DatabaseMigrationSpec,
    status=DatabaseMigrationStatus,
    conditions={
        **CONDITIONS,
        "DependenciesReady": "The database is Ready, and all Secrets that are named are there.",
        "Migrated": "The database has the revision that is written here.",
        "InProgress": "A Job is running, or about to.",
    },
    columns=(
        Column("Target", ".spec.targetRevision"),
        Column("Current", ".status.observed.currentRevision"),
        condition("Ready"),
        Column("Database", ".spec.databaseRef.name", wide=True),
        Column(REASON.name, REASON.path, wide=True),
        AGE,
    ),
)
