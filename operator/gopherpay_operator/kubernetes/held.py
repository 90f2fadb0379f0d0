"""Which resources could not be deleted without an operator: those that carry its finalizer."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from gopherpay_operator.engine.ports import ClusterUnavailable
from gopherpay_operator.kubernetes.access import NoAccess, find
from gopherpay_operator.kubernetes.api import OURS, NotThere, speaking_of
from gopherpay_operator.resources.policies import FINALIZER

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lightkube import AsyncClient

    from gopherpay_operator.kubernetes.access import Access

__all__ = ["NoAccess", "held_in"]

EVERYWHERE = "*"
ATTEMPTS_MAX = 15
RETRY_SECONDS = 2.0


def held_in(
    kubeconfig: str | None, context: str | None, namespaces: Iterable[str] | None
) -> list[str]:
    """Return them as people write them; ``None`` as *namespaces* for all.

    Raises:
        NoAccess: If there is no way to an API server.
        ClusterFailure: If it does not tell.
    """
    return asyncio.run(_held_in(find(kubeconfig, context), namespaces))


async def _held_in(access: Access, namespaces: Iterable[str] | None) -> list[str]:
    client = access.client()
    places = [EVERYWHERE] if namespaces is None else sorted(namespaces)
    try:
        return [
            each
            for kind in OURS
            for place in places
            for each in await _held_at_last(client, kind, place)
        ]
    finally:
        await client.close()


async def _held_at_last(client: AsyncClient, kind: str, namespace: str) -> list[str]:
    """Ask again while the server cannot tell yet: an answer decides an uninstallation."""
    for _ in range(ATTEMPTS_MAX - 1):
        with suppress(ClusterUnavailable):
            return await _held(client, kind, namespace)
        await asyncio.sleep(RETRY_SECONDS)
    return await _held(client, kind, namespace)


async def _held(client: AsyncClient, kind: str, namespace: str) -> list[str]:
    """Return those of one kind in one place; none where its definition is not installed."""
    try:
        with speaking_of(f"a list of {kind}"):
            found = [
                each["metadata"] async for each in client.list(OURS[kind], namespace=namespace)
            ]
    except NotThere:
        return []
    return [
        f"{kind} {each['namespace']}/{each['name']}"
        for each in found
        if FINALIZER in (each.get("finalizers") or ())
    ]
