"""When a migration is tried again. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gopherpay_operator.resources.migrations import MigrationRun

BACK_OFF_SECONDS: Final = 10
BACK_OFF_SECONDS_MAX: Final = 300
"""Before the second attempt, doubled each time, and never more than this."""

REMEMBERED_MAX: Final = 10
"""Runs in the history."""


@dataclass(frozen=True, slots=True)
class Asked:
    """For what a run is made; a failure counts only against the same."""

    revision: str
    generation: int
    reconcile_at: str | None = None


def failures(history: Sequence[MigrationRun], asked: Asked) -> tuple[MigrationRun, ...]:
    """Return the failed runs in *history* that were made for what is *asked*, newest first."""
    return tuple(
        run
        for run in history
        if run.result == "Failed"
        and Asked(run.revision, run.generation or 0, run.reconcile_at) == asked
    )


def next_at(failed: Sequence[MigrationRun]) -> datetime:
    """Return when it may be tried again after *failed*, which is not empty."""
    rest_seconds = min(BACK_OFF_SECONDS * 2 ** (len(failed) - 1), BACK_OFF_SECONDS_MAX)
    ended = failed[0].finished_at or failed[0].started_at
    return datetime.fromisoformat(ended) + timedelta(seconds=rest_seconds)
