"""Find and end processes that an earlier, killed run of ours left behind.

A process is ours when it runs the expected program *and* is tied to our own folder; never by name.
"""

from __future__ import annotations

import os
import select
import signal
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Found = TypeVar("Found")


def pids() -> Iterator[int]:
    """Yield the id of every process that can be seen."""
    return (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def working_in(folder: Path, program: str) -> list[int]:
    """Return the processes that run *program* with *folder* as their working folder."""
    wanted = folder.resolve()
    return [pid for pid in pids() if _program(pid) == program and _folder(pid) == wanted]


def mentioning(path: Path, program: str) -> list[int]:
    """Return the processes that run *program* and name *path* among their arguments."""
    wanted = os.fsencode(path)
    return [pid for pid in pids() if _program(pid) == program and wanted in _arguments(pid)]


def end(victims: Iterable[int], first: signal.Signals, *, patience_seconds: float) -> None:
    """Send *first* to each of *victims* and kill those that still live after the patience."""
    handles = [handle for pid in victims if (handle := _handle(pid)) is not None]
    try:
        _signal_all(handles, first)
        _signal_all(_alive_after(handles, patience_seconds), signal.SIGKILL)
        _alive_after(handles, patience_seconds)
    finally:
        for handle in handles:
            os.close(handle)


def _handle(pid: int) -> int | None:
    """Return a descriptor that means this very process, even if its number is used again."""
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        return None


def _signal_all(handles: list[int], number: signal.Signals) -> None:
    for handle in handles:
        try:
            signal.pidfd_send_signal(handle, number)
        except ProcessLookupError:
            continue


def _alive_after(handles: list[int], patience_seconds: float) -> list[int]:
    """Wait for all to end, each at most the patience, and return those that did not."""
    return [handle for handle in handles if not _ended(handle, patience_seconds)]


def _ended(handle: int, patience_seconds: float) -> bool:
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    return bool(poll.poll(patience_seconds * 1000))


def _program(pid: int) -> str:
    return _read(lambda: Path(f"/proc/{pid}/exe").readlink().name.removesuffix(" (deleted)"), "")


def _folder(pid: int) -> Path | None:
    return _read(Path(f"/proc/{pid}/cwd").readlink, None)


def _arguments(pid: int) -> bytes:
    return _read(Path(f"/proc/{pid}/cmdline").read_bytes, b"")


def _read(read: Callable[[], Found], otherwise: Found) -> Found:
    """Return what *read* finds, or *otherwise* for a process that is gone or not ours to see."""
    try:
        return read()
    except (FileNotFoundError, PermissionError, ProcessLookupError):
        return otherwise
