"""One pass over one resource: finalizer, reconciliation, status, Events, in this order.

The status is written before the Events are posted: should we die in between, an Event is missing,
and none comes twice.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import structlog

from gopherpay_operator.engine.failures import BACKEND_UNAVAILABLE, INTERNAL_ERROR, outcome_of
from gopherpay_operator.engine.memory import Memory
from gopherpay_operator.engine.ports import (
    Cluster,
    ClusterFailure,
    Fact,
    Malformed,
    Outcome,
    Reconciler,
    StatusWriter,
)
from gopherpay_operator.engine.statuses import condition, is_same, status_of
from gopherpay_operator.resources.policies import FINALIZER

if TYPE_CHECKING:
    from gopherpay_operator.engine.ports import (
        Happening,
        Resource,
    )

MALFORMED: Final = "Malformed"


@dataclass(frozen=True, slots=True)
class Passes:
    """What a pass needs."""

    cluster: Cluster
    writer: StatusWriter
    reconcilers: Mapping[str, Reconciler]
    memory: Memory
    now: Callable[[], datetime]

    async def over(self, resource: Resource) -> tuple[Outcome, Exception | None]:
        """Bring *resource* about, and return what came of it and what it failed with.

        Raises:
            ClusterFailure: If the status could not be written.
        """
        outcome, failure = await self._tried(resource)
        if failure is not None and _is_overtaken(outcome):
            return outcome, failure  # to be looked at anew at once: there is nothing to tell yet
        if resource.is_deleting and await self._let_go(resource, outcome):
            await self._post(resource, outcome.happenings if outcome.is_gone else ())
            return outcome, failure
        await self.tell(resource, outcome)
        return outcome, failure

    async def tell(self, resource: Resource, outcome: Outcome) -> None:
        """Write the status of *resource* and post Events, if anything changed.

        Raises:
            ClusterFailure: If the status could not be written.
        """
        status = status_of(outcome, resource, self.now())
        if not is_same(status, resource.status):
            await self.writer.write_status(resource, status)
            self.memory.wrote(resource, status)
            _log_transition(resource, status)
        await self._post(resource, _new(outcome, resource))

    async def release(self, resource: Resource) -> Outcome:
        """See to the end of a *resource* that is no more; it has no status to write."""
        reconciler = self.reconcilers[resource.key.kind]
        outcome = await reconciler.reconcile(resource, self.cluster, self.now())
        await self._post(resource, outcome.happenings if outcome.is_gone else ())
        return outcome

    async def _tried(self, resource: Resource) -> tuple[Outcome, Exception | None]:
        if isinstance(resource.spec, Malformed):
            return _malformed(resource, resource.spec.sentence), None
        try:
            await self._hold(resource)
            reconciler = self.reconcilers[resource.key.kind]
            return await reconciler.reconcile(resource, self.cluster, self.now()), None
        except Exception as error:  # noqa: BLE001 - the loop goes on whatever a pass meets
            outcome = outcome_of(error)
            if outcome.reason == INTERNAL_ERROR:
                log_error(resource, error)
            return outcome, error

    async def _hold(self, resource: Resource) -> None:
        """Set or take the finalizer before anything is made outside."""
        if resource.is_deleting:
            return
        is_held = self._holds(resource)
        if is_held != (FINALIZER in resource.finalizers):
            await self.writer.set_finalizer(resource, is_held=is_held)

    async def _let_go(self, resource: Resource, outcome: Outcome) -> bool:
        """Take the finalizer off what is deleted, if nothing keeps it; tell whether it may go."""
        may_go = outcome.is_gone or not self._holds(resource)
        if may_go and FINALIZER in resource.finalizers:
            await self.writer.set_finalizer(resource, is_held=False)
        return may_go

    def _holds(self, resource: Resource) -> bool:
        if isinstance(resource.spec, Malformed):
            return FINALIZER in resource.finalizers
        return self.reconcilers[resource.key.kind].holds(resource, self.cluster)

    async def _post(self, resource: Resource, happenings: tuple[Happening, ...]) -> None:
        for happening in happenings:
            with suppress(ClusterFailure):  # an Event is a courtesy
                await self.writer.post_event(resource, happening)


def _is_overtaken(outcome: Outcome) -> bool:
    return outcome.reason == "Overtaken"


def _malformed(resource: Resource, sentence: str) -> Outcome:
    blocked = Fact("DeletionBlocked", "True", MALFORMED, sentence)
    is_blocked = resource.is_deleting and FINALIZER in resource.finalizers
    return Outcome(
        is_ready=False,
        reason=MALFORMED,
        message=sentence,
        is_stalled=True,
        is_partial=True,
        facts=(blocked,) if is_blocked else (),
    )


def _new(outcome: Outcome, resource: Resource) -> tuple[Happening, ...]:
    """Return what of *outcome* is to be said; an outage is said once."""
    was_away = BACKEND_UNAVAILABLE in {
        condition(resource.status, type_)[1] for type_ in ("Ready", "DeletionBlocked", "Synced")
    }
    if outcome.reason == BACKEND_UNAVAILABLE and was_away:
        return tuple(each for each in outcome.happenings if each.reason != BACKEND_UNAVAILABLE)
    return outcome.happenings


def _log_transition(resource: Resource, status: Mapping[str, Any]) -> None:
    before, after = condition(resource.status, "Ready"), condition(status, "Ready")
    if before != after:
        structlog.get_logger(__name__).info(
            "resource.turned",
            kind=resource.key.kind,
            namespace=resource.key.namespace,
            name=resource.key.name,
            generation=resource.generation,
            ready=after[0],
            reason=after[1],
            ready_before=before[0] or None,
            reason_before=before[1] or None,
        )


def log_error(resource: Resource, error: Exception) -> None:
    """Log where an error arose, and not its text, which may hold anything."""
    frames = traceback.format_tb(error.__traceback__)
    structlog.get_logger(__name__).error(
        "pass.failed",
        kind=resource.key.kind,
        namespace=resource.key.namespace,
        name=resource.key.name,
        error=type(error).__name__,
        where="".join(frames),
    )


def log_release(resource: Resource, outcome: Outcome) -> None:
    """Log what became of the claim of a resource that is no more."""
    structlog.get_logger(__name__).info(
        "resource.left",
        kind=resource.key.kind,
        namespace=resource.key.namespace,
        name=resource.key.name,
        is_released=outcome.is_gone,
        reason=outcome.reason,
    )


def as_leaving(resource: Resource) -> Resource:
    """Return *resource* as one whose end is to be seen to, leaving what is outside."""
    return replace(
        resource,
        is_deleting=True,
        spec=resource.spec.model_copy(update={"deletion_policy": "Retain"}),
    )
