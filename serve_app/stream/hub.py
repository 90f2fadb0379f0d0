"""All open streams of this process: one question for all of them, twice a second while there are.

Every process that answers HTTP asks the database itself, so a notice reaches a reader wherever
its stream is open, and nothing has to know where that is.
"""

from __future__ import annotations

import asyncio
import time
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Final

import structlog

from actors.domain.errors import Overloaded, Throttled, Unauthenticated, Unavailable
from serve_app.stream.open_stream import HEARTBEAT, OpenStream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from uuid import UUID

    from actors.ports.notifications import Kept, News
    from serve_app.http.pipeline import Authenticate

log: Final = structlog.get_logger()

POLL_SECONDS: Final = 0.5
WATCH_SECONDS: Final = 1.0
HEARTBEAT_SECONDS: Final = 15.0
ASK_SECONDS: Final = 2.0
"""How long a credential is believed: dead ones are known within two seconds here, and everywhere
within five."""

NOTICES_PER_POLL: Final = 100
"""Of one user; who has more to catch up on is asked about again at once."""

OF_ONE_MAX: Final = 10
OF_ALL_MAX: Final = 2_000

COME_BACK_SECONDS: Final = 15


class Hub:
    """Knows who listens, and feeds them.

    Args:
        news: What has been added to inboxes.
        authenticate: Asked whether a stream's credential still counts.
        shown: A notice as a frame of the stream.
        of_one_max: Streams that one user may have open here.
        of_all_max: Streams that may be open here.
        clock: Seconds that never go back.
    """

    def __init__(
        self,
        news: News,
        authenticate: Authenticate,
        shown: Callable[[Kept], bytes],
        *,
        of_one_max: int = OF_ONE_MAX,
        of_all_max: int = OF_ALL_MAX,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._news = news
        self._authenticate = authenticate
        self._shown = shown
        self._of_one_max = of_one_max
        self._of_all_max = of_all_max
        self._clock = clock
        self._streams: dict[UUID, list[OpenStream]] = {}
        self._anybody = asyncio.Event()
        self._silent = False
        self._closed = False
        self.count = 0
        """How many streams are open."""

    async def open(
        self, user_id: UUID, authorization: bytes, last_id: UUID | None = None
    ) -> OpenStream:
        """Return a new stream of what comes after *last_id*, or from now on.

        Raises:
            Throttled: If this user has enough of them.
            Overloaded: If this process has.
            StoreUnavailable: If the database does not answer.
        """
        self._require_room(user_id)
        seen = await self._news.place(user_id, last_id)
        self._require_room(user_id)  # others came meanwhile
        stream = OpenStream(
            user_id, authorization, seen=seen, now=self._clock(), closed=self._forget
        )
        self._streams.setdefault(user_id, []).append(stream)
        self.count += 1
        self._anybody.set()
        return stream

    async def run(self) -> None:
        """Feed and watch the streams until cancelled; then end them all."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._feed_for_ever())
                tasks.create_task(self._watch_for_ever())
        finally:
            self.close()

    def close(self) -> None:
        """End every stream, and open none any more."""
        self._closed = True
        for stream in self._all():
            stream.close()

    def _require_room(self, user_id: UUID) -> None:
        """Pass if one more stream may be opened.

        Raises:
            Throttled, Overloaded: If not.
        """
        if self._closed or self.count >= self._of_all_max:
            raise Overloaded(retry_after_seconds=1)
        if len(self._streams.get(user_id, ())) >= self._of_one_max:
            raise Throttled(retry_after_seconds=COME_BACK_SECONDS)

    def _forget(self, stream: OpenStream) -> None:
        """Let go of a stream that has ended."""
        others = self._streams[stream.user_id]
        others.remove(stream)
        if not others:
            del self._streams[stream.user_id]
        self.count -= 1
        if not self.count:
            self._anybody.clear()

    def _all(self) -> list[OpenStream]:
        return [stream for streams in self._streams.values() for stream in streams]

    async def _feed_for_ever(self) -> None:
        while True:
            await self._anybody.wait()
            try:
                while await self.feed():
                    pass
                self._silent = False
            except Unavailable as error:
                if not self._silent:
                    log.warning("streams.unfed", code=error.code)
                self._silent = True
            except Exception:  # a fault of one round must not end every stream for ever
                log.exception("streams.feed_failed")
            await asyncio.sleep(POLL_SECONDS)

    async def feed(self) -> bool:
        """Send what is new; tell whether there is more of it.

        Raises:
            StoreUnavailable: If the database does not answer.
        """
        places = {
            user_id: min(stream.seen for stream in ready)
            for user_id, streams in self._streams.items()
            if (ready := [stream for stream in streams if stream.has_room])
        }
        notices = await self._news.beyond(places, limit=NOTICES_PER_POLL)
        is_more = False
        for user_id, group in groupby(notices, attrgetter("user_id")):
            of_user = list(group)
            self._hand_out(user_id, of_user)
            is_more = is_more or len(of_user) == NOTICES_PER_POLL
        return is_more

    def _hand_out(self, user_id: UUID, notices: Iterable[Kept]) -> None:
        """Give each stream of the user what it has not seen, in order, while it has room."""
        streams, now = self._streams.get(user_id, ()), self._clock()
        for kept in notices:
            frame = self._shown(kept)
            for stream in streams:
                if stream.seen < kept.number and stream.has_room:
                    stream.put(frame, now)
                    stream.seen = kept.number

    async def _watch_for_ever(self) -> None:
        while True:
            await self._anybody.wait()
            self.beat()
            await self.ask()
            await asyncio.sleep(WATCH_SECONDS)

    def beat(self) -> None:
        """Send a sign of life where nothing else was sent."""
        now = self._clock()
        due = now - (HEARTBEAT_SECONDS - WATCH_SECONDS)
        for stream in self._all():
            if stream.fed_at <= due and stream.has_room:
                stream.put(HEARTBEAT, now)

    async def ask(self) -> None:
        """End the streams whose credential is dead; while nobody can tell, they stay."""
        due = self._clock() - ASK_SECONDS
        try:
            for stream in self._all():
                if stream.asked_at <= due:
                    await self._end_if_dead(stream)
        except Unavailable:
            return
        except Exception:  # as above
            log.exception("streams.watch_failed")

    async def _end_if_dead(self, stream: OpenStream) -> None:
        try:
            await self._authenticate(stream.authorization)
        except Unauthenticated:
            stream.close()
        stream.asked_at = self._clock()
