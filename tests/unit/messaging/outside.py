"""Both sides of a relay in memory: an outbox that several may read, and a bus that may fail."""

import asyncio
from collections import Counter

from actors.domain.errors import StoreUnavailable
from actors.messaging.sender import UNTRIED, Failure
from actors.ports.events import START, Position, Record, StoredEvent


def an_event(seq, subject, lane=None, data=b"{}"):
    """Return the event with that number; a subject's lane comes from its name."""
    lane = sum(subject.encode()) % 8 if lane is None else lane
    time = "2026-11-26T01:02:03.000000Z"
    return StoredEvent(seq // 2, seq, lane, f"e{seq}", "t", "account", subject, time, data, None)


def a_record(event):
    """Return what is sent for *event*."""
    if event.data == b"odd":
        raise KeyError("no such type")
    return Record("topic", 0, event.seq, event.subject_id.encode(), event.data)


async def no_time(_seconds):
    """Wait for nothing but one's turn."""
    await asyncio.sleep(0)


class Database:
    """Rows, cursors, and who holds which lane."""

    def __init__(self, events):
        self.events = list(events)
        self.cursors = {}
        self.holders = {}
        self.outboxes = []

    def outbox(self):
        """Return the outbox of one more process."""
        self.outboxes.append(MemoryOutbox(self))
        return self.outboxes[-1]


class MemoryOutbox:
    """An outbox for one process; it does not answer while `is_down`."""

    def __init__(self, database):
        self.database = database
        self.is_down = False
        self.is_member = False
        self.reads = []

    def _answer(self):
        if self.is_down:
            self.database.holders = {
                lane: who for lane, who in self.database.holders.items() if who is not self
            }
            raise StoreUnavailable

    def dies(self):
        """End the process, and with it the connection that holds the lanes."""
        self.is_down, self.is_member = True, False
        holders = self.database.holders
        self.database.holders = {lane: who for lane, who in holders.items() if who is not self}

    async def hold(self, _reader, lanes):
        self._answer()
        self.is_member = True
        holders = self.database.holders
        for lane in range(8):
            if list(holders.values()).count(self) < lanes:
                holders.setdefault(lane, self)
        mine = sorted(lane for lane, who in holders.items() if who is self)
        return {lane: self.database.cursors.get(lane, START) for lane in mine}

    async def members(self, _reader):
        self._answer()
        return sum(each.is_member for each in self.database.outboxes)

    async def release(self, lanes):
        self._answer()
        for lane in lanes:
            assert self.database.holders.pop(lane) is self

    async def read(self, lanes, after, *, limit):
        self._answer()
        self.reads.append((set(lanes), after))
        rows = [e for e in self.database.events if e.lane in lanes and e.position > after]
        return sorted(rows, key=lambda event: event.position)[:limit]

    async def advance(self, _reader, cursors):
        self._answer()
        for lane, at in cursors.items():
            assert self.database.holders[lane] is self
            self.database.cursors[lane] = max(at, self.database.cursors.get(lane, START))


class MemoryParked:
    """What is parked; tries are due when the test says so."""

    def __init__(self):
        self.rows = {}
        self.is_due = False

    async def subjects(self, _reader, lanes):
        return frozenset(e.subject_id for e in self.rows.values() if e.lane in lanes)

    async def park(self, _reader, events, _error, *, wait_seconds=0):
        del wait_seconds
        for event in events:
            self.rows.setdefault(event.seq, event)

    async def due(self, _reader, lanes, *, limit):
        rows = [event for event in self.rows.values() if event.lane in lanes and self.is_due]
        return sorted(rows, key=lambda event: event.position)[:limit]

    async def told(self, _reader, events):
        for event in events:
            del self.rows[event.seq]

    async def refused(self, _reader, event, _error):
        assert event.seq in self.rows


class Bus:
    """Takes records, refuses some for good, and fails at others as often as it is told.

    Attributes:
        offsets: What it has, in the order it came.
    """

    def __init__(self):
        self.offsets = []
        self.refused = set()
        self.outages = Counter()

    async def send(self, records):
        answers = [UNTRIED] * len(records)
        for index, record in enumerate(records):
            if record.offset in self.refused:
                answers[index] = Failure("too large", is_lasting=True)
                break
            if self.outages[record.offset]:
                self.outages[record.offset] -= 1
                answers[index] = Failure("away")
                break
            self.offsets.append(record.offset)
            answers[index] = None
        return answers

    async def close(self):
        pass

    def firsts(self):
        """Return what it has, each when it came first."""
        return list(dict.fromkeys(self.offsets))


def position(seq):
    """Return where the event with that number stands."""
    return Position(seq // 2, seq)
