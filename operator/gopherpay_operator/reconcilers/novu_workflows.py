"""Workflows of Novu, as the engine needs them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gopherpay_operator import novu_wishes
from gopherpay_operator.backends.novu_workflows import WorkflowCalls
from gopherpay_operator.engine.things import Description, Finish
from gopherpay_operator.plans.novu import hashed
from gopherpay_operator.reconcilers import novu_access, novu_contents
from gopherpay_operator.resources.workflows import NovuWorkflowSpec, WorkflowObserved

if TYPE_CHECKING:
    from datetime import datetime

    from gopherpay_operator.engine.ports import Cluster, Key, Resource
    from gopherpay_operator.engine.things import Access
    from gopherpay_operator.plans.actions import Plan
    from gopherpay_operator.plans.novu import NovuState, NovuWorkflow
    from gopherpay_operator.plans.observed import Found
    from gopherpay_operator.reconcilers.novu_access import NovuAccess


class NovuWorkflows:
    """`engine.things.Thing` for `NovuWorkflow`."""

    kind = "NovuWorkflow"
    connection_kind = novu_access.KIND

    def __init__(self, access: NovuAccess) -> None:
        """Take what all kinds of Novu share."""
        self._access = access

    def needs(self, resource: Resource) -> frozenset[Key]:
        """Return the ConfigMaps of its bodies."""
        references = [each.body_from for each in _spec(resource).steps]
        return novu_access.config_maps(*references, namespace=resource.key.namespace)

    def external_name(self, resource: Resource) -> str:
        """Return the identifier of the workflow."""
        return novu_access.external_name(resource)

    async def access(self, connection: Resource, cluster: Cluster) -> Access:
        """Return how the environment is reached."""
        return await self._access.access(connection, cluster, WorkflowCalls)

    async def wish(
        self, resource: Resource, connection: Resource, cluster: Cluster
    ) -> NovuWorkflow:
        """Return the workflow that is wanted, with its bodies; what goes away needs none."""
        spec, namespace = _spec(resource), resource.key.namespace
        bodies = {
            each.step_id: await novu_access.text_of(each.body_from, namespace, cluster)
            for each in spec.steps
            if each.body_from is not None and not resource.is_deleting
        }
        return novu_wishes.workflow(
            resource.key.name,
            spec,
            self._access.surroundings(resource, connection, cluster),
            bodies=bodies,
            believed=novu_access.believed(resource),
        )

    def inputs(self, wish: NovuWorkflow) -> str:
        """Return the hash of the workflow, whose bodies may come from ConfigMaps."""
        return hashed(wish.document)

    def describe(
        self, resource: Resource, wish: NovuWorkflow, found: Found[NovuState], plan: Plan
    ) -> Description:
        """Return what the status says of the workflow."""
        del resource
        state = found.state
        if state is None:
            return Description()
        said = {
            **novu_contents.observed(wish, state, plan),
            "steps": len(state.document["steps"]),
            "workflow_status": state.status,
        }
        return Description(
            observed=WorkflowObserved(**said),
            external_id=state.id,
            facts=novu_contents.facts(state, plan),
        )

    async def finish(
        self,
        resource: Resource,
        wish: NovuWorkflow,
        found: Found[NovuState],
        cluster: Cluster,
        now: datetime,
    ) -> Finish:
        """Look whether Novu can use it."""
        del resource, wish, cluster, now
        return novu_contents.finish(found.state)


def _spec(resource: Resource) -> NovuWorkflowSpec:
    assert isinstance(resource.spec, NovuWorkflowSpec)  # noqa: S101 - the engine's promise
    return resource.spec
