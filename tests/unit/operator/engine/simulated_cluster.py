"""A cluster in memory: what is written reaches the watch later, as in a real one.

Every effect on the outside burns a piece of a fuse; a fuse that is burnt kills whoever tries to do
anything more.
"""

import asyncio
from dataclasses import replace

from gopherpay_operator.engine.ports import ClusterConflict, ClusterUnavailable, Key, Resource
from gopherpay_operator.engine.statuses import by_type
from gopherpay_operator.resources.policies import FINALIZER


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
