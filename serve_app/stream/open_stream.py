"""One open stream: what waits to be sent on it, within bounds."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from uuid import UUID

WAITING_MAX: Final = 200
"""Notices that wait for one reader, about 100 KB; more stay in the database until it reads on."""

RETRY_MS: Final = 1_000
"""When a client that lost its stream comes back."""

OPENING: Final = b"retry: %d\n\n" % RETRY_MS
HEARTBEAT: Final = b":\n\n"


class OpenStream:
    """A stream of one user.

    Args:
        user_id: Whose notices it carries.
        authorization: The header's value, which is asked about again and again.
        seen: The number of the last notice that the reader has.
        now: When it was opened.
        closed: Called once, when it ends.
    """

    __slots__ = (
        "_closed",
        "_ended",
        "_waiting",
        "_wake",
        "asked_at",
        "authorization",
        "fed_at",
        "seen",
        "user_id",
    )

    def __init__(
        self,
        user_id: UUID,
        authorization: bytes,
        *,
        seen: int,
        now: float,
        closed: Callable[[OpenStream], None],
    ) -> None:
        self.user_id = user_id
        self.authorization = authorization
        self.seen = seen
        self.fed_at = self.asked_at = now
        self._closed = closed
        self._ended = False
        self._waiting: deque[bytes] = deque([OPENING])
        self._wake = asyncio.Event()

    @property
    def has_room(self) -> bool:
        """Tell whether more may wait."""
        return len(self._waiting) < WAITING_MAX

    def put(self, frame: bytes, now: float) -> None:
        """Have *frame* sent."""
        self._waiting.append(frame)
        self.fed_at = now
        self._wake.set()

    def close(self) -> None:
        """End it after what waits; again changes nothing."""
        if not self._ended:
            self._ended = True
            self._wake.set()
            self._closed(self)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield all that waits, as it comes."""
        while True:
            if self._waiting:
                part = b"".join(self._waiting)
                self._waiting.clear()
                yield part
            elif self._ended:
                return
            else:
                self._wake.clear()
                await self._wake.wait()
