"""Topics of Novu, as the engine needs them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gopherpay_operator import novu_wishes
from gopherpay_operator.backends.novu_topics import TopicCalls
from gopherpay_operator.engine.things import Description, Finish
from gopherpay_operator.reconcilers import novu_access
from gopherpay_operator.resources.novu import NovuTopicSpec

if TYPE_CHECKING:
    from datetime import datetime

    from gopherpay_operator.engine.ports import Cluster, Key, Resource
    from gopherpay_operator.engine.things import Access
    from gopherpay_operator.plans.actions import Plan
    from gopherpay_operator.plans.novu import NovuState, NovuTopic
    from gopherpay_operator.plans.observed import Found
    from gopherpay_operator.reconcilers.novu_access import NovuAccess


class NovuTopics:
    """`engine.things.Thing` for `NovuTopic`."""

    kind = "NovuTopic"
    connection_kind = novu_access.KIND

    def __init__(self, access: NovuAccess) -> None:
        """Take what all kinds of Novu share."""
        self._access = access

    def needs(self, resource: Resource) -> frozenset[Key]:
        """Return nothing: a topic stands for itself."""
        del resource
        return frozenset()

    def external_name(self, resource: Resource) -> str:
        """Return the key of the topic."""
        return novu_access.external_name(resource)

    async def access(self, connection: Resource, cluster: Cluster) -> Access:
        """Return how the environment is reached."""
        return await self._access.access(connection, cluster, TopicCalls)

    async def wish(self, resource: Resource, connection: Resource, cluster: Cluster) -> NovuTopic:
        """Return the topic that is wanted."""
        assert isinstance(resource.spec, NovuTopicSpec)  # noqa: S101 - the engine's promise
        around = self._access.surroundings(resource, connection, cluster)
        return novu_wishes.topic(resource.key.name, resource.spec, around)

    def describe(
        self, resource: Resource, wish: NovuTopic, found: Found[NovuState], plan: Plan
    ) -> Description:
        """Return the id of the topic."""
        del resource, wish, plan
        return Description(external_id=found.state.id if found.state else None)

    async def finish(
        self,
        resource: Resource,
        wish: NovuTopic,
        found: Found[NovuState],
        cluster: Cluster,
        now: datetime,
    ) -> Finish:
        """See to nothing: what is in Novu is all."""
        del resource, wish, found, cluster, now
        return Finish()
