"""Hashing of passwords: keyed pre-hash, then bcrypt, in a bounded pool of threads.

bcrypt alone stops at 72 bytes (and bcrypt 5 raises beyond), so the password is first
shortened by HMAC-SHA-256 under a pepper that the database does not know; base64 of that is
44 bytes without NUL (ASVS v5.0.0-6.2.8, and no password shucking).
"""

from __future__ import annotations

import asyncio
import hmac
import os
from base64 import b64encode
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

import bcrypt

from actors.domain.credentials import PasswordHash
from actors.domain.errors import Overloaded
from actors.security.keys import Secret

if TYPE_CHECKING:
    from collections.abc import Callable


Answer = TypeVar("Answer")

SCHEME: Final = 1
"""HMAC-SHA-256, base64, bcrypt; another way of hashing gets another number."""

SAFE_COST: Final = 12
"""The lowest bcrypt cost for production (about 0.2 s a hash)."""

RETRY_AFTER_SECONDS: Final = 2


@dataclass(frozen=True, slots=True)
class PasswordHasher:
    """Hashes and compares, taking its time on purpose; see ``HashPool``."""

    pepper: Secret
    peppers: Mapping[str, Secret]
    cost: int

    def hash(self, password: str) -> PasswordHash:
        """Return the hash of *password* under today's pepper and cost."""
        text = bcrypt.hashpw(_shortened(password, self.pepper), bcrypt.gensalt(self.cost))
        return PasswordHash(SCHEME, self.pepper.id, self.cost, text.decode("ascii"))

    def is_right(self, password: str, stored: PasswordHash | None) -> bool:
        """Compare; without a stored hash take the same time and say no."""
        pepper = self.peppers.get(stored.pepper_id) if stored else None
        if stored is None or pepper is None or stored.scheme != SCHEME:
            bcrypt.checkpw(_shortened(password, self.pepper), self._nobody())
            return False
        return bcrypt.checkpw(_shortened(password, pepper), stored.text.encode("ascii"))

    def is_stale(self, stored: PasswordHash) -> bool:
        """Tell whether *stored* was not made as we hash today."""
        today = (SCHEME, self.pepper.id, self.cost)
        return (stored.scheme, stored.pepper_id, stored.cost) != today

    def _nobody(self) -> bytes:
        """Return a well-formed hash at the live cost that belongs to no password."""
        return f"$2b${self.cost:02}${'.' * 53}".encode("ascii")


class HashPool:
    """Runs a hasher on a few threads behind a queue that has an end.

    The threads yield to the rest of the machine: a flood of log-ins slows log-ins only.
    """

    def __init__(self, hasher: PasswordHasher, *, threads: int, queue: int) -> None:
        self._hasher = hasher
        self._places = threads + queue
        self._taken = 0
        self._threads = ThreadPoolExecutor(
            threads, thread_name_prefix="password", initializer=_yield_to_others
        )

    async def hash(self, password: str) -> PasswordHash:
        """Return the hash of *password*.

        Raises:
            Overloaded: If the queue is full; nothing was done.
        """
        return await self._run(lambda: self._hasher.hash(password))

    async def is_right(self, password: str, stored: PasswordHash | None) -> bool:
        """Compare in the same time whether or not there is a stored hash.

        Raises:
            Overloaded: If the queue is full; nothing was done.
        """
        return await self._run(lambda: self._hasher.is_right(password, stored))

    def is_stale(self, stored: PasswordHash) -> bool:
        """Tell whether *stored* was not made as we hash today."""
        return self._hasher.is_stale(stored)

    def require_room(self) -> None:
        """Pass if a hash could be queued now, so that the rest need not be begun in vain.

        Raises:
            Overloaded: If the queue is full.
        """
        if self._taken >= self._places:
            raise Overloaded(RETRY_AFTER_SECONDS)

    def close(self) -> None:
        """Drop what waits, and let the threads end."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[[], Answer]) -> Answer:
        self.require_room()
        self._taken += 1
        # A caller that goes away leaves its work in the thread: the place is free when that
        # is done, not when the caller has gone.
        future = self._threads.submit(work)
        loop = asyncio.get_running_loop()
        future.add_done_callback(lambda _: self._free_in(loop))
        return await asyncio.wrap_future(future)

    def _free_in(self, loop: asyncio.AbstractEventLoop) -> None:
        with suppress(RuntimeError):  # the loop has ended, and the count with it
            loop.call_soon_threadsafe(self._free)

    def _free(self) -> None:
        self._taken -= 1


def _shortened(password: str, pepper: Secret) -> bytes:
    return b64encode(hmac.digest(pepper.key, password.encode(), "sha256"))


def _yield_to_others() -> None:
    """Let this thread run while nothing else wants to.

    Low priority is not enough: who wakes up beside a thread of low priority may still wait until
    its slice of some milliseconds ends. One of the idle class is put aside at once (sched(7)).
    """
    with suppress(AttributeError, OSError):  # not on Linux: threads have no class of their own
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
