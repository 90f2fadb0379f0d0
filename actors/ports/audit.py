"""How what is on the bus is laid beside what is in the books."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime


class AuditedRecord(NamedTuple):
    """What a record of the bus says, as texts of our own alphabets.

    Attributes:
        event_id: None when the record is no event; *trouble* says why.
        version: Of the subject's account after this, where money moved.
        digest: MD5 of the body, in hexadecimal digits.
    """

    topic: str
    partition: int
    offset: int
    event_id: str | None = None
    subject_id: str | None = None
    type: str | None = None
    time: str | None = None
    version: int | None = None
    digest: str | None = None
    trouble: str | None = None


class RecordAudit(Protocol):
    """Reads everything that is on the bus, and changes nothing there."""

    def records(self) -> Iterator[AuditedRecord]:
        """Yield what is there when this begins, each partition in order.

        Raises:
            SourceUnavailable: If the bus does not answer.
        """
        ...

    @property
    def kept_since(self) -> datetime | None:
        """Return from when on nothing was forgotten; None when nothing ever was.

        Known when the records have been read.
        """
        ...
