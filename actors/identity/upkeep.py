"""Sweeping away what has had its time, once a minute, for as long as identity runs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog

from actors.domain.errors import Unavailable

if TYPE_CHECKING:
    from actors.store.identity.housekeeping import Housekeeping

SWEEP_SECONDS: Final = 60.0

log = structlog.get_logger(__name__)


async def keep_house(housekeeping: Housekeeping) -> None:
    """Sweep every minute until cancelled; several processes may do so at once."""
    while True:
        try:
            gone = await housekeeping.sweep()
            log.info("identity.swept", rows=gone)
        except Unavailable as error:
            log.warning("identity.not_swept", code=error.code)
        await asyncio.sleep(SWEEP_SECONDS)
