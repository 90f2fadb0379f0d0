"""The courier: hands over what waits in the ledger, and tries again until it is too late.

Several may work at once, here and in other processes.  A payment never waits for one: when the
messenger is slow or down, a table grows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from uuid import UUID

import structlog

from actors.notifier.keeping import Keeper
from actors.notifier.retrying import BackOff
from actors.ports.courier import (
    Accepted,
    AlreadyAccepted,
    Deliveries,
    Later,
    Letter,
    Message,
    Messenger,
    Outcome,
    People,
    Profile,
    Refused,
    Subscribers,
    Verdict,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actors.ports.courier import Delivery

SWEPT_AT_ONCE: Final = 500
MAIL_CHANNELS: Final = ("email",)
RETRY: Final = BackOff(first_seconds=2, longest_seconds=600)
OUTAGE: Final = BackOff(first_seconds=1, longest_seconds=60)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast, how much at once, and how patiently.

    Attributes:
        places: Deliveries under way at once.
        poll_seconds: Between looks while there is nothing to do.
        lease_seconds: After which another courier takes what this one has begun; longer than
            the few calls of one delivery may take.
        retry: Waits of one delivery that was not accepted.
        outage: Waits between trials while nothing at all is accepted, or the database is away.
        mail_window_seconds: How old the mails are that each look finds; all of them are looked
            through every ``chores_seconds``.
        chores_seconds: Between looks for what has been left behind.
    """

    places: int = 16
    poll_seconds: float = 0.5
    lease_seconds: float = 120
    retry: BackOff = RETRY
    outage: BackOff = OUTAGE
    mail_window_seconds: float = 120
    mail_window_seconds_max: float = 3 * 86_400
    chores_seconds: float = 300


@dataclass(slots=True)
class Counters:
    """What a courier has done since it began."""

    sent: int = 0
    put_off: int = 0
    failed: int = 0
    expired: int = 0


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a courier finds what it needs."""

    deliveries: Deliveries
    people: People
    subscribers: Subscribers
    messenger: Messenger


@dataclass(frozen=True, slots=True)
class _Batch:
    """What was taken at once, with what belongs to it."""

    profiles: Mapping[UUID, Profile | None]
    letters: Mapping[UUID, Letter | None]
    kept: Mapping[UUID, Outcome]


class Courier:
    """Carries deliveries until cancelled."""

    def __init__(self, desk: Desk, *, pace: Pace | None = None) -> None:
        self.counters = Counters()
        self._desk = desk
        self._pace = pace or Pace()
        self._keeper = Keeper(desk.people, desk.subscribers, desk.messenger)
        self._failures = 0
        self._trouble: str | None = None
        self._chores_due = 0.0

    @property
    def is_carrying(self) -> bool:
        """Tell whether the last trial found the database and a messenger that accepts."""
        return self._failures == 0

    async def run(self) -> None:
        """Carry for ever; outages of the database and of the messenger are waited out."""
        while True:
            try:
                is_busy = await self.round()
            except Exception as error:  # noqa: BLE001  one row must not silence all others
                self._stumbled(error)
                is_busy = False
            else:
                self._recovered()
            await asyncio.sleep(self._rest_seconds(is_busy=is_busy))

    async def round(self) -> bool:
        """Take what is due and hand it over once; tell whether there may be more.

        Raises:
            StoreUnavailable, OutcomeUnknown: If the database does not answer.
        """
        await self._gather()
        if self._desk.messenger.pause_seconds():
            return False
        looked = await self._keeper.look(lease_seconds=self._pace.lease_seconds)
        limit = self._pace.places if self._failures == 0 else 1
        due = await self._desk.deliveries.claim(limit, lease_seconds=self._pace.lease_seconds)
        if due:
            verdicts = await self._carry(due)
            await self._desk.deliveries.record(verdicts)
            self._judge(verdicts)
        return looked > 0 or len(due) == limit

    async def _gather(self) -> None:
        """Make deliveries of mails, end what is late, and now and then look behind."""
        now = asyncio.get_running_loop().time()
        is_chore = now >= self._chores_due
        pace = self._pace
        window = pace.mail_window_seconds_max if is_chore else pace.mail_window_seconds
        added = await self._desk.deliveries.add_mails(window_seconds=window)
        self.counters.expired += await self._desk.deliveries.expire(SWEPT_AT_ONCE)
        if is_chore and not added:
            await self._desk.deliveries.sweep(SWEPT_AT_ONCE)
            await self._keeper.look_behind()
            self._chores_due = now + pace.chores_seconds

    async def _carry(self, due: Sequence[Delivery]) -> list[Verdict]:
        """Return what becomes of each of *due*, all under way at once."""
        people = self._desk.people
        profiles = await people.profiles({each.subscriber_id for each in due})
        letters = await people.letters({each.event_id for each in due if each.is_mail})
        kept = await self._keeper.keep([each for each in profiles.values() if each])
        batch = _Batch(profiles, letters, kept)
        outcomes = await asyncio.gather(*(self._deliver(each, batch) for each in due))
        return [self._verdict(*pair) for pair in zip(due, outcomes, strict=True)]

    async def _deliver(self, delivery: Delivery, batch: _Batch) -> Outcome:
        """Return what becomes of *delivery*."""
        profile = batch.profiles.get(delivery.subscriber_id)
        if profile is None:
            return _missing("person", delivery.subscriber_id in batch.profiles)
        outcome = batch.kept.get(profile.user_id)
        if isinstance(outcome, (Later, Refused)):
            return outcome
        letter = batch.letters.get(delivery.event_id)
        if delivery.is_mail and letter is None:
            return _missing("mail", delivery.event_id in batch.letters)
        payload = _mail_payload(letter, profile) if letter else delivery.payload
        return await self._hand_over(delivery, payload)

    async def _hand_over(self, delivery: Delivery, payload: Mapping[str, object]) -> Outcome:
        """Hand over, after asking where an earlier attempt may have been accepted."""
        messenger, transaction_id = self._desk.messenger, delivery.transaction_id
        if delivery.is_doubtful and (outcome := await self._asked(transaction_id)):
            return outcome
        if pause := messenger.pause_seconds():
            return Later("paused", pause)
        message = Message(
            delivery.workflow, delivery.subscriber_id, transaction_id, transaction_id, payload
        )
        outcome = await messenger.tell(message)
        if not (isinstance(outcome, Later) and outcome.is_replayed):
            return outcome
        # The failure of an earlier request is kept under its key; only another key is heard.
        if asked := await self._asked(transaction_id):
            return asked
        renewed = f"{transaction_id}-{delivery.attempts}"
        return await messenger.tell(
            Message(delivery.workflow, delivery.subscriber_id, transaction_id, renewed, payload)
        )

    async def _asked(self, transaction_id: str) -> Outcome | None:
        """Return how it stands with an earlier attempt; None if it was not accepted."""
        found = await self._desk.messenger.has(transaction_id)
        if isinstance(found, Later):
            return found
        return AlreadyAccepted() if found else None

    def _verdict(self, delivery: Delivery, outcome: Outcome) -> Verdict:
        """Return what is recorded; a doubt stays, since what was late may still arrive."""
        if isinstance(outcome, (Accepted, AlreadyAccepted)):
            self.counters.sent += 1
            return Verdict(delivery, "sent")
        if isinstance(outcome, Refused):
            self.counters.failed += 1
            _tell_failed(delivery, outcome.reason)
            return Verdict(delivery, "failed", outcome.reason, is_doubtful=delivery.is_doubtful)
        self.counters.put_off += 1
        wait = max(outcome.retry_after_seconds or 0, self._pace.retry.seconds(delivery.attempts))
        is_doubtful = delivery.is_doubtful or outcome.is_doubtful
        return Verdict(delivery, "pending", outcome.reason, wait, is_doubtful)

    def _judge(self, verdicts: Sequence[Verdict]) -> None:
        """Notice when nothing at all is accepted any more, and when something is again."""
        reasons = {verdict.reason for verdict in verdicts if verdict.status == "pending"}
        is_lost = all(verdict.status == "pending" for verdict in verdicts)
        if is_lost and self._failures == 0:
            log.warning("messenger.lost", reasons=sorted(map(str, reasons)))
        if not is_lost and self._failures:
            log.info("messenger.found")
        self._failures = self._failures + 1 if is_lost else 0

    def _rest_seconds(self, *, is_busy: bool) -> float:
        """Return how long to wait before the next round."""
        pause = min(self._desk.messenger.pause_seconds(), self._pace.outage.longest_seconds)
        if self._failures:
            return max(pause, self._pace.outage.seconds(self._failures))
        return max(pause, 0 if is_busy else self._pace.poll_seconds)

    def _stumbled(self, error: Exception) -> None:
        """Say once what it is, by its name alone: the text of some quotes a row."""
        name = type(error).__name__
        if name != self._trouble:
            log.warning("courier.stumbled", error=name)
        self._trouble = name
        self._failures += 1

    def _recovered(self) -> None:
        if self._trouble is not None:
            log.info("courier.recovered")
            self._trouble = None
            self._failures = 0


def _missing(what: str, is_there: bool) -> Outcome:  # noqa: FBT001  a fact, not a switch
    """Return what becomes of a delivery whose person or mail is gone, or cannot be opened."""
    return Later(f"{what}-unreadable") if is_there else Refused(f"{what}-gone")


def _mail_payload(letter: Letter, profile: Profile) -> dict[str, object]:
    """Return what a mail's workflow is filled with, as for every other message."""
    return {
        "title": letter.subject,
        "body": letter.text,
        "data": {} if letter.link is None else {"link": letter.link},
        "channels": list(MAIL_CHANNELS),
        "language": profile.language,
    }


def _tell_failed(delivery: Delivery, reason: str) -> None:
    log.warning(
        "delivery.failed", delivery_id=str(delivery.id), workflow=delivery.workflow, reason=reason
    )
