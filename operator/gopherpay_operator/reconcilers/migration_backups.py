"""Whether a backup is there that a migration can rely on. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from gopherpay_operator.engine.durations import seconds_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gopherpay_operator.resources.migrations import BackupReference

_DONE_AT: Final = ("stoppedAt", "completionTime", "completionTimestamp", "creationTime")
_DONE: Final = {"completed", "complete", "succeeded", "success", "ready", "available"}


def backup_lacking(
    reference: BackupReference, backup: Mapping[str, Any] | None, now: datetime
) -> str | None:
    """Return why *backup* is none to rely on, ``None`` when it is one."""
    named = f"The {reference.kind} '{reference.name}', a backup that must exist first,"
    if backup is None:
        return f"{named} is not there."
    done_at = _done_at(backup)
    if done_at is None:
        return f"{named} is not completed."
    if now - done_at > timedelta(seconds=seconds_of(reference.age_max)):
        return f"{named} is of {done_at.isoformat()}, older than {reference.age_max}."
    return None


def _done_at(backup: Mapping[str, Any]) -> datetime | None:
    status = backup.get("status")
    if not status:
        created = backup.get("metadata", {}).get("creationTimestamp")
        return datetime.fromisoformat(created) if created else None
    if str(status.get("phase", "completed")).lower() not in _DONE:
        return None
    if status.get("readyToUse") is False:  # a VolumeSnapshot that is still being cut
        return None
    ended = next((status[name] for name in _DONE_AT if status.get(name)), None)
    return datetime.fromisoformat(ended) if ended else None
