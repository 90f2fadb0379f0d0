"""What a replay does with events: what the consumer itself would do."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from actors.ports.events import Effect
    from actors.settings import Settings


@asynccontextmanager
async def effect(settings: Settings, consumer: str) -> AsyncIterator[Effect]:
    """Yield the effect of *consumer*, on a connection of its own.

    Raises:
        StoreUnavailable: If there is no database.
        KeysUnusable: If a key is missing.
        KeyError: If there is no such consumer.
    """
    from serve_app.background import parts  # noqa: PLC0415 - every other verb starts sooner

    async with parts(settings, consumer) as made:
        yield made.effect(consumer)
