"""Dead letters in a table, where there is no Kafka."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any, Final

from actors.domain.errors import Unavailable
from actors.ports.events import DeadLetter, Record, SourceUnavailable
from actors.ports.replay import KeptLetter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from actors.store.pool import Pool

_PAGE: Final = 200

# A record that is given up a second time is the same letter, open again.
ADD: Final = """
INSERT INTO dead_letters (
    consumer, event_id, topic, partition, record_offset, key, value, headers, reason, detail,
    attempts, timestamp_ms
)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT ON CONSTRAINT uq_dead_letters_once DO UPDATE
SET reason = excluded.reason, detail = excluded.detail,
    attempts = dead_letters.attempts + excluded.attempts, added_at = now(), replayed_at = NULL
"""

PAGE: Final = """
SELECT id, consumer, event_id, topic, partition, record_offset, key, value, headers, reason,
       detail, attempts, added_at, replayed_at, timestamp_ms
FROM dead_letters
WHERE id > %s AND (%s::text IS NULL OR consumer = %s) AND (%s::text IS NULL OR reason = %s)
ORDER BY id LIMIT %s
"""

MARK: Final = "UPDATE dead_letters SET replayed_at = now() WHERE id = ANY(%s::bigint[])"


class DeadLetterTable:
    """A `DeadLetters` and a `LetterLog` in one table."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def add(self, letter: DeadLetter) -> None:
        """Keep *letter*.

        Raises:
            SourceUnavailable: If the database does not answer.
        """
        await self._execute(ADD, _columns(letter))

    async def letters(
        self, *, consumer: str | None = None, reason: str | None = None
    ) -> AsyncIterator[Sequence[KeptLetter]]:
        """Yield the letters in the order they were added.

        Raises:
            SourceUnavailable: If the database does not answer.
        """
        after = 0
        while page := await self._page(after, consumer, reason):
            after = page[-1].number
            yield page

    async def mark_replayed(self, letters: Sequence[KeptLetter]) -> None:
        """Remember that the events of *letters* had their effect.

        Raises:
            SourceUnavailable: If that is not certain.
        """
        await self._execute(MARK, ([letter.number for letter in letters],))

    async def _page(self, after: int, consumer: str | None, reason: str | None) -> list[KeptLetter]:
        conditions = (after, consumer, consumer, reason, reason, _PAGE)
        try:
            return [_kept(row) for row in await self._pool.search(PAGE, conditions)]
        except Unavailable as error:
            raise SourceUnavailable(str(error)) from error

    async def _execute(self, statement: str, parameters: Sequence[object]) -> None:
        try:
            async with self._pool.transaction() as connection:
                await connection.execute(statement.encode(), parameters)
        except Unavailable as error:
            raise SourceUnavailable(str(error)) from error


def _columns(letter: DeadLetter) -> tuple[object, ...]:
    record = letter.record
    return (
        letter.consumer,
        letter.event_id,
        record.topic,
        record.partition,
        record.offset,
        record.key,
        record.value,
        _written(record.headers),
        letter.reason,
        letter.detail,
        letter.attempts,
        record.timestamp_ms,
    )


def _kept(row: Sequence[Any]) -> KeptLetter:
    record = Record(
        topic=row[3],
        partition=row[4],
        offset=row[5],
        key=row[6],
        value=row[7],
        headers=_read(row[8]),
        timestamp_ms=row[14],
    )
    letter = DeadLetter(row[1], record, row[9], row[10], row[11], row[2])
    return KeptLetter(row[0], letter, row[12], row[13])


def _written(headers: Sequence[tuple[str, bytes | None]]) -> str:
    """Return *headers* as JSON; values are base64, since they may be any bytes."""
    return json.dumps(
        [
            [name, None if value is None else base64.b64encode(value).decode()]
            for name, value in headers
        ]
    )


def _read(headers: Sequence[Sequence[str | None]]) -> list[tuple[str, bytes | None]]:
    return [
        (str(name), None if value is None else base64.b64decode(value)) for name, value in headers
    ]
