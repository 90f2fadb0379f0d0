"""Reading and counting answers."""

from __future__ import annotations

from array import array
from collections import Counter
from time import perf_counter
from typing import TYPE_CHECKING

import msgspec

from tests.benchmarks.plan import Result
from tests.benchmarks.requests import Recent

if TYPE_CHECKING:
    from tests.benchmarks.plan import Api
    from tests.benchmarks.requests import Request

HEAD_END = b"\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"
OK = 200


class _Named(msgspec.Struct):
    id: str


class _Item(msgspec.Struct):
    status: int
    transfer: _Named | None = None


class _Bulk(msgspec.Struct):
    results: list[_Item]


class Tally:
    """What the connections of one load count together."""

    def __init__(self, api: Api) -> None:
        self.recent = Recent()
        self.not_sent = 0
        self.phase_cpu_seconds: list[float] = []
        self._done, self._unknown = frozenset(api.done), frozenset(api.unknown)
        self._id_mark, self._id_length = api.id_mark.encode(), api.id_length
        self._bulk = msgspec.json.Decoder(_Bulk)
        self._began = perf_counter()
        self._latencies, self._starts, self._statuses = array("d"), array("d"), array("H")
        self._codes: Counter[int] = Counter()
        self._read_codes: Counter[int] = Counter()
        self._created_ids: list[bytes] = []
        self._lost = 0

    def record(self, request: Request, answer: bytes, since: float) -> None:
        """Count a whole answer."""
        self._latencies.append((perf_counter() - since) * 1000)
        self._starts.append(since - self._began)
        status = int(answer[9:12])
        self._statuses.append(status)
        if request.transfers == 1:
            self._codes[status] += 1
            if status in self._done:
                self._keep_id(request, answer)
        elif not request.transfers:
            self._read_codes[status] += 1
        elif status == OK:
            self._count_items(answer)
        else:
            self._codes[status] += request.transfers

    def lose(self, request: Request) -> None:
        """Count a request whose connection was lost."""
        self._lost += request.transfers

    def result(self, seconds: float, log_in_codes: dict[str, int]) -> Result:
        """Return all that was counted."""
        codes = self._codes
        return Result(
            seconds=seconds,
            latencies_ms=self._latencies.tolist(),
            starts_seconds=self._starts.tolist(),
            statuses=self._statuses.tolist(),
            codes={str(code): count for code, count in codes.items()},
            created=sum(codes[code] for code in self._done),
            created_ids=[each.decode() for each in self._created_ids],
            reads=self._read_codes[OK],
            unknown=self._lost + sum(codes[code] for code in self._unknown),
            not_sent=self.not_sent,
            log_in_codes=log_in_codes,
            phase_cpu_seconds=self.phase_cpu_seconds,
        )

    @property
    def read_codes(self) -> dict[str, int]:
        """Return answers to what was no transfer, by status."""
        return {str(code): count for code, count in self._read_codes.items()}

    def _keep_id(self, request: Request, answer: bytes) -> None:
        if self._id_mark:
            start = answer.index(self._id_mark) + len(self._id_mark)
            transfer_id = answer[start : start + self._id_length]
            self._created_ids.append(transfer_id)
            self.recent.add(transfer_id, request.owner)

    def _count_items(self, answer: bytes) -> None:
        for item in self._bulk.decode(answer[answer.index(HEAD_END) + 4 :]).results:
            self._codes[item.status] += 1
            if item.transfer is not None and item.status in self._done:
                self._created_ids.append(item.transfer.id.encode())


def is_whole(answer: bytes) -> bool:
    """Tell whether an answer has arrived with its body."""
    head_end = answer.find(HEAD_END)
    if head_end < 0:
        return False
    length = _content_length(answer[:head_end])
    if length is None:
        return answer.endswith(LAST_CHUNK)
    return len(answer) >= head_end + 4 + length


def _content_length(head: bytes) -> int | None:
    """Return the stated length of the body; None if it comes in chunks.

    Raises:
        ValueError: If neither is stated.
    """
    lowered = head.lower()
    place = lowered.find(b"\r\ncontent-length:")
    if place < 0:
        if b"\r\ntransfer-encoding: chunked" in lowered:
            return None
        raise ValueError("an answer states no length")
    end = lowered.find(b"\r\n", place + 17)
    return int(head[place + 17 :] if end < 0 else head[place + 17 : end])
