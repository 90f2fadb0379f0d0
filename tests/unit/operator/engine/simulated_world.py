"""An operator between a cluster and a broker in memory, for the loop of `looping`."""

import asyncio
from datetime import UTC, datetime, timedelta
from random import Random

from gopherpay_operator.engine.connecting import Connecting
from gopherpay_operator.engine.managed import Managed
from gopherpay_operator.engine.ports import Key
from gopherpay_operator.engine.servers import Servers
from gopherpay_operator.engine.working import Work
from gopherpay_operator.resources.connections import KafkaConnectionSpec
from gopherpay_operator.resources.kafka import EventTopicSpec
from gopherpay_operator.resources.policies import ALLOW_DESTROY
from tests.unit.operator.engine.looping import Threads
from tests.unit.operator.engine.simulated_broker import CONNECTION, TOPIC, Broker, Brokers, Topics
from tests.unit.operator.engine.simulated_cluster import Cluster, Fuse

CLUSTER = "here"
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


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
