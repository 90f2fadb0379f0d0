"""The loop: what changed is worked on, by many at once, until all is as it is wanted."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING, Final

from gopherpay_operator.engine.connecting import Connecting
from gopherpay_operator.engine.durations import seconds_of
from gopherpay_operator.engine.failures import INTERNAL_ERROR, outcome_of
from gopherpay_operator.engine.index import Index
from gopherpay_operator.engine.memory import Memory
from gopherpay_operator.engine.passes import Passes, as_leaving, log_error, log_release
from gopherpay_operator.engine.ports import (
    ClusterConflict,
    ClusterFailure,
    ClusterUnavailable,
    Malformed,
)
from gopherpay_operator.engine.queue import Priority, Queue
from gopherpay_operator.engine.statuses import condition, is_ready
from gopherpay_operator.plans.actions import Reason
from gopherpay_operator.resources.policies import GROUP, ManagedSpec, WatchedSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from gopherpay_operator.engine.ports import (
        Cluster,
        Key,
        Meter,
        Outcome,
        Reconciler,
        Resource,
        StatusWriter,
    )
    from gopherpay_operator.engine.servers import Servers

WORKERS: Final = 64
LANE_LIMIT: Final = 48
"""Passes over resources of one connection at once: they mostly wait, and are looked up together."""

USERS_SPREAD_SECONDS: Final = 5.0
CONNECTION_DELAY_SECONDS: Final = 1.0
"""So that a hundred resources that come together bring their connection once."""

OVERTAKEN_MAX: Final = 5
RELEASES_MAX: Final = 3
_RESYNC_SECONDS: Final = 600.0
_OURS: Final = f"{GROUP}/"


class Work:
    """Keeps all resources as they are wanted."""

    def __init__(  # noqa: PLR0913 - keyword arguments of a root
        self,
        cluster: Cluster,
        writer: StatusWriter,
        reconcilers: Mapping[str, Reconciler],
        meter: Meter,
        *,
        servers: Servers | None = None,
        workers: int = WORKERS,
        lane_limit: int = LANE_LIMIT,
        clock: Callable[[], float] = time.monotonic,
        random: Random | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        interest: Callable[[Key, bool], None] = lambda _key, _is_needed: None,
    ) -> None:
        """Prepare; nothing happens before `run`.

        Args:
            cluster: What is known of the cluster.
            writer: What may be written there.
            reconcilers: By kind.
            meter: What is counted.
            servers: Told of connections that went; tells of those that answer again.
            workers: Passes at once.
            lane_limit: Passes at once over the resources of one connection.
            clock: Seconds that never go back.
            random: Where jitter comes from.
            now: The time, for statuses.
            interest: Told when something begins or ceases to be referred to.
        """
        self._cluster = cluster
        self._reconcilers = reconcilers
        self._meter = meter
        self._servers = servers
        self._clock = clock
        self._random = random or Random()  # noqa: S311 - no secret
        self._index = Index(interest)
        self._memory = Memory(clock)
        self._passes = Passes(cluster, writer, reconcilers, self._memory, now)
        self._known: dict[Key, Resource] = {}
        self._leavers: dict[Key, tuple[Resource, int]] = {}
        self._seen_off: set[str] = set()
        self._overtaken: dict[Key, int] = {}
        self._slots = asyncio.Semaphore(workers)
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()
        self.queue = Queue(self._lane_of, lane_limit=lane_limit, clock=clock, random=self._random)
        if servers is not None:
            servers.tell(self._bring_users)

    def changed(self, key: Key, *, is_spec: bool = False) -> None:
        """Take note that the watch has shown *key*, whose cache entry is up to date.

        What does not concern us, such as a status that we wrote, brings nothing.

        Args:
            key: A resource of ours.
            is_spec: It is to be worked on whatever it looks like.
        """
        resource = self._cluster.resource(key)
        if resource is None:
            return
        before, self._known[key] = self._known.get(key), resource
        self._memory.seen(resource)
        self._index.put(key, self._needs(resource))
        is_other = before is None or before.uid != resource.uid
        is_new_spec = is_other or (before is not None and before.generation != resource.generation)
        if is_spec or is_new_spec or _is_told(before, resource):
            is_as_it_was = before is None and _is_settled(resource)
            self.queue.add(key, Priority.RESYNC if is_as_it_was else Priority.SPEC)
        if is_new_spec or (before is not None and _turned_ready(before, resource)):
            self._bring_users(key)
        if is_new_spec or _is_told(before, resource):
            self._bring_connections(self._index.needs(key))

    def needed(self, key: Key) -> None:
        """Bring all that refer to *key*, which has changed or gone."""
        for user in self._index.users(key):
            self.queue.add(user, Priority.DEPENDENCY)

    def gone(self, resource: Resource) -> None:
        """Take note that *resource*, as it was last, is not there any more."""
        key = resource.key
        self._known.pop(key, None)
        self._memory.forget(key)
        self._overtaken.pop(key, None)
        self.queue.forget(key)
        self._bring_connections(self._index.drop(key))
        self._bring_users(key)
        self._bring_losers(key)
        if self._servers is not None:
            self._servers.forget(key)
        if resource.uid in self._seen_off:
            self._seen_off.discard(resource.uid)
        elif isinstance(resource.spec, ManagedSpec):
            self._leavers[key] = (as_leaving(resource), RELEASES_MAX)
            self.queue.add(key, Priority.DEPENDENCY)

    def relisted(self, kind: str, keys: Iterable[Key]) -> None:
        """Correct what is known: *keys* are all resources of *kind* that there are."""
        there = set(keys)
        missed = [key for key in self._known if key.kind == kind and key not in there]
        for key in missed:
            self.gone(self._known[key])
        for key in there:
            self.changed(key)

    def resync_all(self) -> None:
        """Look at everything again, one after the other."""
        for key in self._known:
            self.queue.add(key, Priority.RESYNC)

    async def run(self) -> None:
        """Work until `stop`; all kinds must have been listed before."""
        stopping = asyncio.create_task(self._stopping.wait())
        dispatching = asyncio.create_task(self._dispatch())
        try:
            await asyncio.wait({stopping, dispatching}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            dispatching.cancel()
            await asyncio.gather(stopping, dispatching, return_exceptions=True)
        if not self._stopping.is_set():
            await dispatching  # it ends by an error alone

    async def stop(self, seconds: float) -> None:
        """Begin nothing more, and give what is under way *seconds* to end."""
        self._stopping.set()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=seconds)
            for task in late:
                task.cancel()

    async def _dispatch(self) -> None:
        while True:
            await self._slots.acquire()
            key = await self.queue.take()
            task = asyncio.create_task(self._work_on(key))
            self._tasks.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._slots.release()

    async def _work_on(self, key: Key) -> None:
        try:
            resource = self._cluster.resource(key)
            if resource is None:
                await self._release(key)
            else:
                self._leavers.pop(key, None)  # who comes after has the same claim
                await self._pass_over(self._memory.fresh(resource))
        finally:
            self.queue.done(key)

    async def _pass_over(self, resource: Resource) -> None:
        key, started = resource.key, self._clock()
        try:
            outcome, failure = await self._passes.over(resource)
        except Exception as error:  # noqa: BLE001 - the loop goes on whatever a write meets
            outcome, failure = outcome_of(error), error
            if not isinstance(error, ClusterUnavailable | ClusterConflict):
                log_error(resource, error)
        if outcome.is_gone:
            self._seen_off.add(resource.uid)
        outcome = await self._overtakes(resource, outcome)
        self._plan_next(resource, outcome)
        self._meter.reconciled(
            key.kind, _result(outcome, failure), outcome.reason, self._clock() - started
        )

    async def _overtakes(self, resource: Resource, outcome: Outcome) -> Outcome:
        """Count the times that somebody came in between; too many are told of."""
        if outcome.reason != "Overtaken":
            self._overtaken.pop(resource.key, None)
            return outcome
        times = self._overtaken[resource.key] = self._overtaken.get(resource.key, 0) + 1
        if times > OVERTAKEN_MAX:
            try:
                await self._passes.tell(resource, outcome)
            except ClusterFailure as failure:
                return outcome_of(failure)
        return outcome

    def _plan_next(self, resource: Resource, outcome: Outcome) -> None:
        key = resource.key
        if self._cluster.resource(key) is None:
            return
        is_overtaken = outcome.reason == "Overtaken"
        if is_overtaken and self._overtaken.get(key, 0) <= OVERTAKEN_MAX:
            self.queue.add(key, Priority.RETRY)
        elif outcome.is_retried:
            self.queue.retry(key)
        else:
            self.queue.settled(key)
        if outcome.again_in_seconds is not None:
            self.queue.add(key, Priority.RETRY, outcome.again_in_seconds)
        self.queue.resync(key, _resync_seconds(resource))

    async def _release(self, key: Key) -> None:
        """Give up what a resource owned that is gone; its claim is stale if that fails."""
        resource, tries = self._leavers.pop(key, (None, 0))
        if resource is None:
            return
        try:
            outcome = await self._passes.release(resource)
        except Exception as error:  # noqa: BLE001 - see above
            outcome = outcome_of(error)
        if outcome.is_gone or tries <= 1:
            log_release(resource, outcome)
            self.queue.settled(key)
            return
        self._leavers[key] = (resource, tries - 1)
        self.queue.retry(key)

    def _needs(self, resource: Resource) -> frozenset[Key]:
        if isinstance(resource.spec, Malformed):
            return frozenset()
        return self._reconcilers[resource.key.kind].needs(resource)

    def _lane_of(self, key: Key) -> Key | None:
        """Return the connection through which *key* is reached."""
        return next((each for each in sorted(self._index.needs(key)) if self._leads(each)), None)

    def _leads(self, key: Key) -> bool:
        return isinstance(self._reconcilers.get(key.kind), Connecting)

    def _bring_users(self, key: Key) -> None:
        """Bring all that refer to a resource, not all at the same moment."""
        spread = USERS_SPREAD_SECONDS if self._leads(key) else 0.0
        for user in self._index.users(key):
            self.queue.add(user, Priority.DEPENDENCY, spread * self._random.random())

    def _bring_connections(self, needs: frozenset[Key]) -> None:
        for key in needs:
            if self._leads(key) and self._cluster.resource(key) is not None:
                self.queue.add(key, Priority.DEPENDENCY, CONNECTION_DELAY_SECONDS)

    def _bring_losers(self, key: Key) -> None:
        """Bring those that were refused because *key* owned what they want."""
        for other in self._cluster.resources(key.kind):
            if condition(other.status, "Ready")[1] == Reason.CONFLICT:
                self.queue.add(other.key, Priority.DEPENDENCY)


def _is_told(before: Resource | None, after: Resource) -> bool:
    """Tell whether a person, or the API server, says something new beside the spec."""
    if before is None:
        return True
    return before.is_deleting != after.is_deleting or _notes(before) != _notes(after)


def _is_settled(resource: Resource) -> bool:
    """Tell whether *resource* was as it is wanted when we, or who was here before us, left it."""
    is_known = resource.status.get("observedGeneration") == resource.generation
    return is_known and is_ready(resource.status) and not resource.is_deleting


def _notes(resource: Resource) -> dict[str, str]:
    return {key: value for key, value in resource.annotations.items() if key.startswith(_OURS)}


def _turned_ready(before: Resource, after: Resource) -> bool:
    return not is_ready(before.status) and is_ready(after.status)


def _resync_seconds(resource: Resource) -> float:
    spec = resource.spec
    return seconds_of(spec.resync_interval) if isinstance(spec, WatchedSpec) else _RESYNC_SECONDS


def _result(outcome: Outcome, failure: Exception | None) -> str:
    if outcome.reason == INTERNAL_ERROR:
        return "error"
    if outcome.is_ready:
        return "ready"
    return "retry" if failure is not None and outcome.is_retried else "not-ready"
