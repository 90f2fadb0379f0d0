"""What has died before its time, in memory: sessions, tokens, users and API keys by id."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID


class RevocationList:
    """A set of dead ids that forgets each one when nothing could use it any more."""

    def __init__(self, retention_seconds: float) -> None:
        self._retention_seconds = retention_seconds
        self._heard_at_seconds: dict[UUID, float] = {}

    def __len__(self) -> int:
        return len(self._heard_at_seconds)

    def add(self, subjects: Iterable[UUID], now_seconds: float) -> None:
        """Take in *subjects*; hearing of one again changes nothing."""
        for subject in subjects:
            self._heard_at_seconds.setdefault(subject, now_seconds)

    def forget(self, now_seconds: float) -> None:
        """Drop what was heard of longer ago than the retention."""
        horizon = now_seconds - self._retention_seconds
        heard = self._heard_at_seconds  # in order of hearing
        while heard and heard[oldest := next(iter(heard))] < horizon:
            del heard[oldest]

    def is_dead(self, subjects: Iterable[UUID]) -> bool:
        """Tell whether any of *subjects* is dead."""
        return not self._heard_at_seconds.keys().isdisjoint(subjects)
