"""The seams of the engine: what it is told of the cluster, and what it asks of every kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

from gopherpay_operator.plans.actions import Plan
from gopherpay_operator.resources.block import Block

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime


class Key(NamedTuple):
    """One object of the cluster; *kind* is ``Secret``, ``ConfigMap``, ``Job`` or one of ours."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        """Return it as people write it."""
        return f"{self.kind} {self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A custom resource as the API server last had it.

    Attributes:
        spec: Parsed; the kind's ``spec`` class of `gopherpay_operator.resources`, or `Malformed`.
        status: As the server has it, with its own names; empty before the first write.
    """

    key: Key
    uid: str
    generation: int
    spec: Block
    version: str = ""
    status: Mapping[str, Any] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    finalizers: tuple[str, ...] = ()
    is_deleting: bool = False


class Malformed(Block):
    """Stands for a spec that we cannot read, as a newer or an older definition may let one in."""

    sentence: str
    """What is wrong with it, without its values."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A Secret's content; never shown.

    Attributes:
        owner_uid: The uid of the resource of ours that owns it; ``None`` for anybody else's.
    """

    data: Mapping[str, bytes] = field(repr=False)
    version: str = ""
    owner_uid: str | None = None


@dataclass(frozen=True, slots=True)
class JobState:
    """How a Job stands."""

    uid: str
    is_complete: bool = False
    is_failed: bool = False
    message: str = ""
    started_at: str | None = None
    finished_at: str | None = None


class ClusterFailure(Exception):
    """The API server did not do what was asked; the message is a sentence without secrets."""


class ClusterUnavailable(ClusterFailure):
    """It does not answer, or not now: ask again later."""


class ClusterConflict(ClusterFailure):
    """The object changed, went, or belongs to somebody else: look at it anew."""


class ClusterForbidden(ClusterFailure):
    """Our account may not do this, or the server refuses the object: a person has to act."""


class Cluster(Protocol):
    """What reconcilers may read and write; every read of ours comes from the watch's cache."""

    def resource(self, key: Key) -> Resource | None:
        """Return the resource of ours, ``None`` when it is not there."""

    def resources(self, kind: str) -> Sequence[Resource]:
        """Return all resources of *kind* that are not malformed, the oldest first."""

    def sees(self, namespace: str) -> bool:
        """Tell whether all resources of ours in *namespace* are in the cache."""

    async def secret(self, namespace: str, name: str) -> Secret | None:
        """Return a Secret as it is now, ``None`` when it is not there."""

    async def config_map(self, namespace: str, name: str) -> Mapping[str, str] | None:
        """Return what a ConfigMap holds now, ``None`` when it is not there."""

    async def namespace_labels(self, namespace: str) -> Mapping[str, str] | None:
        """Return the labels of a namespace; ``None`` when we may not know them."""

    async def write_secret(
        self, owner: Resource, name: str, data: Mapping[str, str], labels: Mapping[str, str]
    ) -> None:
        """Write a Secret that *owner* owns, whole; the same content writes nothing.

        Raises:
            ClusterConflict: If a Secret of that name is there and is not *owner*'s.
        """

    async def job(self, namespace: str, name: str) -> JobState | None:
        """Return how a Job stands, ``None`` when it is not there."""

    async def make_job(self, owner: Resource, manifest: Mapping[str, Any]) -> None:
        """Make a Job that *owner* owns; nothing happens when it is there already."""

    async def foreign(
        self, api_version: str, kind: str, namespace: str, name: str
    ) -> Mapping[str, Any] | None:
        """Return any other object as the server has it, ``None`` when it is not there."""


class StatusWriter(Protocol):
    """What only the engine may write on a resource."""

    async def write_status(self, resource: Resource, status: Mapping[str, Any]) -> None:
        """Replace the status that is ours, by server-side apply."""

    async def set_finalizer(self, resource: Resource, *, is_held: bool) -> None:
        """Add or take away our finalizer; nothing happens when it is so already.

        Raises:
            ClusterConflict: If the resource is another one by now.
        """

    async def post_event(self, resource: Resource, happening: Happening) -> None:
        """Post an Event on the resource."""


Status = Literal["True", "False", "Unknown"]


class Fact(NamedTuple):
    """One condition, before the engine gives it its times."""

    type: str
    status: Status
    reason: str
    message: str = ""


class Happening(NamedTuple):
    """An Event: a transition, said once."""

    reason: str
    message: str
    is_warning: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a pass over one resource found and did.

    Attributes:
        facts: Conditions beside Ready, Reconciling and Stalled, which the engine derives from
            *is_ready*, *reason* and *is_stalled* unless *facts* has a Ready of its own.
        reason: Of Ready; in CamelCase.
        observed: ``status.observed``, a Block of the kind; ``None`` keeps what stands there.
        plan: What lies or lay between; shown as ``plannedActions`` when it is not carried out.
        has_applied: Whether something outside was changed by this pass.
        applied_hash: Of what is in effect now, without secrets.
        owned: ``None`` when that is not a question of this kind.
        again_in_seconds: When to look again, should nothing happen; ``None`` for the resync.
        is_retried: Look again after a back-off, which grows from one such outcome to the next.
        is_partial: Not everything was found out: conditions that are not in *facts* are kept.
        more_status: Fields of the status that only this kind has.
        is_gone: Of a resource that is deleted: nothing is left to do, the finalizer may go.
    """

    is_ready: bool
    reason: str
    message: str = ""
    is_stalled: bool = False
    facts: tuple[Fact, ...] = ()
    observed: Block | None = None
    plan: Plan | None = None
    has_applied: bool = False
    applied_hash: str | None = None
    external_name: str | None = None
    external_id: str | None = None
    owned: bool | None = None
    happenings: tuple[Happening, ...] = ()
    again_in_seconds: float | None = None
    is_retried: bool = False
    is_partial: bool = False
    more_status: Mapping[str, Any] = field(default_factory=dict)
    is_gone: bool = False


class Reconciler(Protocol):
    """How one kind is brought about."""

    def needs(self, resource: Resource) -> frozenset[Key]:
        """Return what *resource* refers to: a change of any of them brings it again. Pure."""

    def holds(self, resource: Resource, cluster: Cluster) -> bool:
        """Tell whether *resource* must stay, by a finalizer, until its end was seen to. Pure."""

    async def reconcile(self, resource: Resource, cluster: Cluster, now: datetime) -> Outcome:
        """Bring *resource* about, or see to its end when it is being deleted; may be repeated.

        Raises:
            BackendFailure: By what to do next: see `gopherpay_operator.backends.ports`; the
                engine turns it into conditions, retries and Events.
            ClusterFailure: The same of the cluster.
        """


class Meter(Protocol):
    """What is counted."""

    def reconciled(self, kind: str, result: str, reason: str, seconds: float) -> None:
        """Count one pass; *result* is ``ready``, ``not-ready``, ``retry`` or ``error``."""

    def called(self, backend: str, operation: str, seconds: float, *, has_failed: bool) -> None:
        """Count one call of a backend."""

    def drifted(self, kind: str) -> None:
        """Count a difference that somebody else made."""
