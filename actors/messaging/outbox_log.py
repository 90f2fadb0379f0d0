"""What is in the outbox, as the records that a consumer would see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from actors.domain.errors import Unavailable
from actors.messaging import envelope
from actors.ports.events import LANES, SourceUnavailable
from actors.ports.replay import SelectionRefused, StoredSelection

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from actors.ports.events import Record
    from actors.ports.replay import Selection, StoredEvents

KINDS: Final = ("account", "user")


class OutboxLog:
    """An `EventLog` over the outbox: a topic is a kind of subject, a partition a lane."""

    def __init__(self, stored: StoredEvents, *, topic_prefix: str, source: str) -> None:
        self._stored = stored
        self._topic_prefix = topic_prefix
        self._source = source

    async def read(self, selection: Selection) -> AsyncIterator[Sequence[Record]]:
        """Yield the records that are there now; see ``actors.ports.replay.EventLog``."""
        try:
            async for page in self._stored.read(self._wanted(selection)):
                yield [
                    envelope.record(each, topic_prefix=self._topic_prefix, source=self._source)
                    for each in page
                ]
        except Unavailable as error:
            raise SourceUnavailable(str(error)) from error

    def _wanted(self, selection: Selection) -> StoredSelection:
        """Return which rows are meant.

        Raises:
            SelectionRefused: If there is no such topic or lane.
        """
        kinds = {envelope.topic(self._topic_prefix, kind): kind for kind in KINDS}
        for topic in selection.topics:
            if topic not in kinds:
                raise SelectionRefused(f"there is no topic {topic}, only {' and '.join(kinds)}")
        if selection.partition is not None and not 0 <= selection.partition < LANES:
            raise SelectionRefused(f"every topic has the partitions 0 to {LANES - 1}")
        return StoredSelection(
            subject_kinds=tuple(kinds[topic] for topic in selection.topics),
            lane=selection.partition,
            first_seq=selection.offset,
            since=selection.since,
            until=selection.until,
            event_id=selection.event_id,
        )
