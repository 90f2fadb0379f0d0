"""What the last commits of this process left behind: the accounts as they stand, and the time.

Nothing here is believed: the database compares all of it before it writes (``post_batch``).
"""

from __future__ import annotations

import time
from collections import OrderedDict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from uuid import UUID

    from actors.domain.accounts import Account
    from actors.domain.transfers import Movement

ACCOUNTS_MAX: Final = 100_000
"""About 600 bytes each."""

CLOCK_SECONDS_MAX: Final = 10.0
"""After so long without a word of the database, two clocks may have drifted apart."""

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class RememberedAccounts:
    """Accounts by id, the least recently used forgotten first."""

    def __init__(self, accounts_max: int = ACCOUNTS_MAX) -> None:
        self._accounts_max = accounts_max
        # By the account's number: a UUID hashes in Python, an int in C.
        self._by_number: OrderedDict[int, Account] = OrderedDict()

    def __len__(self) -> int:
        return len(self._by_number)

    def of(self, movements: Sequence[Movement]) -> dict[UUID, Account] | None:
        """Return both sides of every movement; None if one of them is not remembered."""
        found: dict[UUID, Account] = {}
        known = self._by_number
        for movement in movements:
            for account_id in (movement.source_id, movement.destination_id):
                account = known.get(account_id.int)
                if account is None:
                    return None
                known.move_to_end(account_id.int)
                found[account_id] = account
        return found

    def missing(self, movements: Sequence[Movement]) -> list[UUID]:
        """Return the sides of *movements* that are not remembered, each once."""
        known = self._by_number
        sides = {
            account_id.int: account_id
            for movement in movements
            for account_id in (movement.source_id, movement.destination_id)
            if account_id.int not in known
        }
        return list(sides.values())

    def learn(self, accounts: Iterable[Account]) -> None:
        """Remember those of *accounts* that are not: what is here already may be newer."""
        self.keep(account for account in accounts if account.id.int not in self._by_number)

    def keep(self, accounts: Iterable[Account]) -> None:
        """Remember *accounts* as they are now."""
        for account in accounts:
            self._by_number[account.id.int] = account
            self._by_number.move_to_end(account.id.int)
        while len(self._by_number) > self._accounts_max:
            self._by_number.popitem(last=False)

    def forget(self, account_ids: Iterable[UUID]) -> None:
        """Forget accounts that may be otherwise by now."""
        for account_id in account_ids:
            self._by_number.pop(account_id.int, None)


class DatabaseClock:
    """The database's time as last heard, carried on by our own clock."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._heard: datetime | None = None
        self._heard_at_seconds = 0.0

    def hear(self, at: datetime) -> None:
        """Take note of what the database's clock says now."""
        self._heard = at
        self._heard_at_seconds = self._monotonic()

    def hear_microseconds(self, since_1970: int) -> None:
        """Take note of what the database's clock says now, in microseconds since 1970 (UTC)."""
        self.hear(EPOCH + timedelta(microseconds=since_1970))

    def now(self) -> datetime | None:
        """Return the database's time; None when it was not heard of for too long."""
        passed_seconds = self._monotonic() - self._heard_at_seconds
        if self._heard is None or passed_seconds > CLOCK_SECONDS_MAX:
            return None
        return self._heard + timedelta(seconds=passed_seconds)
