"""Lists of our kinds: before anything is begun, after a watch had to begin anew, now and then.

A watch that begins anew says what is there and not what went meanwhile: only a list does.
"""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Final

import structlog

from gopherpay_operator.engine.ports import ClusterFailure, ClusterForbidden
from gopherpay_operator.kubernetes.api import OURS, NotThere, speaking_of
from gopherpay_operator.resources.catalogue import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from lightkube import AsyncClient

    from gopherpay_operator.kubernetes.cache import Cache

log: Final = structlog.get_logger()

PERIOD_SECONDS: Final = 600.0
SETTLE_SECONDS: Final = 1.0
"""A watch that begins anew seldom does so alone."""

RETRY_SECONDS: Final = 2.0
CHUNK: Final = 250
EVERYWHERE: Final = "*"


class Lists:
    """Lists our kinds into the cache.

    Args:
        client: Of the API server.
        cache: Takes in what is listed.
        namespaces: To list in; ``None`` for all at once.
        on_listed: Called with a kind that was listed.
    """

    def __init__(
        self,
        client: AsyncClient,
        cache: Cache,
        namespaces: frozenset[str] | None,
        on_listed: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._client = client
        self._cache = cache
        self._places: list[str | None] = [None] if namespaces is None else [*sorted(namespaces)]
        self._on_listed = on_listed
        self._asked: set[str] = set()
        self._wake = asyncio.Event()

    def ask(self, kind: str) -> None:
        """Have *kind* listed soon."""
        self._asked.add(kind)
        self._wake.set()

    async def list_everything(self) -> None:
        """List all kinds, trying for as long as it takes."""
        for kind in KINDS:
            is_listed = await self._tried(kind)
            while not is_listed:
                await asyncio.sleep(RETRY_SECONDS)
                is_listed = await self._tried(kind)

    async def run(self) -> None:
        """List what is asked for, and everything now and then; never ends by itself."""
        while True:
            period = random.uniform(0.8, 1.2) * PERIOD_SECONDS  # noqa: S311 - not a secret
            try:
                async with asyncio.timeout(period):
                    await self._wake.wait()
                await asyncio.sleep(SETTLE_SECONDS)
            except TimeoutError:
                self._asked.update(KINDS)
            self._wake.clear()
            asked, self._asked = self._asked, set()
            for kind in sorted(asked):
                if not await self._tried(kind):
                    self.ask(kind)

    async def _tried(self, kind: str) -> bool:
        try:
            for place in self._places:
                await self._list(kind, place)
        except (NotThere, ClusterForbidden) as failure:
            log.warning("kind.not_served", kind=kind, why=str(failure))
        except ClusterFailure as failure:
            log.warning("kind.not_listed", kind=kind, why=str(failure))
            return False
        self._on_listed(kind)
        return True

    async def _list(self, kind: str, namespace: str | None) -> None:
        with speaking_of(f"a list of {KINDS[kind].plural}"):
            listing = self._client.list(
                OURS[kind], namespace=namespace or EVERYWHERE, chunk_size=CHUNK
            )
            raws = [dict(each) async for each in listing]
        self._cache.relist(kind, namespace, raws, listing.resourceVersion)
