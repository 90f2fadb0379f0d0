"""Promotions: what differs is shown, and published once by whoever may."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gopherpay_operator.backends import novu_environments
from gopherpay_operator.backends.novu_client import NovuClient
from gopherpay_operator.backends.ports import DependencyMissing, Rejected
from gopherpay_operator.engine.ports import Fact, Happening, Key, Outcome, Resource
from gopherpay_operator.engine.statuses import is_ready, written
from gopherpay_operator.plans import novu_promotions as plans
from gopherpay_operator.plans.actions import Plan
from gopherpay_operator.reconcilers.novu_access import KIND, NovuAccess
from gopherpay_operator.resources.promotions import (
    NovuPromotionSpec,
    PromotionChange,
    PromotionObserved,
)

if TYPE_CHECKING:
    from datetime import datetime

    from gopherpay_operator.backends.novu_environments import Published
    from gopherpay_operator.engine.ports import Cluster
    from gopherpay_operator.plans.novu_promotions import Change

SHOWN_MAX: Final = 64
AWAITING: Final = "AwaitingApproval"


@dataclass(frozen=True, slots=True)
class _Way:
    """From where to where, and by which client."""

    source_id: str
    target_id: str
    client: NovuClient

    def look(self) -> tuple[Change, ...]:
        return novu_environments.differences(self.client, self.source_id, self.target_id)

    def publish(self, changes: tuple[Change, ...]) -> Published:
        return novu_environments.publish(self.client, self.source_id, self.target_id, changes)


class NovuPromotions:
    """`engine.ports.Reconciler` for `NovuPromotion`."""

    def __init__(self, access: NovuAccess) -> None:
        """Take what all kinds of Novu share."""
        self._access = access

    def needs(self, resource: Resource) -> frozenset[Key]:
        """Return both connections."""
        spec, namespace = _spec(resource), resource.key.namespace
        return frozenset(
            Key(KIND, namespace, each.name) for each in (spec.source_ref, spec.target_ref)
        )

    def holds(self, resource: Resource, cluster: Cluster) -> bool:
        """Tell that nothing is taken back."""
        del resource, cluster
        return False

    async def reconcile(self, resource: Resource, cluster: Cluster, now: datetime) -> Outcome:
        """Compare the environments, and publish what was agreed to.

        Raises:
            DependencyMissing: If a connection is not there or not Ready.
            Rejected: If both are the same environment.
        """
        if resource.is_deleting:
            return Outcome(is_ready=False, reason="Deleted", is_gone=True, is_partial=True)
        way = await self._way(resource, cluster)
        try:
            return await _promoted(resource, way, now)
        finally:
            way.client.close()

    async def _way(self, resource: Resource, cluster: Cluster) -> _Way:
        spec, namespace = _spec(resource), resource.key.namespace
        source = _connection(Key(KIND, namespace, spec.source_ref.name), cluster)
        target = _connection(Key(KIND, namespace, spec.target_ref.name), cluster)
        ids = [each.status["observed"]["environmentId"] for each in (source, target)]
        if ids[0] == ids[1]:
            raise Rejected(f"{source.key} and {target.key} lead to the same environment. Name two.")
        return _Way(ids[0], ids[1], await self._access.client(source, cluster))


async def _promoted(resource: Resource, way: _Way, now: datetime) -> Outcome:
    spec, seen = _spec(resource), _seen(resource)
    made = plans.plan(await asyncio.to_thread(way.look), _selection(spec))
    changes = plans.changes_in(made)
    plan_hash = plans.hash_of(changes) if changes else None
    if not _is_agreed(spec, plan_hash) or made.refusals or plan_hash == seen.last_published_hash:
        return _shown(spec, _observed(seen, made, plan_hash), made)
    published = await asyncio.to_thread(way.publish, changes)
    left = plans.plan(await asyncio.to_thread(way.look), _selection(spec))
    rest = plans.changes_in(left)
    after = _observed(seen, left, plans.hash_of(rest) if rest else None)
    return _told(after, left, published, plan_hash, written(now))


def _shown(spec: NovuPromotionSpec, observed: PromotionObserved, made: Plan) -> Outcome:
    """Return what is pending, and for what it waits."""
    is_done = not observed.pending and not made.refusals
    reason, message = _state(spec, observed, made)
    is_published = is_done and observed.last_published_hash is not None
    return Outcome(
        is_ready=is_done or (reason == "Planned"),
        reason=reason,
        message=message,
        facts=(
            Fact("DependenciesReady", "True", "Found"),
            Fact("PlanReady", "False" if made.refusals else "True", reason, message),
            Fact("Published", "True" if is_published else "False", reason),
        ),
        observed=observed,
        plan=Plan(made.actions, is_carried_out=False),
    )


def _state(spec: NovuPromotionSpec, observed: PromotionObserved, made: Plan) -> tuple[str, str]:
    if made.refusals:
        refused = made.refusals[0]
        return refused.reason.value, refused.sentence
    if not observed.pending:
        return "UpToDate", "Nothing differs."
    if observed.plan_hash == observed.last_published_hash:
        return "StillDiffers", "Novu has published it and still says that it differs."
    count = f"{observed.pending} things differ."
    if spec.mode == "OnApproval":
        return AWAITING, f"{count} To publish them, set approvedPlanHash to {observed.plan_hash}."
    return "Planned", count


def _told(
    observed: PromotionObserved,
    left: Plan,
    published: Published,
    plan_hash: str | None,
    time: str,
) -> Outcome:
    """Return what became of a publishing."""
    failed = "; ".join(published.failed)
    if failed:
        message = f"{published.done} things were published. Novu refused others: {failed}."
        reason, changed = "PublishFailed", {}
    else:
        message, reason = f"{published.done} things were published.", "Published"
        changed = {"last_published": time, "last_published_hash": plan_hash}
    return Outcome(
        is_ready=not failed and left.is_empty,
        reason=reason,
        message=message,
        is_stalled=bool(failed),
        facts=(
            Fact("DependenciesReady", "True", "Found"),
            Fact("PlanReady", "True", reason),
            Fact("Published", "False" if failed else "True", reason, message),
        ),
        observed=observed.model_copy(update=changed),
        plan=left,
        has_applied=published.done > 0,
        applied_hash=plan_hash,
        happenings=(Happening(reason, message, is_warning=bool(failed)),),
    )


def _is_agreed(spec: NovuPromotionSpec, plan_hash: str | None) -> bool:
    if plan_hash is None or spec.suspend or spec.mode == "Plan":
        return False
    return spec.mode == "Auto" or spec.approved_plan_hash == plan_hash


def _observed(seen: PromotionObserved, made: Plan, plan_hash: str | None) -> PromotionObserved:
    changes = plans.changes_in(made)
    shown = [
        PromotionChange.model_validate(
            {"kind": each.kind, "identifier": each.identifier, "action": each.action}
        )
        for each in changes[:SHOWN_MAX]
    ]
    return PromotionObserved(
        pending=len(changes),
        changes=shown or None,
        plan_hash=plan_hash,
        last_published=seen.last_published,
        last_published_hash=seen.last_published_hash,
    )


def _selection(spec: NovuPromotionSpec) -> plans.Selection:
    named = spec.resources
    return plans.Selection(
        named.all, frozenset(named.workflows or ()), frozenset(named.layouts or ())
    )


def _connection(key: Key, cluster: Cluster) -> Resource:
    found = cluster.resource(key)
    if found is None:
        raise DependencyMissing(f"{key} is not there.")
    known = (found.status.get("observed") or {}).get("environmentId")
    if not is_ready(found.status) or not known:
        raise DependencyMissing(f"{key} is not Ready.")
    return found


def _seen(resource: Resource) -> PromotionObserved:
    return PromotionObserved.model_validate(resource.status.get("observed") or {})


def _spec(resource: Resource) -> NovuPromotionSpec:
    assert isinstance(resource.spec, NovuPromotionSpec)  # noqa: S101 - the engine's promise
    return resource.spec
