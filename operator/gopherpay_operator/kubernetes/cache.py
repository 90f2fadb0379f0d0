"""All resources of ours as the API server last had them, and what a change of one brings about."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, Protocol

from gopherpay_operator.engine.ports import Key, Malformed, Resource
from gopherpay_operator.kubernetes import objects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from gopherpay_operator.kubernetes.api import Raw

REMEMBERED_SECONDS: Final = 900
"""How long a uid that went is known: longer than an old list may be under way."""


class Feed(Protocol):
    """Who is told of changes: the engine."""

    def changed(self, key: Key) -> None:
        """Take note that something of this resource, spec or status, is another one."""

    def gone(self, resource: Resource) -> None:
        """Forget this resource; it was deleted."""


class _Nobody:
    def changed(self, key: Key) -> None:
        """Do nothing."""

    def gone(self, resource: Resource) -> None:
        """Do nothing."""


class Cache:
    """The index; every change of a resource goes through `see` or `lose`, in any order.

    Args:
        namespaces: Those that are watched; ``None`` for all.
        clock: Of seconds.
    """

    def __init__(
        self, namespaces: frozenset[str] | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._namespaces = namespaces
        self._clock = clock
        self._feed: Feed = _Nobody()
        self._seen: dict[Key, Resource] = {}
        self._born: dict[Key, tuple[str, str]] = {}
        self._gone_at: dict[str, float] = {}

    def tell(self, feed: Feed) -> None:
        """Tell *feed* of every change from now on."""
        self._feed = feed

    def resource(self, key: Key) -> Resource | None:
        """Return the resource, ``None`` when it is not there."""
        return self._seen.get(key)

    def resources(self, kind: str) -> Sequence[Resource]:
        """Return those of *kind* that can be read, the oldest first."""
        found = [
            each
            for each in self.everything()
            if each.key.kind == kind and not isinstance(each.spec, Malformed)
        ]
        return sorted(found, key=lambda each: self._born[each.key])

    def sees(self, namespace: str) -> bool:
        """Tell whether *namespace* is watched."""
        return self._namespaces is None or namespace in self._namespaces

    def everything(self) -> list[Resource]:
        """Return all that is there; safe to call from any thread."""
        return list(self._seen.values())

    def see(self, kind: str, raw: Raw) -> None:
        """Take in *raw*, unless something newer is known or it was deleted meanwhile."""
        new = objects.resource(kind, raw)
        old = self._seen.get(new.key)
        if new.uid in self._gone_at or (old is not None and not _is_newer(old, new)):
            return
        if old is not None and old.uid != new.uid:
            self._drop(old)
            old = None
        self._seen[new.key] = new
        self._born[new.key] = (raw["metadata"].get("creationTimestamp", ""), new.uid)
        self._feed.changed(new.key)

    def lose(self, uid: str, key: Key) -> None:
        """Take out the resource of that *uid*; another of its name stays."""
        self._remember(uid)
        found = self._seen.get(key)
        if found is not None and found.uid == uid:
            self._drop(found)

    def relist(self, kind: str, namespace: str | None, raws: Iterable[Raw], version: str) -> None:
        """Make *kind* what a list of it says: see what it has, lose what it has no more.

        Args:
            kind: Of all *raws*.
            namespace: The one that was listed; ``None`` for all.
            raws: What was listed.
            version: Of the list; what is newer than that is not in it and stays.
        """
        listed: set[str] = set()
        for raw in raws:
            listed.add(raw["metadata"]["uid"])
            self.see(kind, raw)
        for each in self.everything():
            is_of_list = each.key.kind == kind and namespace in {None, each.key.namespace}
            is_older = objects.order(each.version) <= objects.order(version)
            if is_of_list and is_older and each.uid not in listed:
                self.lose(each.uid, each.key)

    def _drop(self, old: Resource) -> None:
        del self._seen[old.key], self._born[old.key]
        self._remember(old.uid)
        self._feed.gone(old)

    def _remember(self, uid: str) -> None:
        now = self._clock()
        for each, at in list(self._gone_at.items()):
            if now - at <= REMEMBERED_SECONDS:
                break
            del self._gone_at[each]
        self._gone_at.setdefault(uid, now)


def _is_newer(old: Resource, new: Resource) -> bool:
    return objects.order(new.version) > objects.order(old.version)
