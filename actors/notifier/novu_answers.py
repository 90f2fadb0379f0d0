"""What Novu's answers mean for what is done next, and how much of them is looked at."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import httpx

from actors.ports.courier import Later, Refused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

ANSWER_BYTES_MAX: Final = 1 << 20
WAIT_SECONDS_MAX: Final = 600
"""Nobody outside stops all messages for longer by a header."""

PAUSE_SECONDS: Final = 1.0
"""How long nothing is sent after "too many" without a time."""

UNREACHABLE: Final = "unreachable"
TOO_MANY: Final = 429
UNPROCESSABLE: Final = 422

_ABOUT_THE_MESSAGE: Final = frozenset({400, 413, 414, 415, UNPROCESSABLE})
"""The same message would be refused again; every other failure may be mended on either side."""

_NOT_ACCEPTED: Final = frozenset({401, 402, 403, 404, 405, TOO_MANY})
"""After anything else, 409 ("is being processed") included, it may have been accepted."""

_ASKS_FOR_REST: Final = frozenset({TOO_MANY, 503})


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back.

    Attributes:
        status: Of HTTP; None where no answer came.
        result: The client's model of it; None where it failed or did not fit.
        is_fit: Whether it was of the kind that the client expects, even if it did not fit.
        reason: A code, where there is no status.
        body: Its text, where there is a status and no result.
    """

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    result: object = None
    is_fit: bool = False
    reason: str = ""
    body: str = field(default="", repr=False)

    @property
    def is_success(self) -> bool:
        """Tell whether it says that what was asked is done, readable or not.

        A page of somebody between us and Novu may have a good status too: it is not fit.
        """
        return self.status is not None and self.status // 100 == 2 and self.is_fit  # noqa: PLR2004


def failure(reply: Reply) -> Later | Refused:
    """Return what is to be done after *reply*, which is no success."""
    if reply.status is None:
        return Later(reply.reason, is_doubtful=reply.reason != UNREACHABLE)
    reason = f"http-{reply.status}"
    if reply.status in _ABOUT_THE_MESSAGE:
        return Refused(reason)
    return Later(
        reason,
        _seconds(reply.headers.get("retry-after")),
        is_doubtful=reply.status not in _NOT_ACCEPTED,
        is_replayed=reply.headers.get("idempotency-replay") == "true",
    )


def mentions(body: str, transaction_id: str) -> bool | None:
    """Tell whether a list of notifications has one of *transaction_id*; None if it is no list.

    The client refuses a whole list for one value that is younger than the client.
    """
    try:
        rows = json.loads(body)["data"]
        return any(row["transactionId"] == transaction_id for row in rows)
    except (ValueError, TypeError, LookupError, RecursionError):
        return None


class Throttle:
    """For how long nothing should be sent, as the other side asked."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._until = 0.0

    def heed(self, reply: Reply) -> None:
        """Look at the status and at Retry-After, RateLimit-Remaining and RateLimit-Reset."""
        wait = 0.0
        if reply.status in _ASKS_FOR_REST:
            wait = _seconds(reply.headers.get("retry-after")) or PAUSE_SECONDS
        if reply.headers.get("ratelimit-remaining") == "0":
            wait = max(wait, _seconds(reply.headers.get("ratelimit-reset")) or 0)
        self._until = max(self._until, self._clock() + wait) if wait else self._until

    def pause_seconds(self) -> float:
        """Return how much of it is left."""
        return max(0.0, self._until - self._clock())


class _Bounded(httpx.AsyncByteStream):
    """The beginning of a body."""

    def __init__(self, stream: httpx.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = ANSWER_BYTES_MAX
        async for chunk in self._stream:
            yield chunk[:left]
            left -= len(chunk)
            if left <= 0:
                return

    async def aclose(self) -> None:
        await self._stream.aclose()


async def bound(response: httpx.Response) -> None:
    """Have no more than so much of a body read, and nothing unpacked: a hook of httpx."""
    if isinstance(response.stream, httpx.AsyncByteStream):
        response.stream = _Bounded(response.stream)
    response.headers.pop("content-encoding", None)


def _seconds(text: str | None) -> float | None:
    """Return whole seconds of a header, bounded; None for anything else."""
    if text is None or not (text.isascii() and text.isdigit()) or len(text) > len("999999"):
        return None
    return float(min(int(text), WAIT_SECONDS_MAX))
