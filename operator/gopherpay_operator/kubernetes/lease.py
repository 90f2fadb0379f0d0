"""The Lease: of all processes that run for a cluster, the one that holds it acts.

After the leader election of client-go: whoever wants it believes only its own clock, and takes it
when it has not seen it renewed for its whole duration.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import structlog

from gopherpay_operator.engine.ports import ClusterConflict, ClusterFailure
from gopherpay_operator.kubernetes.api import LEASE, NotThere, speaking_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from lightkube import AsyncClient

    from gopherpay_operator.kubernetes.api import Raw

log: Final = structlog.get_logger()

DURATION_SECONDS: Final = 15
RENEW_SECONDS: Final = 5.0
RETRY_SECONDS: Final = 2.0
REQUEST_SECONDS_MAX: Final = 4.0
LOST_AFTER_SECONDS: Final = 12.0
"""Without a renewal for so long, another may soon act: nothing is begun any more."""

LOST_EXIT_CODE: Final = 3


@dataclass(slots=True)
class Observed:
    """What the Lease last said, and when we saw it say something new."""

    said: tuple[str, str] = ("", "")
    at: float = 0.0


class Lease:
    """A Lease of *name* in *namespace* for *identity*.

    Args:
        client: Of the API server.
        namespace: Of the Lease.
        name: Of the Lease.
        identity: Of this process; another one for every start.
        clock: Of seconds, monotonic: what others write as the time is never believed.
    """

    def __init__(
        self,
        client: AsyncClient,
        namespace: str,
        name: str,
        identity: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._namespace = namespace
        self._name = name
        self._identity = identity
        self._clock = clock
        self._observed = Observed()
        self._renewed_at: float | None = None
        self._ended = threading.Event()

    @property
    def is_held(self) -> bool:
        """Tell whether this process may act."""
        renewed_at = self._renewed_at
        return renewed_at is not None and self._clock() - renewed_at < LOST_AFTER_SECONDS

    @property
    def is_overdue(self) -> bool:
        """Tell whether it was held and is not any more."""
        return self._renewed_at is not None and not self.is_held

    async def acquire(self) -> None:
        """Return once it is held, however long that takes."""
        while True:
            if await self._tried():
                break
            await asyncio.sleep(RETRY_SECONDS)
        log.info("lease.acquired", lease=f"{self._namespace}/{self._name}", holder=self._identity)

    async def keep(self) -> None:
        """Renew it for as long as that goes; return when it is lost."""
        is_renewed = True
        while is_renewed:
            await asyncio.sleep(RENEW_SECONDS)
            is_renewed = await self._renewed()
        log.error("lease.lost", lease=f"{self._namespace}/{self._name}", holder=self._identity)

    async def _renewed(self) -> bool:
        """Try until it is renewed or lost."""
        while not await self._tried():
            if self.is_overdue:
                return False
            await asyncio.sleep(RETRY_SECONDS)
        return True

    async def release(self) -> None:
        """Let another have it at once."""
        self._ended.set()
        if self._renewed_at is None:
            return
        self._renewed_at = None
        try:
            async with asyncio.timeout(REQUEST_SECONDS_MAX):
                found = await self._read()
                if found is not None and _holder(found) == self._identity:
                    await self._write(found, holder="", renewed=True)
        except (ClusterFailure, TimeoutError) as failure:
            log.warning("lease.not_released", why=str(failure))

    def guard(self) -> None:
        """End the process from a thread when it is overdue, even if the event loop hangs."""
        threading.Thread(target=self._watch, name="lease guard", daemon=True).start()

    def _watch(self) -> None:
        while not self._ended.wait(1.0):
            if self.is_overdue:
                log.error("lease.overdue", holder=self._identity)
                os._exit(LOST_EXIT_CODE)

    async def _tried(self) -> bool:
        """Take or renew it if that may be; the time counts from before it was asked."""
        asked_at = self._clock()
        try:
            async with asyncio.timeout(REQUEST_SECONDS_MAX):
                is_ours = await self._try()
        except TimeoutError:
            return False
        except ClusterConflict:  # somebody was quicker
            return False
        except ClusterFailure as failure:
            log.warning("lease.not_reached", why=str(failure))
            return False
        if is_ours:
            self._renewed_at = asked_at
        return is_ours

    async def _try(self) -> bool:
        found = await self._read()
        if found is None:
            await self._make()
            return True
        if _holder(found) == self._identity:
            await self._write(found, holder=self._identity, renewed=True)
            return True
        if self._renewed_at is not None:
            self._renewed_at = float("-inf")  # another has it: ours is over
            return False
        if not self._is_free(found):
            return False
        await self._write(found, holder=self._identity, renewed=False)
        return True

    def _is_free(self, found: Raw) -> bool:
        holder, renewed = _holder(found), found["spec"].get("renewTime") or ""
        if (holder, renewed) != self._observed.said:
            self._observed = Observed((holder, renewed), self._clock())
        duration = found["spec"].get("leaseDurationSeconds") or DURATION_SECONDS
        return not holder or self._clock() - self._observed.at >= duration

    async def _read(self) -> Raw | None:
        try:
            with speaking_of("the Lease"):
                return dict(await self._client.get(LEASE, self._name, namespace=self._namespace))
        except NotThere:
            return None

    async def _make(self) -> None:
        now = _now()
        spec = _spec(self._identity, now, now, 0)
        body = {"metadata": {"name": self._name, "namespace": self._namespace}, "spec": spec}
        with speaking_of("the Lease"):
            await self._client.create(LEASE.from_dict(body))

    async def _write(self, found: Raw, *, holder: str, renewed: bool) -> None:
        """Write it over *found*; the server refuses that when it changed meanwhile."""
        spec, now = found["spec"], _now()
        acquired = (spec.get("acquireTime") or now) if renewed else now
        changes = int(spec.get("leaseTransitions") or 0) + (0 if renewed else 1)
        body = {**found, "spec": _spec(holder, acquired, now, changes)}
        with speaking_of("the Lease"):
            await self._client.replace(LEASE.from_dict(body), self._name, namespace=self._namespace)


def _holder(found: Raw) -> str:
    return str(found["spec"].get("holderIdentity") or "")


def _spec(holder: str, acquired: str, renewed: str, changes: int) -> dict[str, Any]:
    return {
        "holderIdentity": holder,
        "leaseDurationSeconds": DURATION_SECONDS,
        "acquireTime": acquired,
        "renewTime": renewed,
        "leaseTransitions": changes,
    }


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
