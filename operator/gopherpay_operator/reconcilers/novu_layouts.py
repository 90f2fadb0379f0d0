"""Layouts of Novu, as the engine needs them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gopherpay_operator import novu_wishes
from gopherpay_operator.backends.novu_layouts import LayoutCalls
from gopherpay_operator.engine.things import Description, Finish
from gopherpay_operator.plans.novu import hashed
from gopherpay_operator.reconcilers import novu_access, novu_contents
from gopherpay_operator.resources.workflows import ContentObserved, NovuLayoutSpec

if TYPE_CHECKING:
    from datetime import datetime

    from gopherpay_operator.engine.ports import Cluster, Key, Resource
    from gopherpay_operator.engine.things import Access
    from gopherpay_operator.plans.actions import Plan
    from gopherpay_operator.plans.novu import NovuLayout, NovuState
    from gopherpay_operator.plans.observed import Found
    from gopherpay_operator.reconcilers.novu_access import NovuAccess


class NovuLayouts:
    """`engine.things.Thing` for `NovuLayout`."""

    kind = "NovuLayout"
    connection_kind = novu_access.KIND

    def __init__(self, access: NovuAccess) -> None:
        """Take what all kinds of Novu share."""
        self._access = access

    def needs(self, resource: Resource) -> frozenset[Key]:
        """Return the ConfigMap of its text, if it names one."""
        content = _spec(resource).content
        return novu_access.config_maps(content.config_map_key_ref, namespace=resource.key.namespace)

    def external_name(self, resource: Resource) -> str:
        """Return the identifier of the layout."""
        return novu_access.external_name(resource)

    async def access(self, connection: Resource, cluster: Cluster) -> Access:
        """Return how the environment is reached."""
        return await self._access.access(connection, cluster, LayoutCalls)

    async def wish(self, resource: Resource, connection: Resource, cluster: Cluster) -> NovuLayout:
        """Return the layout that is wanted, with its text; what goes away needs none."""
        content, body = _spec(resource).content, ""
        if content.inline is not None:
            body = content.inline
        elif content.config_map_key_ref is not None and not resource.is_deleting:
            namespace = resource.key.namespace
            body = await novu_access.text_of(content.config_map_key_ref, namespace, cluster)
        return novu_wishes.layout(
            resource.key.name,
            _spec(resource),
            self._access.surroundings(resource, connection, cluster),
            body=body,
            believed=novu_access.believed(resource),
        )

    def inputs(self, wish: NovuLayout) -> str:
        """Return the hash of the layout, whose text may come from a ConfigMap."""
        return hashed(wish.document)

    def describe(
        self, resource: Resource, wish: NovuLayout, found: Found[NovuState], plan: Plan
    ) -> Description:
        """Return what the status says of the layout."""
        del resource
        state = found.state
        if state is None:
            return Description()
        return Description(
            observed=ContentObserved(**novu_contents.observed(wish, state, plan)),
            external_id=state.id,
            facts=novu_contents.facts(state, plan),
        )

    async def finish(
        self,
        resource: Resource,
        wish: NovuLayout,
        found: Found[NovuState],
        cluster: Cluster,
        now: datetime,
    ) -> Finish:
        """Look whether Novu can use it."""
        del resource, wish, cluster, now
        return novu_contents.finish(found.state)


def _spec(resource: Resource) -> NovuLayoutSpec:
    assert isinstance(resource.spec, NovuLayoutSpec)  # noqa: S101 - the engine's promise
    return resource.spec
