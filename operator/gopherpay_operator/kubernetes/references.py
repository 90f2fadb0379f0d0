"""Watches of single objects: of each Secret and ConfigMap that is referred to, and of our Jobs.

Nothing that nobody refers to is ever listed or watched.
"""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import structlog

from gopherpay_operator.engine.ports import ClusterFailure, ClusterForbidden, Key
from gopherpay_operator.kubernetes.api import (
    CONFIG_MAP,
    JOB,
    MANAGED_BY,
    OPERATOR,
    SECRET,
    speaking_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from lightkube import AsyncClient

    from gopherpay_operator.kubernetes.api import Raw

log: Final = structlog.get_logger()

REFRESH_SECONDS: Final = 300
"""A watch is opened anew after that, with a look: a dead connection is not noticed otherwise."""

RETRY_SECONDS_MAX: Final = 10.0
FORBIDDEN_SECONDS: Final = 60.0
RESOURCES: Final[dict[str, Any]] = {"Secret": SECRET, "ConfigMap": CONFIG_MAP, "Job": JOB}


class Target(NamedTuple):
    """What one watch is about: an object by its name, or all Jobs of ours of a namespace."""

    kind: str
    namespace: str
    name: str = ""

    @property
    def fields(self) -> dict[str, Any] | None:
        """Return the fields that the server is asked to filter by."""
        return {"metadata.name": self.name} if self.name else None

    @property
    def labels(self) -> dict[str, Any] | None:
        """Return the labels that the server is asked to filter by."""
        return None if self.name else {MANAGED_BY: OPERATOR}


def target(key: Key) -> Target | None:
    """Return the watch that tells of *key*; ``None`` for kinds of ours."""
    if key.kind == "Job":
        return Target("Job", key.namespace)
    return Target(*key) if key.kind in RESOURCES else None


class ReferenceWatches:
    """Keeps one watch for each object that is referred to.

    Args:
        client: Of the API server.
        on_change: Called with an object that changed, appeared or went.
    """

    def __init__(self, client: AsyncClient, on_change: Callable[[Key], None]) -> None:
        self._client = client
        self._on_change = on_change
        self._tasks: dict[Target, asyncio.Task[None]] = {}

    def want(self, keys: frozenset[Key]) -> None:
        """Watch exactly what tells of *keys*."""
        wanted = {each for key in keys if (each := target(key)) is not None}
        for each in self._tasks.keys() - wanted:
            self._tasks.pop(each).cancel()
        for each in wanted - self._tasks.keys():
            self._tasks[each] = asyncio.create_task(self._follow(each), name=f"watch of {each}")

    @property
    def count(self) -> int:
        """Return how many watches there are."""
        return len(self._tasks)

    async def stop(self) -> None:
        """End all watches."""
        ending = list(self._tasks.values())
        self._tasks.clear()
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)

    async def _follow(self, of: Target) -> None:
        """Watch for ever; a failure is waited out."""
        seen: dict[str, str] = {}
        failures = 0
        while True:
            try:
                async with asyncio.timeout(_jittered(REFRESH_SECONDS)):
                    with speaking_of(f"the watch of {of.kind} {of.namespace}/{of.name}"):
                        await self._watch(of, seen)
            except TimeoutError:
                failures = 0
            except ClusterForbidden as failure:
                log.warning("reference.not_allowed", target="/".join(of), why=str(failure))
                await asyncio.sleep(_jittered(FORBIDDEN_SECONDS))
            except ClusterFailure:
                failures += 1
                await asyncio.sleep(_jittered(min(RETRY_SECONDS_MAX, 0.25 * 2 ** min(failures, 8))))

    async def _watch(self, of: Target, seen: dict[str, str]) -> None:
        resource = RESOURCES[of.kind]
        listing = self._client.list(
            resource, namespace=of.namespace, labels=of.labels, fields=of.fields
        )
        found = {each["metadata"]["name"]: _version(each) async for each in listing}
        for name in seen.keys() - found.keys():
            self._forget(of, name, seen)
        for name, version in found.items():
            self._note(of, name, version, seen)
        events = self._client.watch(
            resource,
            namespace=of.namespace,
            resource_version=listing.resourceVersion,
            server_timeout=2 * REFRESH_SECONDS,
            labels=of.labels,
            fields=of.fields,
        )
        async for type_, each in events:
            name = each["metadata"]["name"]
            if type_ == "DELETED":
                self._forget(of, name, seen)
            else:
                self._note(of, name, _version(each), seen)

    def _note(self, of: Target, name: str, version: str, seen: dict[str, str]) -> None:
        if seen.get(name) != version:
            seen[name] = version
            self._on_change(Key(of.kind, of.namespace, name))

    def _forget(self, of: Target, name: str, seen: dict[str, str]) -> None:
        seen.pop(name, None)
        self._on_change(Key(of.kind, of.namespace, name))


def _version(raw: Raw) -> str:
    return str(raw["metadata"]["resourceVersion"])


def _jittered(seconds: float) -> float:
    return random.uniform(seconds / 2, seconds)  # noqa: S311 - not a secret
