"""New ids: UUIDv7 (RFC 9562), so that rows of one time lie together in an index."""

from __future__ import annotations

from typing import TYPE_CHECKING

from uuid_utils.compat import uuid7

if TYPE_CHECKING:
    from uuid import UUID


def new_id() -> UUID:
    """Return a new time-ordered id."""
    return uuid7()
