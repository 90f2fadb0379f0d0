"""The keys that wait to be worked on: each once, in order of urgency, never two at a time."""

from __future__ import annotations

import asyncio
import heapq
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import count
from typing import TYPE_CHECKING, Final, NamedTuple

from gopherpay_operator.engine.ports import Key

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from random import Random


BACKOFF_SECONDS: Final = 1.0
BACKOFF_MAX_SECONDS: Final = 30.0
"""Short enough that everything is well again a minute after what failed is."""

RESYNC_JITTER: Final = 0.2
_STALE_MAX: Final = 1_000
"""How many replaced entries may lie about before they are swept out."""


class Priority(IntEnum):
    """Why a key is to be worked on; the most urgent first."""

    SPEC = 0
    DEPENDENCY = 1
    RETRY = 2
    RESYNC = 3


class _Entry(NamedTuple):
    """What is known of a key that waits; by its number, what replaced it is told apart."""

    priority: Priority
    at: float
    number: int


class _Run(NamedTuple):
    lane: Hashable | None
    since: float


@dataclass(slots=True)
class _Lane:
    due: list[tuple[Priority, float, int, Key]] = field(default_factory=list)
    running: int = 0


class Queue:
    """A queue of keys with lanes.

    A key waits once however often it is added, and is not handed out while it is worked on; what
    is added meanwhile brings it again. Keys of one lane are worked on by a few at a time, so that
    a server that hangs does not keep the others waiting.
    """

    def __init__(
        self,
        lane_of: Callable[[Key], Hashable | None],
        *,
        lane_limit: int,
        clock: Callable[[], float],
        random: Random,
    ) -> None:
        """Start empty.

        Args:
            lane_of: Which lane a key is of; ``None`` for one without a limit.
            lane_limit: How many keys of a lane are worked on at once.
            clock: Seconds that never go back.
            random: Where jitter comes from.
        """
        self._lane_of = lane_of
        self._lane_limit = lane_limit
        self._clock = clock
        self._random = random
        self._entries: dict[Key, _Entry] = {}
        self._later: list[tuple[float, int, Key]] = []
        self._lanes: dict[Hashable | None, _Lane] = {}
        self._running: dict[Key, _Run] = {}
        self._failures: dict[Key, int] = {}
        self._numbers = count()
        self._woken = asyncio.Event()

    def add(self, key: Key, priority: Priority, after_seconds: float = 0.0) -> None:
        """Let *key* be worked on after *after_seconds*, or earlier if it waits already."""
        at = self._clock() + after_seconds
        before = self._entries.get(key)
        if before is not None:
            is_sooner = (at, priority) < (before.at, before.priority)
            if not is_sooner and (priority >= before.priority or at > self._clock()):
                return
            at = min(at, before.at)
        self._put(key, _Entry(priority, at, next(self._numbers)))

    def retry(self, key: Key) -> None:
        """Let *key* be worked on after a time that is drawn, and grows with its failures.

        The whole of it is drawn ("Exponential Backoff And Jitter", AWS Architecture Blog: full
        jitter), so that those who failed together do not come back together.
        """
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        self.add(key, Priority.RETRY, backoff_seconds(failures) * self._random.random())

    def settled(self, key: Key) -> None:
        """Forget that *key* has failed."""
        self._failures.pop(key, None)

    def resync(self, key: Key, seconds: float) -> None:
        """Let *key* be looked at again after about *seconds*."""
        share = 1 + RESYNC_JITTER * (2 * self._random.random() - 1)
        self.add(key, Priority.RESYNC, seconds * share)

    def forget(self, key: Key) -> None:
        """Drop *key*; when it is being worked on, it just does not come again."""
        self._entries.pop(key, None)
        self._failures.pop(key, None)

    async def take(self) -> Key:
        """Wait for a key and return it; it is worked on until `done`. Only one may wait."""
        while True:
            key = self.take_now()
            if key is not None:
                return key
            self._woken.clear()
            try:
                async with asyncio.timeout(self._seconds_to_next()):
                    await self._woken.wait()
            except TimeoutError:
                continue

    def take_now(self) -> Key | None:
        """Return the most urgent key that is due; ``None`` when there is none."""
        self._ripen()
        heads = [
            (lane.due[0], name)
            for name, lane in list(self._lanes.items())
            if self._has_next(name, lane) and (name is None or lane.running < self._lane_limit)
        ]
        if not heads:
            return None
        (_, _, _, key), name = min(heads, key=lambda head: head[0][:3])
        lane = self._lanes[name]
        heapq.heappop(lane.due)
        lane.running += 1
        del self._entries[key]
        self._running[key] = _Run(name, self._clock())
        return key

    def done(self, key: Key) -> None:
        """Tell that *key* is not worked on any more."""
        run = self._running.pop(key)
        lane = self._lanes[run.lane]
        lane.running -= 1
        entry = self._entries.get(key)
        if entry is not None:
            self._put(key, entry)
        self._woken.set()

    @property
    def depth(self) -> int:
        """Tell how many keys are due and not worked on yet."""
        now = self._clock()
        return sum(entry.at <= now for entry in self._entries.values())

    def oldest_seconds(self) -> float:
        """Tell for how long the key has been due that has waited longest."""
        now = self._clock()
        return max((now - each.at for each in self._entries.values() if each.at <= now), default=0)

    def running_seconds(self) -> float:
        """Tell for how long the key has been worked on that takes longest."""
        now = self._clock()
        return max((now - run.since for run in self._running.values()), default=0)

    def _put(self, key: Key, entry: _Entry) -> None:
        self._entries[key] = entry
        if key not in self._running:
            heapq.heappush(self._later, (entry.at, entry.number, key))
        if len(self._later) > 2 * len(self._entries) + _STALE_MAX:
            self._later = [each for each in self._later if self._waits(each[2], each[1])]
            heapq.heapify(self._later)
        self._woken.set()

    def _ripen(self) -> None:
        """Move what has become due to its lane."""
        now = self._clock()
        while self._later and self._later[0][0] <= now:
            at, number, key = heapq.heappop(self._later)
            if self._waits(key, number):
                lane = self._lanes.setdefault(self._lane_of(key), _Lane())
                heapq.heappush(lane.due, (self._entries[key].priority, at, number, key))

    def _has_next(self, name: Hashable | None, lane: _Lane) -> bool:
        """Tell whether a key is due in *lane*, after dropping what is not up to date any more."""
        while lane.due and not self._waits(lane.due[0][3], lane.due[0][2]):
            heapq.heappop(lane.due)
        if not lane.due and not lane.running:
            del self._lanes[name]
        return bool(lane.due)

    def _waits(self, key: Key, number: int) -> bool:
        entry = self._entries.get(key)
        return entry is not None and entry.number == number

    def _seconds_to_next(self) -> float | None:
        """Return when to look again; the lanes that are full wake us by `done`."""
        return max(self._later[0][0] - self._clock(), 0.0) if self._later else None


def backoff_seconds(failures: int) -> float:
    """Return the longest that is waited after so many *failures*."""
    return min(BACKOFF_SECONDS * 2.0 ** min(failures - 1, 10), BACKOFF_MAX_SECONDS)
