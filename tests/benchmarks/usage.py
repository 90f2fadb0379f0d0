"""What processes use: CPU time and memory, summed over all that belong together.

A system's processes are found by a mark in their environment, which children inherit even when
they leave the process tree; a server with an environment of its own is found by its tree.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

if TYPE_CHECKING:
    import signal
    from collections.abc import Iterable

MARK = "BENCH_PART"
MIB = 1024 * 1024
GONE = (psutil.NoSuchProcess, psutil.ZombieProcess, psutil.AccessDenied)


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory of some processes; the proportional set counts shared pages once in all."""

    processes: int
    resident_bytes: int
    proportional_bytes: int


def marked(mark: str) -> list[psutil.Process]:
    """Return the living processes that inherited *mark*."""
    return [process for process in psutil.process_iter() if _mark(process) == mark]


def tree(pid: int) -> list[psutil.Process]:
    """Return a process and all of its descendants."""
    root = psutil.Process(pid)
    return [root, *root.children(recursive=True)]


def cpu_by_process(processes: Iterable[psutil.Process]) -> dict[psutil.Process, float]:
    """Return the CPU seconds that each has used itself."""
    return {process: _own_cpu_seconds(process) for process in processes}


def spent_seconds(before: dict[psutil.Process, float], after: dict[psutil.Process, float]) -> float:
    """Return the CPU time between two readings of the processes that lived at the second.

    What those used that ended in between is not known: Ray leaves its dead to nobody.
    """
    return sum(used - before.get(process, 0) for process, used in after.items())


def tree_cpu_seconds(pid: int) -> float:
    """Return the CPU time of a tree whose parents wait for their children, the ended included."""
    found = [times for process in tree(pid) if (times := _cpu_times(process)) is not None]
    return sum(t.user + t.system + t.children_user + t.children_system for t in found)


def memory(processes: Iterable[psutil.Process]) -> Memory:
    """Return the memory in use now."""
    found = [each for process in processes if (each := _memory(process)) is not None]
    return Memory(len(found), sum(each[0] for each in found), sum(each[1] for each in found))


def memory_by_program(processes: Iterable[psutil.Process]) -> dict[str, Memory]:
    """Return the memory in use by what the processes call themselves, largest first."""
    groups: dict[str, list[psutil.Process]] = defaultdict(list)
    for process in processes:
        groups[_title(process)].append(process)
    sums = {title: memory(members) for title, members in groups.items()}
    return dict(sorted(sums.items(), key=lambda each: -each[1].proportional_bytes))


def signal_all(processes: Iterable[psutil.Process], number: signal.Signals) -> None:
    """Send a signal to those that still live."""
    for process in processes:
        with suppress(*GONE):
            process.send_signal(number)


def _mark(process: psutil.Process) -> str | None:
    try:
        return process.environ().get(MARK)
    except (*GONE, OSError):
        return None


def _own_cpu_seconds(process: psutil.Process) -> float:
    times = _cpu_times(process)
    return 0.0 if times is None else times.user + times.system


def _cpu_times(process: psutil.Process) -> Any:
    try:
        return process.cpu_times()
    except GONE:
        return None


def _memory(process: psutil.Process) -> tuple[int, int] | None:
    try:
        info = process.memory_full_info()
    except GONE:
        return None
    return info.rss, info.pss


def _title(process: psutil.Process) -> str:
    """Return what the process calls itself: Ray and Postgres say what they do, Python does not."""
    try:
        words, name = " ".join(process.cmdline()).split(), process.name()
    except GONE:
        return "(ended)"
    if words and words[0].startswith(("ray::", "postgres:")):
        return words[0].removesuffix(":")
    if name.startswith("python"):
        return Path(next((word for word in words[1:] if word.endswith(".py")), name)).name
    return name
