"""A cluster, a server of topics and an operator in memory, for the loop of `looping`.

What is written reaches the watch later, as in a real cluster. Every effect on the outside burns a
piece of a fuse; a fuse that is burnt kills whoever tries to do anything more.
"""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

from gopherpay_operator import wishes
from gopherpay_operator.backends.ports import DependencyMissing, Overtaken, Unavailable
from gopherpay_operator.engine.connecting import Connecting
from gopherpay_operator.engine.managed import Managed
from gopherpay_operator.engine.ports import ClusterConflict, ClusterUnavailable, Key, Resource
from gopherpay_operator.engine.servers import Servers
from gopherpay_operator.engine.statuses import by_type
from gopherpay_operator.engine.things import Access, Description, Finish, Reached
from gopherpay_operator.engine.working import Work
from gopherpay_operator.plans.observed import Found
from gopherpay_operator.plans.topic_actions import ClaimTopic
from gopherpay_operator.resources.connections import KafkaConnectionSpec, KafkaObserved
from gopherpay_operator.resources.kafka import EventTopicSpec, TopicObserved
from gopherpay_operator.resources.policies import ALLOW_DESTROY, FINALIZER
from tests.unit.operator.engine.looping import Threads
from tests.unit.operator.simulated import carried_out

CLUSTER = "here"
SECRET = "hunter2"
TOPIC, CONNECTION = "EventTopic", "KafkaConnection"
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


class Killed(BaseException):
    """The process was killed."""


class Fuse:
    """How many effects there may still be."""

    def __init__(self, length=None):
        self.length = length
        self.burnt = 0

    def burn(self):
        """Count an effect that is about to be, or raise `Killed` instead."""
        if self.length is not None and self.burnt >= self.length:
            raise Killed
        self.burnt += 1


class Counts:
    """A meter that only counts."""

    def __init__(self):
        self.passes = []
        self.calls = []
        self.drifts = []

    def reconciled(self, kind, result, reason, seconds):
        self.passes.append((kind, result, reason, seconds))

    def called(self, backend, operation, seconds, *, has_failed):
        self.calls.append((backend, operation, seconds, has_failed))

    def drifted(self, kind):
        self.drifts.append(kind)


class Cluster:
    """An API server with a watch: what is written is seen after *latency_seconds*."""

    def __init__(self, latency_seconds=0.02):
        self.latency_seconds = latency_seconds
        self.there = {}
        self.cache = {}
        self.events = []
        self.writes = 0
        self.secrets = {}
        self.labels = {}
        self.unseen = set()
        self.fuse = Fuse()
        self.is_away = False
        self.work = None
        self._uids = 0
        self._versions = 0

    # What people do.

    def apply(self, key, spec, **what):
        """Make a resource, or change its spec."""
        before = self.there.get(key)
        if before is None:
            self._uids += 1
            made = Resource(key=key, uid=f"uid-{self._uids:04}", generation=1, spec=spec, **what)
        else:
            is_other = before.spec != spec
            made = replace(before, spec=spec, generation=before.generation + is_other, **what)
        self._put(made)

    def delete(self, key):
        """Delete a resource, which stays while it has finalizers."""
        before = self.there[key]
        if before.finalizers:
            self._put(replace(before, is_deleting=True, generation=before.generation + 1))
        else:
            self._remove(key)

    def lose(self, key):
        """Delete a resource without anybody being told."""
        del self.there[key]

    def write(self, namespace, name, **data):
        """Write a Secret."""
        self.secrets[namespace, name] = data
        self._later(lambda: self.work.needed(Key("Secret", namespace, name)))

    def relist(self, kind):
        """List anew, as after a watch that was cut."""
        for key in [each for each in self.cache if each.kind == kind]:
            del self.cache[key]
        listed = {key: each for key, each in self.there.items() if key.kind == kind}
        self.cache |= listed
        self.work.relisted(kind, listed)

    def status(self, key):
        return self.there[key].status

    def conditions(self, key):
        return {
            type_: (each["status"], each["reason"])
            for type_, each in by_type(self.status(key)).items()
        }

    def ready(self, key):
        return self.conditions(key).get("Ready")

    def reasons(self, name):
        """Return the reasons of the Events on resources of *name*."""
        return [happening.reason for key, happening in self.events if key.name == name]

    # What reconcilers read and write.

    def resource(self, key):
        return self.cache.get(key)

    def resources(self, kind):
        return sorted((each for each in self.cache.values() if each.key.kind == kind), key=_age)

    def sees(self, namespace):
        return namespace not in self.unseen

    async def secret(self, namespace, name):
        return self.secrets.get((namespace, name))

    async def config_map(self, _namespace, _name):
        return None

    async def namespace_labels(self, namespace):
        return self.labels.get(namespace)

    # What the engine writes.

    async def write_status(self, resource, status):
        there = await self._writable(resource)
        self.writes += 1
        self._put(replace(there, status=status))

    async def set_finalizer(self, resource, *, is_held):
        there = await self._writable(resource)
        if is_held == (FINALIZER in there.finalizers):
            return
        if there.is_deleting and not is_held:
            self._remove(resource.key)
        else:
            self._put(replace(there, finalizers=(FINALIZER,) if is_held else ()))

    async def post_event(self, resource, happening):
        await self._answered()
        self.events.append((resource.key, happening))

    async def _writable(self, resource):
        await self._answered()
        there = self.there.get(resource.key)
        if there is None or there.uid != resource.uid:
            raise ClusterConflict("It is another one.")
        return there

    async def _answered(self):
        await asyncio.sleep(0.001)
        if self.is_away:
            raise ClusterUnavailable("The API server does not answer.")
        self.fuse.burn()

    # How the watch sees it.

    def _put(self, resource):
        self._versions += 1
        there = self.there[resource.key] = replace(resource, version=str(self._versions))
        self._later(lambda: self._seen(there))

    def _remove(self, key):
        last = self.there.pop(key)
        self._later(lambda: self._unseen(last))

    def _seen(self, resource):
        self.cache[resource.key] = resource
        self.work.changed(resource.key)

    def _unseen(self, resource):
        self.cache.pop(resource.key, None)
        self.work.gone(resource)

    def _later(self, what):
        asyncio.get_running_loop().call_later(self.latency_seconds, lambda: self.work and what())


def _age(resource):
    return resource.uid


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


class World:
    """A cluster, a broker and an operator that can be killed and started again."""

    def __init__(self, *, seed=0, thing=Topics, call_seconds=0.01, **options):
        self.cluster, self.broker, self.counts = Cluster(), Broker(), Counts()
        self.seed, self.thing, self.call_seconds, self.options = seed, thing, call_seconds, options
        self.interests = set()
        self.probe = Brokers(self.broker)
        self._running = None

    def start(self):
        """Start an operator that has listed everything once."""
        loop = asyncio.get_running_loop()
        random = Random(self.seed)  # noqa: S311 - no secret
        servers = Servers(
            self.counts,
            clock=loop.time,
            random=random,
            threads=lambda _: Threads(self.call_seconds),
        )
        self.servers = servers
        managed = Managed(self.thing(self.broker), servers, CLUSTER, self.counts)
        self.work = self.cluster.work = Work(
            self.cluster,
            self.cluster,
            {TOPIC: managed, CONNECTION: Connecting(self.probe)},
            self.counts,
            servers=servers,
            clock=loop.time,
            random=random,
            now=lambda: BEGIN + timedelta(seconds=loop.time()),
            interest=self._interested,
            **self.options,
        )
        self.cluster.cache = dict(self.cluster.there)
        for key in self.cluster.cache:
            self.work.changed(key)
        self._running = asyncio.create_task(self.work.run())

    async def kill(self):
        """End the operator as SIGKILL does: nothing that is under way does anything more."""
        for fuse in (self.cluster.fuse, self.broker.fuse):
            fuse.length = 0
        self.cluster.work = None
        self._running.cancel()
        await self.work.stop(0)
        await asyncio.sleep(1)
        self.cluster.fuse = self.broker.fuse = Fuse()

    def light(self, length):
        """Let the operator have *length* more effects, on whichever side."""
        self.cluster.fuse = self.broker.fuse = Fuse(length)

    async def until(self, is_so, seconds=30.0):
        """Wait until *is_so*, and return how long it took.

        Raises:
            AssertionError: If it does not come about.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        while not is_so():
            assert loop.time() - began < seconds, "it did not come about"
            await asyncio.sleep(0.01)
        return loop.time() - began

    async def ready(self, *keys, seconds=30.0):
        return await self.until(
            lambda: all(
                key in self.cluster.there and (self.cluster.ready(key) or ("",))[0] == "True"
                for key in keys
            ),
            seconds,
        )

    def connect(self, namespace="shop", **spec):
        """Make the connection and return its key."""
        key = Key(CONNECTION, namespace, "kafka")
        values = {"bootstrapServers": ["kafka:9092"], "securityProtocol": "PLAINTEXT", **spec}
        self.cluster.apply(key, KafkaConnectionSpec.model_validate(values))
        return key

    def topic(self, name, *, namespace="shop", annotations=None, **spec):
        """Make or change a topic and return its key."""
        key = Key(TOPIC, namespace, name)
        reference = (
            {"name": "kafka"} if namespace == "shop" else {"name": "kafka", "namespace": "shop"}
        )
        values = {"connectionRef": reference, "partitions": 3, **spec}
        what = {} if annotations is None else {"annotations": annotations}
        self.cluster.apply(key, EventTopicSpec.model_validate(values), **what)
        return key

    def doomed(self, name, **spec):
        """Make a topic that may be deleted with its resource."""
        return self.topic(
            name,
            annotations={ALLOW_DESTROY: name},
            deletionPolicy="Delete",
            dataLossGuard="None",
            **spec,
        )

    def _interested(self, key, is_needed):
        (self.interests.add if is_needed else self.interests.discard)(key)
