"""Masked names of the other side, without opening thousands of seals a second."""

from __future__ import annotations

import time
from itertools import islice
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from uuid import UUID

    from actors.ports.notifications import MaskedNames

REMEMBERED_MAX: Final = 20_000
"""About 5 MB."""

REMEMBERED_SECONDS: Final = 600.0
"""Another process may have heard of a new name."""

OPENED_PER_BATCH_MAX: Final = 64
"""Opening one costs two decryptions. Beyond this many a message speaks of nobody: it is true
without a name, the entry of the account tells it, and a flood of strangers slows nobody down."""


class NameMemory:
    """Remembers masked names for a while, a bounded number of them.

    Args:
        names: Where they come from.
        clock: Seconds that never go back.
    """

    def __init__(self, names: MaskedNames, clock: Callable[[], float] = time.monotonic) -> None:
        self._names = names
        self._clock = clock
        self._known: dict[UUID, tuple[str, float]] = {}

    async def of(self, user_ids: Iterable[UUID]) -> dict[UUID, str]:
        """Return the names of those of *user_ids* that are known or cheap to learn.

        Raises:
            StoreUnavailable: If the database does not answer.
        """
        wanted, now = dict.fromkeys(user_ids), self._clock()
        found = {
            user_id: known[0]
            for user_id in wanted
            if (known := self._known.get(user_id)) is not None and known[1] > now
        }
        unknown = list(islice((each for each in wanted if each not in found), OPENED_PER_BATCH_MAX))
        if unknown:
            learned = await self._names.masked(unknown)
            self._remember(learned, now + REMEMBERED_SECONDS)
            found.update(learned)
        return found

    def forget(self, user_ids: Iterable[UUID]) -> None:
        """Ask anew for the names of *user_ids*."""
        for user_id in user_ids:
            self._known.pop(user_id, None)

    def _remember(self, learned: Mapping[UUID, str], until: float) -> None:
        for user_id, name in learned.items():
            self._known.pop(user_id, None)
            self._known[user_id] = (name, until)
        while len(self._known) > REMEMBERED_MAX:
            del self._known[next(iter(self._known))]
