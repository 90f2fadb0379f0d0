"""The data folder: one running platform at a time, and a note by which others find it."""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from serve_app.embedded.failures import DataFolderBusy, FolderUnusable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Running:
    """Where a running platform is; the note holds secrets and is for its owner only."""

    pid: int
    url: str
    dashboard_url: str
    owner_dsn: str
    app_dsn: str
    shard_deployment: str
    kafka_bootstrap_servers: str | None = None


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold *folder* for us alone; the kernel lets go when we die, however we die.

    Raises:
        DataFolderBusy: If another running platform holds it.
        FolderUnusable: If it cannot be made or written.
    """
    lock = _open_lock(folder)
    try:
        if not _try_lock(lock):
            raise DataFolderBusy(folder)
        yield
    finally:
        os.close(lock)


def note(folder: Path, running: Running) -> None:
    """Write the note, readable for its owner only, whole or not at all."""
    draft = folder / "run.json.new"
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(asdict(running), indent=2), encoding="utf-8")
    draft.rename(folder / "run.json")


def forget(folder: Path) -> None:
    """Remove the note."""
    (folder / "run.json").unlink(missing_ok=True)


def find_running(folder: Path) -> Running | None:
    """Return the note of the platform that runs on *folder*; a stale note is no platform."""
    try:
        text = (folder / "run.json").read_text(encoding="utf-8")
        lock = _open_lock(folder)
    except (FileNotFoundError, NotADirectoryError, FolderUnusable):
        return None
    try:
        return None if _try_lock(lock) else Running(**json.loads(text))
    finally:
        os.close(lock)


def _open_lock(folder: Path) -> int:
    try:
        folder.mkdir(mode=0o711, parents=True, exist_ok=True)
        return os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise FolderUnusable(folder, error.strerror or str(error)) from error


def _try_lock(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
