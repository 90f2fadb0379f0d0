"""What of Kopf's watches can be seen from outside: when each was asked, and when it last spoke.

Kopf keeps bookmarks to itself, and these are all that an idle watch says. But it lets us bring
the HTTP session, and that tells of every request and of every byte.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import aiohttp

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import SimpleNamespace

    from yarl import URL

SILENT_SECONDS_MAX: Final = 180
"""A server sends a bookmark each minute, and Kopf asks anew after 70 seconds of silence."""


@dataclass(slots=True)
class Stream:
    """One kind in one place.

    Attributes:
        alive_at: When something was last asked or heard, by the clock of the whole.
        opened: How many watches were opened.
        heard_bytes: How much the present one had said when we last looked.
    """

    alive_at: float
    opened: int = 0
    heard_bytes: int = 0
    response: aiohttp.ClientResponse | None = field(default=None, repr=False)


class Streams:
    """All watches of ours; told by Kopf's thread, asked by the probe's.

    Args:
        kinds: Our kinds by their plural.
        on_listed: Called in Kopf's thread with a kind that was listed anew.
        clock: Of seconds.
    """

    def __init__(
        self,
        kinds: Mapping[str, str],
        on_listed: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._kinds = kinds
        self._on_listed = on_listed
        self._clock = clock
        self._lock = threading.Lock()
        self._streams: dict[tuple[str, str], Stream] = {}

    def trace(self) -> aiohttp.TraceConfig:
        """Return what tells us of a session's requests."""
        config = aiohttp.TraceConfig()
        config.on_request_start.append(self._on_start)
        config.on_request_end.append(self._on_end)
        return config

    def silent(self) -> str | None:
        """Return which watch is dead; ``None`` when all are alive."""
        with self._lock:
            now = self._clock()
            for (kind, namespace), stream in self._streams.items():
                _listen(stream, now)
                seconds = now - stream.alive_at
                if seconds > SILENT_SECONDS_MAX:
                    where = f" in {namespace}" if namespace else ""
                    return f"the watch of {kind}{where} has said nothing for {seconds:.0f} s"
        return None

    def restarts(self) -> dict[str, int]:
        """Return by kind how often a watch was opened again."""
        counts: dict[str, int] = {}
        with self._lock:
            for (kind, _), stream in self._streams.items():
                counts[kind] = counts.get(kind, 0) + max(0, stream.opened - 1)
        return counts

    async def _on_start(
        self, _: aiohttp.ClientSession, __: SimpleNamespace, asked: aiohttp.TraceRequestStartParams
    ) -> None:
        place = self._place(asked.url)
        if place is not None:
            with self._lock:
                now = self._clock()
                self._streams.setdefault(place, Stream(now)).alive_at = now

    async def _on_end(
        self, _: aiohttp.ClientSession, __: SimpleNamespace, got: aiohttp.TraceRequestEndParams
    ) -> None:
        place = self._place(got.url)
        if place is None or not got.response.ok:
            return
        if "watch" not in got.url.query:
            self._on_listed(place[0])
            return
        with self._lock:
            stream = self._streams[place]
            stream.response, stream.heard_bytes = got.response, 0
            stream.opened += 1

    def _place(self, url: URL) -> tuple[str, str] | None:
        """Return kind and namespace of what *url* lists or watches."""
        parts = url.path.rstrip("/").split("/")
        kind = self._kinds.get(parts[-1])
        if kind is None:
            return None
        return kind, parts[-2] if "namespaces" in parts else ""


def _listen(stream: Stream, now: float) -> None:
    content: Any = stream.response.content if stream.response is not None else None
    heard = getattr(content, "total_bytes", 0)
    if heard != stream.heard_bytes:
        stream.heard_bytes, stream.alive_at = heard, now
