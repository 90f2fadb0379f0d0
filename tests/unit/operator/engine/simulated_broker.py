"""A server of topics in memory, what wishes are for it, and how it is probed."""

from gopherpay_operator import wishes
from gopherpay_operator.backends.ports import DependencyMissing, Overtaken, Unavailable
from gopherpay_operator.engine.ports import Key
from gopherpay_operator.engine.things import Access, Description, Finish, Reached
from gopherpay_operator.plans.observed import Found
from gopherpay_operator.plans.topic_actions import ClaimTopic
from gopherpay_operator.resources.connections import KafkaObserved
from gopherpay_operator.resources.kafka import TopicObserved
from tests.unit.operator.engine.simulated_cluster import Fuse
from tests.unit.operator.simulated import carried_out

SECRET = "hunter2"
TOPIC, CONNECTION = "EventTopic", "KafkaConnection"


class Broker:
    """A server of topics in memory, and all clients of it."""

    def __init__(self):
        self.topics = {}
        self.fuse = Fuse()
        self.is_away = False
        self.overtakes = 0
        self.lacks = ""
        self.looks = []
        self.done = []
        self.calls = 0
        self.closed = 0

    def observe(self, wanted, *, is_leaving=False):
        self._answer()
        self.looks.append((tuple(each.name for each in wanted), is_leaving))
        return {each.name: self.topics.get(each.name, Found()) for each in wanted}

    def apply(self, actions):
        self._answer()
        if self.overtakes:
            self.overtakes -= 1
            raise Overtaken("Somebody came in between.")
        if self.lacks:
            raise DependencyMissing(self.lacks)
        for action in actions:
            found = self.topics.get(action.name, Found())
            if isinstance(action, ClaimTopic) and found.claim not in {None, action.claim}:
                raise Overtaken(f"Topic '{action.name}' belongs to {found.claim}.")
            self.fuse.burn()
            self.topics[action.name] = carried_out(found, [action])
            self.done.append(action)

    def close(self):
        self.closed += 1

    def names(self):
        return {name for name, found in self.topics.items() if found.state is not None}

    def did(self, kind):
        """Return how often steps of a class were carried out."""
        return sum(isinstance(action, kind) for action in self.done)

    def _answer(self):
        self.calls += 1
        if self.is_away:
            raise Unavailable("The broker does not answer.")


class Topics:
    """The thing: a topic."""

    kind = TOPIC
    connection_kind = CONNECTION

    def __init__(self, broker):
        self.broker = broker

    def needs(self, resource):
        name = resource.annotations.get("secret")
        return frozenset({Key("Secret", resource.key.namespace, name)} if name else ())

    def external_name(self, resource):
        return resource.spec.external_name or resource.key.name

    async def access(self, connection, cluster):  # noqa: ARG002 - the thing's signature
        return Access(str(connection.generation), lambda: self.broker)

    async def wish(self, resource, connection, cluster):  # noqa: ARG002 - see above
        for key in self.needs(resource):
            if await cluster.secret(key.namespace, key.name) is None:
                raise DependencyMissing(f"{key} is not there.")
        return wishes.topic(resource.key.name, resource.spec)

    def describe(self, resource, wish, found, plan):  # noqa: ARG002 - see above
        state = found.state
        return Description(
            observed=TopicObserved(partitions=state.partitions) if state else TopicObserved(),
            external_id=state.topic_id if state else None,
        )

    async def finish(self, resource, wish, found, cluster, now):  # noqa: ARG002 - see above
        return Finish()


class Broken(Topics):
    """A thing whose wish is beyond us for resources called ``bad``."""

    async def wish(self, resource, connection, cluster):
        if resource.key.name == "bad":
            raise ZeroDivisionError(SECRET)
        return await super().wish(resource, connection, cluster)


class Brokers:
    """The probe: the broker."""

    kind = CONNECTION
    user_kinds = (TOPIC,)

    def __init__(self, broker):
        self.broker = broker
        self.looks = 0
        self.failure = None

    def needs(self, _resource):
        return frozenset()

    async def look(self, resource, cluster):  # noqa: ARG002 - the probe's signature
        self.looks += 1
        if self.broker.is_away:
            raise Unavailable("The broker does not answer.")
        if self.failure is not None:
            raise self.failure
        return Reached(observed=KafkaObserved(cluster_id="one", broker_count=1))
