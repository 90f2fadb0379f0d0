"""How any resource is looked after that leads to a server."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from gopherpay_operator.backends.ports import BackendFailure, DependencyMissing, Forbidden
from gopherpay_operator.engine.connections import users_of
from gopherpay_operator.engine.failures import AWAY, OVERTAKEN, outcome_of
from gopherpay_operator.engine.ports import ClusterFailure, Fact, Happening, Key, Outcome
from gopherpay_operator.engine.statuses import SUSPENDED, by_type, condition
from gopherpay_operator.resources.policies import ManagedSpec

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from gopherpay_operator.engine.ports import Cluster, Resource
    from gopherpay_operator.engine.things import Probe, Reached

IN_USE: Final = "InUse"
_NAMED_MAX: Final = 5


class Connecting:
    """The reconciler of a `Probe`."""

    def __init__(self, probe: Probe) -> None:
        """Prepare for all connections of one kind."""
        self._probe = probe

    def needs(self, resource: Resource) -> frozenset[Key]:
        """Return the Secrets and ConfigMaps that *resource* names."""
        return self._probe.needs(resource)

    def holds(self, resource: Resource, cluster: Cluster) -> bool:
        """Tell whether somebody needs *resource* to delete what is outside."""
        return bool(_holders(self._users(resource, cluster)))

    async def reconcile(self, resource: Resource, cluster: Cluster, _: datetime) -> Outcome:
        """Look whether the server answers, or whether *resource* may go."""
        users = self._users(resource, cluster)
        holders = _holders(users)
        if resource.is_deleting and not holders:
            return Outcome(is_ready=False, reason="Deleted", is_gone=True, is_partial=True)
        outcome = await self._looked(resource, cluster)
        outcome = replace(outcome, more_status={**outcome.more_status, "users": len(users)})
        return _blocked(resource, outcome, holders) if resource.is_deleting else outcome

    def _users(self, resource: Resource, cluster: Cluster) -> list[Resource]:
        return users_of(resource.key, self._probe.user_kinds, cluster)

    async def _looked(self, resource: Resource, cluster: Cluster) -> Outcome:
        if getattr(resource.spec, "suspend", False):
            return Outcome(is_ready=False, reason=SUSPENDED, is_partial=True)
        try:
            return _told(await self._probe.look(resource, cluster))
        except OVERTAKEN:
            raise
        except (BackendFailure, ClusterFailure) as failure:
            return _failed(resource, outcome_of(failure), failure)


def _holders(users: Sequence[Resource]) -> list[Resource]:
    return [
        each
        for each in users
        if isinstance(each.spec, ManagedSpec) and each.spec.deletion_policy == "Delete"
    ]


def _told(reached: Reached) -> Outcome:
    return Outcome(
        is_ready=reached.is_ready,
        reason=reached.reason,
        message=reached.message,
        is_stalled=not reached.is_ready,
        facts=(
            Fact("DependenciesReady", "True", "Found"),
            Fact("Reachable", "True", "Answered"),
            *reached.facts,
        ),
        observed=reached.observed,
    )


def _failed(resource: Resource, outcome: Outcome, failure: Exception) -> Outcome:
    """Add to *outcome* what a connection has beside Ready."""
    facts = [*outcome.facts]
    if isinstance(failure, (*AWAY, Forbidden)):
        facts.append(Fact("DependenciesReady", "True", "Found"))
        facts.append(Fact("Reachable", "False", outcome.reason, outcome.message))
    elif isinstance(failure, DependencyMissing):
        facts.append(Fact("Reachable", "Unknown", outcome.reason))
    is_new = condition(resource.status, "Ready")[1] != outcome.reason
    happenings = outcome.happenings if is_new else ()
    return replace(outcome, facts=tuple(facts), happenings=happenings)


def _blocked(resource: Resource, outcome: Outcome, holders: Sequence[Resource]) -> Outcome:
    """Return *outcome* with the reason why the connection is still there."""
    named = ", ".join(str(each.key) for each in holders[:_NAMED_MAX])
    more = f" and {len(holders) - _NAMED_MAX} more" if len(holders) > _NAMED_MAX else ""
    message = (
        f"{len(holders)} resources with deletionPolicy Delete still use it: {named}{more}. "
        "Delete them first, or set their deletionPolicy to Retain."
    )
    happening = Happening("Blocked", message, is_warning=True)
    is_new = "DeletionBlocked" not in by_type(resource.status)
    return replace(
        outcome,
        facts=(*outcome.facts, Fact("DeletionBlocked", "True", IN_USE, message)),
        happenings=(*outcome.happenings, happening) if is_new else outcome.happenings,
    )
