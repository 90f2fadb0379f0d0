"""What all lists share: the page asked for, the cursor, and the answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final, Generic, TypeAlias, TypeVar
from uuid import UUID

import msgspec
from msgspec import Meta

from serve_app.http.cursors import Cursors
from serve_app.http.idempotency import fingerprint
from serve_app.http.texts import Query

if TYPE_CHECKING:
    from serve_app.http.cursors import Position

T = TypeVar("T")
ObjectT = TypeVar("ObjectT")

LIMIT_DEFAULT: Final = 20

Limit: TypeAlias = Annotated[int, Meta(ge=1, le=100, description="Rows on the page.")]
CursorText: TypeAlias = Annotated[
    str,
    Meta(
        description="The next_cursor of the page before, of the same list and filters.",
        extra_json_schema={"pattern": "^[A-Za-z0-9_-]{22,700}$"},
    ),
]


class Paged(Query, frozen=True):
    """The parameters of every list."""

    limit: Limit = LIMIT_DEFAULT
    cursor: CursorText | None = None


class Page(msgspec.Struct, Generic[ObjectT], frozen=True):
    """One page, newest first; ``next_cursor`` is null on the last one."""

    data: Sequence[ObjectT]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Listing:
    """A list with its filters, as one reader asks for it.

    Attributes:
        filters: Whatever narrows the list; a cursor counts for these alone.
    """

    cursors: Cursors
    reader: UUID
    name: str
    filters: tuple[object, ...] = ()

    def position(self, cursor: str | None) -> Position | None:
        """Return where *cursor* says the page begins, None for the newest.

        Raises:
            CursorInvalid: If the cursor is of another reader, list or filter.
        """
        if cursor is None:
            return None
        return self.cursors.open(self.reader, self._bound(), cursor)

    def page(
        self,
        rows: Sequence[T],
        limit: int,
        place: Callable[[T], Position],
        shown: Callable[[T], ObjectT],
    ) -> Page[ObjectT]:
        """Return the page of *rows*, of which there is one more than *limit* if others follow."""
        kept = rows[:limit]
        cursor = None
        if len(rows) > limit:
            cursor = self.cursors.seal(self.reader, self._bound(), place(kept[-1]))
        return Page([shown(row) for row in kept], cursor)

    def _bound(self) -> bytes:
        """Return what a cursor of this list is bound to."""
        return fingerprint(self.name, *self.filters)
