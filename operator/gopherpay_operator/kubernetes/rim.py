"""All of Kubernetes that the engine has to do with: what it reads, writes and is told of."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Protocol

import structlog

from gopherpay_operator.engine.ports import ClusterFailure, Key, Resource
from gopherpay_operator.kubernetes.api import OURS, NotThere, speaking_of
from gopherpay_operator.kubernetes.cache import Cache, Feed
from gopherpay_operator.kubernetes.cluster import KubernetesCluster
from gopherpay_operator.kubernetes.lease import Lease
from gopherpay_operator.kubernetes.listing import EVERYWHERE, Lists
from gopherpay_operator.kubernetes.references import ReferenceWatches
from gopherpay_operator.kubernetes.streams import Streams
from gopherpay_operator.kubernetes.watching import Watching
from gopherpay_operator.kubernetes.writing import KubernetesStatusWriter
from gopherpay_operator.resources.catalogue import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gopherpay_operator.kubernetes.access import Access
    from gopherpay_operator.kubernetes.api import Raw

log: Final = structlog.get_logger()

DISCOVERY_SECONDS: Final = 5.0
COMPLETE_SECONDS_MAX: Final = 60.0
"""How long definitions that are not there are waited for, when others are."""

NEW_KINDS_SECONDS: Final = 60.0
SETTLE_SECONDS: Final = 0.2


class Told(Feed, Protocol):
    """Who is told of all changes: the engine."""

    def needed(self, key: Key) -> None:
        """Look again at all resources that refer to this object of others."""

    def relisted(self, kind: str, keys: Iterable[Key]) -> None:
        """Correct what is known of *kind*: these are all that there are."""


class Rim:
    """The API server's side of the operator.

    Args:
        access: To the API server.
        namespaces: To watch; ``None`` for all.
        identity: Of this process.
    """

    def __init__(self, access: Access, namespaces: frozenset[str] | None, identity: str) -> None:
        self._access = access
        self._namespaces = namespaces
        self._identity = identity
        self._loop = asyncio.get_running_loop()
        self._client = access.client()
        self._told: Told | None = None
        self._wanted: set[Key] = set()
        self._is_settling = False
        self._tasks: list[asyncio.Task[None]] = []
        self._unserved = frozenset(KINDS)
        self.cache = Cache(namespaces)
        self.cluster = KubernetesCluster(self._client, self.cache)
        self.writer = KubernetesStatusWriter(self._client, self.cache, identity)
        self.references = ReferenceWatches(self._client, self._reference_changed)
        self.streams = Streams({kind.plural: kind.name for kind in KINDS.values()}, self._restarted)
        self._lists = Lists(self._client, self.cache, namespaces, self._listed)
        self._watching = Watching(access, namespaces, self.streams, self._event)

    def lease(self, namespace: str | None, name: str) -> Lease:
        """Return the Lease of *name*, in our own namespace unless another is given."""
        place = namespace or self._access.config.namespace
        return Lease(self._client, place, name, self._identity)

    def interest(self, key: Key, is_wanted: bool) -> None:  # noqa: FBT001 - called by position
        """Watch, or watch no more, an object that a resource refers to."""
        (self._wanted.add if is_wanted else self._wanted.discard)(key)
        if not self._is_settling:
            self._is_settling = True
            self._loop.call_later(SETTLE_SECONDS, self._settle)

    @property
    def unserved(self) -> frozenset[str]:
        """Return the kinds whose definitions are not there, or that we may not list."""
        return self._unserved

    async def discover(self) -> None:
        """Return once the kinds are served; without some of them after a minute."""
        deadline: float | None = None
        while True:
            self._unserved = await self._find_unserved()
            if not self._unserved:
                return
            if len(self._unserved) < len(KINDS):
                deadline = deadline or self._loop.time() + COMPLETE_SECONDS_MAX
                if self._loop.time() >= deadline:
                    log.warning("kinds.not_served", kinds=sorted(self._unserved))
                    return
            await asyncio.sleep(DISCOVERY_SECONDS)

    async def follow(self, told: Told) -> asyncio.Future[None]:
        """Fill the cache, then watch and tell *told*; what is returned ends when that has ended.

        It ends as well when a kind is served that was not: its watch begins with a new process.
        """
        self._told = told
        self.cache.tell(told)
        await self._lists.list_everything()
        ended = self._watching.start()
        lists = asyncio.create_task(self._lists.run(), name="lists")
        lists.add_done_callback(lambda task: _pass_on(task, ended))
        self._tasks.append(lists)
        self._tasks.append(asyncio.create_task(self._await_new_kinds(ended), name="new kinds"))
        return ended

    async def stop_following(self) -> None:
        """Tell of nothing any more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, self._watching.stop(), return_exceptions=True)
        await self.references.stop()

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _find_unserved(self) -> frozenset[str]:
        place = EVERYWHERE if self._namespaces is None else min(self._namespaces)
        missing = set()
        for kind, resource in OURS.items():
            try:
                with speaking_of(f"a list of {KINDS[kind].plural}"):
                    async for _ in self._client.list(resource, namespace=place, chunk_size=1):
                        break
            except NotThere:
                missing.add(kind)
            except ClusterFailure as failure:
                log.warning("kind.not_listed", kind=kind, why=str(failure))
                missing.add(kind)
        return frozenset(missing)

    async def _await_new_kinds(self, ended: asyncio.Future[None]) -> None:
        while self._unserved:
            await asyncio.sleep(NEW_KINDS_SECONDS)
            found = await self._find_unserved()
            if found < self._unserved and not ended.done():
                log.info("kinds.now_served", kinds=sorted(self._unserved - found))
                ended.set_result(None)
                return

    def _settle(self) -> None:
        self._is_settling = False
        self.references.want(frozenset(self._wanted))

    def _reference_changed(self, key: Key) -> None:
        if self._told is not None:
            self._told.needed(key)

    def _listed(self, kind: str) -> None:
        if self._told is not None:
            self._told.relisted(
                kind, [each.key for each in self.cache.everything() if each.key.kind == kind]
            )

    def _event(self, kind: str, is_deleted: bool, raw: Raw) -> None:  # noqa: FBT001 - see Watching
        """Take in an event; called in Kopf's thread."""
        self._over_there(self._take, kind, is_deleted, raw)

    def _restarted(self, kind: str) -> None:
        """Learn that Kopf listed *kind*; called in Kopf's thread."""
        self._over_there(self._lists.ask, kind)

    def _over_there(self, call: object, *arguments: object) -> None:
        with suppress(RuntimeError):  # the loop is closed: there is nobody to tell
            self._loop.call_soon_threadsafe(call, *arguments)  # type: ignore[arg-type]

    def _take(self, kind: str, is_deleted: bool, raw: Raw) -> None:  # noqa: FBT001 - see _event
        if is_deleted:
            metadata = raw["metadata"]
            self.cache.lose(metadata["uid"], Key(kind, metadata["namespace"], metadata["name"]))
        else:
            self.cache.see(kind, raw)


def _pass_on(task: asyncio.Task[None], ended: asyncio.Future[None]) -> None:
    """Let a failure of *task* be that of the whole."""
    failure = None if task.cancelled() else task.exception()
    if failure is not None and not ended.done():
        ended.set_exception(failure)


def counts(resources: Iterable[Resource]) -> dict[tuple[str, str], int]:
    """Return how many there are by kind and status of Ready."""
    found: dict[tuple[str, str], int] = {}
    for each in resources:
        conditions = each.status.get("conditions") or ()
        ready = next((c["status"] for c in conditions if c["type"] == "Ready"), "Unknown")
        place = each.key.kind, ready
        found[place] = found.get(place, 0) + 1
    return found
