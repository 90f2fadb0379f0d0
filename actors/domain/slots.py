"""Which of the 1,024 slots an account belongs to."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from uuid import UUID

SLOT_COUNT: Final = 1024
"""Fixed for ever: a change would move every account at once."""


def slot_of(account_id: UUID) -> int:
    """Return the slot of *account_id*: a stable 64-bit hash, the same in every process."""
    digest = blake2b(account_id.bytes, digest_size=8).digest()
    return int.from_bytes(digest, "big") % SLOT_COUNT
