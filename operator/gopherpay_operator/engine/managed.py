"""How any resource is brought about that owns one thing outside."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from gopherpay_operator import wishes
from gopherpay_operator.backends.ports import BackendFailure, DependencyMissing
from gopherpay_operator.engine.connections import connection_of, let_in
from gopherpay_operator.engine.failures import AWAY, OVERTAKEN, MissingThere, outcome_of
from gopherpay_operator.engine.ports import ClusterFailure, Fact, Happening, Key, Outcome, Resource
from gopherpay_operator.engine.rivals import claim_of, elder, is_stale
from gopherpay_operator.engine.servers import Server
from gopherpay_operator.engine.statuses import SUSPENDED, by_type, condition
from gopherpay_operator.engine.telling import Pass, sentences, told
from gopherpay_operator.engine.things import WithInputs
from gopherpay_operator.plans import planning
from gopherpay_operator.plans.actions import Plan, corrects_drift
from gopherpay_operator.plans.desired import Desired
from gopherpay_operator.plans.policy import Deletion
from gopherpay_operator.resources.policies import ALLOW_DESTROY, ManagedSpec

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from gopherpay_operator.engine.ports import Cluster, Meter
    from gopherpay_operator.engine.servers import Servers
    from gopherpay_operator.engine.things import Thing
    from gopherpay_operator.plans.actions import Action
    from gopherpay_operator.plans.observed import Found
    from gopherpay_operator.plans.policy import Policy

Wish = TypeVar("Wish", bound=Desired)
State = TypeVar("State")

_HANDLING: Final = frozenset(
    {"suspend", "resyncInterval", "deletionPolicy", "adoptionPolicy", "driftPolicy"}
)
"""What a spec says of its handling: changing it changes nothing outside."""


@dataclass(frozen=True, slots=True)
class _Place(Generic[Wish]):
    """Where a thing is, and what it shall be."""

    server: Server
    name: str
    wish: Wish
    connection: Resource


class Managed(Generic[Wish, State]):
    """The reconciler of a `Thing`."""

    def __init__(
        self, thing: Thing[Wish, State], servers: Servers, cluster_name: str, meter: Meter
    ) -> None:
        """Prepare for all resources of one kind."""
        self._thing = thing
        self._servers = servers
        self._cluster_name = cluster_name
        self._meter = meter

    def needs(self, resource: Resource) -> frozenset[Key]:
        """Return the connection and what else *resource* refers to."""
        connection = connection_of(resource, self._thing.connection_kind)
        return self._thing.needs(resource) | ({connection} if connection else frozenset())

    def holds(self, resource: Resource, _: Cluster) -> bool:
        """Tell whether the thing is to be deleted with *resource*."""
        return isinstance(resource.spec, ManagedSpec) and resource.spec.deletion_policy == "Delete"

    async def reconcile(self, resource: Resource, cluster: Cluster, now: datetime) -> Outcome:
        """Bring the thing about, or see to its end."""
        try:
            if resource.is_deleting:
                return await self._leave(resource, cluster)
            return await self._live(resource, cluster, now)
        except OVERTAKEN:
            raise
        except (BackendFailure, ClusterFailure) as failure:
            outcome = outcome_of(failure)
            return (
                _blocked(resource, outcome) if resource.is_deleting else _failed(outcome, failure)
            )

    async def _live(self, resource: Resource, cluster: Cluster, now: datetime) -> Outcome:
        place = await self._place(resource, cluster)
        wanted_hash = spec_hash(resource, self._inputs(place.wish))
        policy = self._policy(resource, wanted_hash)
        before = await self._found_without_stale_claim(place, resource, policy, cluster)
        first = self._planned(place, before, policy, resource, cluster)
        after, left = before, first
        if first.to_do:
            await _apply(place.server, first.to_do)
            after = await place.server.observe(place.name, place.wish)
            left = planning.plan(place.wish, after, policy)
        what = Pass(
            resource=resource,
            policy=policy,
            name=place.name,
            spec_hash=wanted_hash,
            before=before,
            after=after,
            first=first,
            done=first.to_do,
            left=left,
        )
        self._count(what)
        return await self._told(what, place, cluster, now)

    async def _told(
        self, what: Pass, place: _Place[Wish], cluster: Cluster, now: datetime
    ) -> Outcome:
        description = self._thing.describe(what.resource, place.wish, what.after, what.left)
        if not what.is_wanted or what.policy.suspended:
            return told(what, description, None)
        finish = await self._thing.finish(what.resource, place.wish, what.after, cluster, now)
        return told(what, description, finish)

    async def _leave(self, resource: Resource, cluster: Cluster) -> Outcome:
        place = await self._place(resource, cluster)
        policy = replace(self._policy(resource, ""), is_deleting=True)
        found = await place.server.observe(place.name, place.wish, is_leaving=True)
        plan = self._end(place, found, policy)
        if not plan.to_do:
            return self._left(resource, plan, policy)
        await place.server.apply(plan.to_do)
        found = await place.server.observe(place.name, place.wish, is_leaving=True)
        outcome = self._left(resource, self._end(place, found, policy), policy)
        if not outcome.is_gone:
            return outcome
        return replace(outcome, happenings=(_farewell(place.name, policy),))

    def _end(self, place: _Place[Wish], found: Found[Any], policy: Policy) -> Plan:
        """Return how the thing ends; what is not ours has ended for us."""
        if found.claim != policy.claim:
            return Plan()
        return planning.plan(place.wish, found, policy)

    def _left(self, resource: Resource, plan: Plan, policy: Policy) -> Outcome:
        if plan.is_empty:
            return Outcome(is_ready=False, reason="Deleted", is_gone=True, is_partial=True)
        refused = plan.refusals
        reason = refused[0].reason.value if refused else "Deleting"
        if policy.suspended:
            reason = SUSPENDED
        waiting = Outcome(
            is_ready=False,
            reason=reason,
            message=sentences(refused or plan.actions),
            plan=plan,
            is_partial=True,
            is_retried=reason == "Deleting",
            happenings=(Happening("Blocked", sentences(refused), is_warning=True),)
            if refused
            else (),
        )
        return _blocked(resource, waiting)

    async def _place(self, resource: Resource, cluster: Cluster) -> _Place[Wish]:
        connection = await let_in(resource, self._thing.connection_kind, cluster)
        access = await self._thing.access(connection, cluster)
        wish = await self._thing.wish(resource, connection, cluster)
        server = self._servers.of(self._thing.kind, connection.key, access)
        return _Place(server, self._thing.external_name(resource), wish, connection)

    async def _found_without_stale_claim(
        self, place: _Place[Wish], resource: Resource, policy: Policy, cluster: Cluster
    ) -> Found[Any]:
        """Return what is there, released from a resource of ours that is no more."""
        found = await place.server.observe(place.name, place.wish)
        claim = found.claim
        if claim in {None, policy.claim} or policy.suspended:
            return found
        if not is_stale(claim, self._cluster_name, resource, self._thing, cluster):
            return found
        release = planning.RULES[type(place.wish)].release(place.wish, claim)
        await place.server.apply([release])
        return await place.server.observe(place.name, place.wish)

    def _planned(
        self,
        place: _Place[Wish],
        found: Found[Any],
        policy: Policy,
        resource: Resource,
        cluster: Cluster,
    ) -> Plan:
        if found.claim is None:
            refused = elder(resource, self._thing, cluster)
            if refused is not None:
                return Plan((refused,))
        return planning.plan(place.wish, found, policy)

    def _inputs(self, wish: Wish) -> str:
        return self._thing.inputs(wish) if isinstance(self._thing, WithInputs) else ""

    def _policy(self, resource: Resource, wanted_hash: str) -> Policy:
        spec = resource.spec
        assert isinstance(spec, ManagedSpec)  # noqa: S101 - things are of such kinds only
        policy = wishes.policy(
            claim_of(self._cluster_name, resource.key),
            spec,
            allow_destroy=resource.annotations.get(ALLOW_DESTROY),
        )
        is_applied = resource.status.get("appliedHash") == wanted_hash
        return replace(policy, spec_is_applied=is_applied)

    def _count(self, what: Pass) -> None:
        was_known = condition(what.resource.status, "Drifted")[0] == "True" and not what.done
        is_drift = any(map(corrects_drift, what.first.actions))
        if what.policy.spec_is_applied and is_drift and not was_known:
            self._meter.drifted(self._thing.kind)


async def _apply(server: Server, actions: Sequence[Action]) -> None:
    try:
        await server.apply(actions)
    except DependencyMissing as missing:
        raise MissingThere(str(missing)) from missing


def _farewell(name: str, policy: Policy) -> Happening:
    if policy.deletion is Deletion.DELETE:
        return Happening("Deleted", f"Deleted '{name}'.")
    return Happening("Retained", f"Gave up the ownership of '{name}' and left it as it is.")


def spec_hash(resource: Resource, inputs: str = "") -> str:
    """Return the hash of what *resource* wants outside; it names Secrets and holds none.

    Args:
        resource: Whose spec counts, but for what it says of its own handling.
        inputs: Stands for what comes from elsewhere; no secret.
    """
    wanted = resource.spec.model_dump(by_alias=True, mode="json")
    kept = {name: value for name, value in wanted.items() if name not in _HANDLING}
    text = json.dumps(kept, sort_keys=True, separators=(",", ":")) + inputs
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def _failed(outcome: Outcome, failure: Exception) -> Outcome:
    """Add to *outcome* what a thing has beside Ready."""
    if isinstance(failure, AWAY):
        synced = Fact("Synced", "Unknown", outcome.reason, outcome.message)
    else:
        synced = Fact("Synced", "False", outcome.reason, outcome.message)
    return replace(outcome, facts=(*outcome.facts, synced))


def _blocked(resource: Resource, outcome: Outcome) -> Outcome:
    """Return *outcome* of a deletion that cannot be done yet; Ready stays as it was."""
    fact = Fact("DeletionBlocked", "True", outcome.reason, outcome.message)
    was = by_type(resource.status).get("Ready")
    kept = (Fact("Ready", was["status"], was["reason"], was.get("message", "")),) if was else ()
    is_new = condition(resource.status, "DeletionBlocked") != (fact.status, fact.reason)
    return replace(
        outcome,
        is_stalled=False,
        facts=(*kept, fact),
        happenings=outcome.happenings if is_new else (),
    )
