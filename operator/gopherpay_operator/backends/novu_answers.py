"""What Novu's answers mean for what is done next, and how much of them is looked at or repeated."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from gopherpay_operator.backends.ports import (
    BackendFailure,
    Forbidden,
    Overtaken,
    Rejected,
    Unavailable,
)
from gopherpay_operator.plans.actions import HIDDEN

ANSWER_BYTES_MAX: Final = 8 << 20
WORDS_MAX: Final = 400
REST_SECONDS: Final = 1.0
"""How long nothing is asked after "too many" without a time."""

_ASKS_FOR_REST: Final = frozenset({429, 503})
_KINDS: Final[Mapping[int, type[BackendFailure]]] = {
    400: Rejected,
    401: Forbidden,
    402: Rejected,  # the plan of the organisation has no room for it
    403: Forbidden,
    404: Overtaken,
    409: Overtaken,
    413: Rejected,
    414: Rejected,
    415: Rejected,
    422: Rejected,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it came."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def is_success(self) -> bool:
        """Tell whether what was asked is done."""
        return self.status // 100 == 2  # noqa: PLR2004 - the class of success

    @property
    def is_of_novu(self) -> bool:
        """Tell whether it is JSON, and not a page of somebody between us and Novu."""
        return _read(self.body) is not None

    @property
    def rest_seconds(self) -> float:
        """Return for how long nothing shall be asked now; 0 for not at all."""
        if self.status not in _ASKS_FOR_REST:
            return 0.0
        told = self.headers.get("retry-after", "")
        return float(told) if told.isdecimal() else REST_SECONDS

    def content(self, doing: str) -> Any:  # noqa: ANN401 - JSON
        """Return what it holds, without the envelope of single things; ``None`` for nothing.

        Raises:
            Unavailable: If it is not JSON, so that nothing is known of the step.
        """
        if not self.body:
            return None
        read = _read(self.body)
        if read is None:
            raise Unavailable(f"{doing}: the answer of Novu is not JSON.")
        return read["data"] if isinstance(read, dict) and list(read) == ["data"] else read


def failure(doing: str, answer: Answer, secrets: Collection[str] = ()) -> BackendFailure:
    """Return *answer*, which is no success, as a failure of ours."""
    kind = _KINDS.get(answer.status, Unavailable)
    if kind is Overtaken and not answer.is_of_novu:
        kind = Unavailable  # a page of somebody between us: it says nothing of the thing
    words = _bounded(" ".join(_words(_read(answer.body))), secrets)
    return kind(f"{doing}: Novu answers {answer.status}{f', {words}' if words else ''}.")


def bound(response: httpx.Response) -> None:
    """Have no more than so much of a body read, and nothing unpacked: a hook of httpx."""
    if isinstance(response.stream, httpx.SyncByteStream):
        response.stream = _Bounded(response.stream)
    response.headers.pop("content-encoding", None)


class _Bounded(httpx.SyncByteStream):
    """The beginning of a body."""

    def __init__(self, stream: httpx.SyncByteStream) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        left = ANSWER_BYTES_MAX
        for chunk in self._stream:
            yield chunk[:left]
            left -= len(chunk)
            if left <= 0:
                return

    def close(self) -> None:
        self._stream.close()


def _read(body: bytes) -> Any:  # noqa: ANN401 - JSON
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _words(said: object) -> Iterator[str]:
    """Return what *said* has for a person: its message and the messages of its fields.

    The values that were sent stand beside those messages and are left out.
    """
    if isinstance(said, str):
        yield said
    elif isinstance(said, list):
        for each in said:
            yield from _words(each)
    elif isinstance(said, dict):
        for part in ("message", "messages"):
            yield from _words(said.get(part))
        yield from _words_of_fields(said.get("errors"))


def _words_of_fields(errors: object) -> Iterator[str]:
    for name, each in errors.items() if isinstance(errors, dict) else ():
        yield f"{name}:"
        yield from _words(each)


def _bounded(words: str, secrets: Collection[str]) -> str:
    for secret in sorted((each for each in secrets if each), key=len, reverse=True):
        words = words.replace(secret, HIDDEN)
    return " ".join(words.split())[:WORDS_MAX].rstrip(". ")
