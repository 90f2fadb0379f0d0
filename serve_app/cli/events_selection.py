"""What the options of ``gopherpay events replay`` mean, and which of them go together."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID

from actors.ports.replay import Selection
from serve_app.cli.events_bus import CONSUMERS, EventsRefused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actors.messaging.topics import TopicNames

_AGO: Final = re.compile(r"(\d{1,6})([smhd])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True, slots=True)
class Asked:
    """The options as they were given."""

    topic: str | None = None
    partition: int | None = None
    offset: int | None = None
    since: str | None = None
    until: str | None = None
    event_id: str | None = None
    dead_letters: bool = False
    reason: str | None = None
    consumer: str | None = None

    @property
    def consumers(self) -> tuple[str, ...]:
        """Return for whom it is done again."""
        return CONSUMERS if self.consumer is None else (self.consumer,)


def check(asked: Asked) -> None:
    """Make sure that the options go together.

    Raises:
        EventsRefused: If they do not, in one sentence.
    """
    if asked.consumer not in {None, *CONSUMERS}:
        raise EventsRefused(f"--consumer is one of {' and '.join(CONSUMERS)}.")
    places = _given(asked)
    if asked.dead_letters and places:
        raise EventsRefused(f"--dead-letters does not go with {', '.join(places)}.")
    if asked.reason is not None and not asked.dead_letters:
        raise EventsRefused("--reason goes with --dead-letters.")
    if not asked.dead_letters and not places:
        raise EventsRefused(
            "Say what to replay: --topic, --since, --event-id or --dead-letters; "
            "'gopherpay events replay --help' explains them."
        )
    _check_places(asked)


def _check_places(asked: Asked) -> None:
    if asked.partition is not None and asked.topic is None:
        raise EventsRefused("--partition needs --topic.")
    if asked.offset is not None and asked.partition is None:
        raise EventsRefused("--offset needs --partition: offsets count in each on its own.")


def selection(asked: Asked, topics: TopicNames, now: datetime) -> Selection:
    """Return the records that are meant.

    Raises:
        EventsRefused: If a topic, a time or an id cannot be.
    """
    return Selection(
        topics=_topics(asked.topic, topics),
        partition=asked.partition,
        offset=asked.offset,
        since=None if asked.since is None else moment("--since", asked.since, now),
        until=None if asked.until is None else moment("--until", asked.until, now),
        event_id=None if asked.event_id is None else _id(asked.event_id),
    )


def moment(option: str, text: str, now: datetime) -> datetime:
    """Return the time that *text* names: by date, or as so long ago; UTC unless it says more.

    Raises:
        EventsRefused: If it names none.
    """
    try:
        if ago := _AGO.fullmatch(text):
            return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        named = datetime.fromisoformat(text)
        return named.replace(tzinfo=named.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        raise EventsRefused(
            f"{option} is no time; write 2026-01-31T12:00:00Z, 2026-01-31, "
            "or how long ago: 90m, 12h, 7d."
        ) from None


def _topics(text: str | None, topics: TopicNames) -> tuple[str, ...]:
    """Return the topics by name; ``account`` and ``user`` are enough."""
    if text is None:
        return topics.account, topics.user
    short: Mapping[str, str] = {"account": topics.account, "user": topics.user}
    name = short.get(text, text)
    if name not in short.values():
        raise EventsRefused(
            f"There is no topic '{text}' of events; there are {topics.account} and {topics.user} "
            "('account' and 'user' for short)."
        )
    return (name,)


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise EventsRefused(
            "--event-id is no event id, which looks like 0197f1c6-7a2e-7b54-9d0c-5e8f3a1b2c4d."
        ) from None


def _given(asked: Asked) -> list[str]:
    """Return the options that say where, as they are written."""
    names = ("topic", "partition", "offset", "since", "until", "event_id")
    return [f"--{name.replace('_', '-')}" for name in names if getattr(asked, name) is not None]
