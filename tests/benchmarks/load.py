"""A load generator that costs little per request, in a process of its own.

The plan arrives on stdin, the result leaves in a file, both as MessagePack:
``python -m tests.benchmarks.load FILE``.
"""

from __future__ import annotations

import asyncio
import gc
import resource
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import msgspec
import uvloop

from tests.benchmarks.closed_loop import ClosedLoop
from tests.benchmarks.open_loop import OpenLoop
from tests.benchmarks.plan import SCENARIOS, Phase, Plan, Result, Scenario
from tests.benchmarks.requests import log_ins, requests
from tests.benchmarks.tally import Tally

__all__ = ["SCENARIOS", "LoadLost", "Plan", "Result", "Scenario", "drive", "main", "run"]

DRAIN_SECONDS = 15  # more than any deadline of either system
LOG_IN_CONNECTIONS_MAX = 256


class LoadLost(RuntimeError):
    """A load ran and nobody knows what came of it."""


def run(plan: Plan) -> Result:
    """Run *plan* in a child process and return its result.

    Raises:
        subprocess.CalledProcessError: If the child fails.
        LoadLost: If it ends well and leaves no whole result.
    """
    with TemporaryDirectory(prefix="gopherpay-load-") as folder:
        written = Path(folder) / "result"
        subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.load", str(written)],
            input=msgspec.msgpack.encode(plan),
            check=True,
            start_new_session=True,  # Ctrl-C is for us; we end it
            timeout=plan.lasts_seconds + 3 * DRAIN_SECONDS,
        )
        return read_result(written)


def read_result(written: Path) -> Result:
    """Return the result in a file.

    Raises:
        LoadLost: If there is none, or a part of one.
    """
    try:
        found = written.read_bytes()
        return msgspec.msgpack.decode(found, type=Result)
    except FileNotFoundError as missing:
        raise LoadLost("the load generator left no result") from missing
    except msgspec.DecodeError as error:
        message = f"the load generator left {len(found)} bytes that are no result: {error}"
        raise LoadLost(message) from error


async def drive(plan: Plan) -> Result:
    """Run *plan* here and now."""
    tally, beside = Tally(plan.api), Tally(plan.api)
    seconds, _ = await asyncio.gather(_load(plan, tally), _log_in(plan, beside))
    return tally.result(seconds, beside.read_codes)


async def _load(plan: Plan, tally: Tally) -> float:
    """Return how long it took until the last answer, in seconds."""
    began = perf_counter()
    await _loop(plan, tally).run(DRAIN_SECONDS)
    return perf_counter() - began


def _loop(plan: Plan, tally: Tally) -> ClosedLoop | OpenLoop:
    if not plan.phases:
        return ClosedLoop(plan, tally)
    return OpenLoop(
        (plan.host, plan.port),
        requests(plan, tally.recent),
        tally,
        plan.phases,
        connections_max=plan.connections,
    )


async def _log_in(plan: Plan, tally: Tally) -> None:
    """Offer the log-ins of the plan, if it has any."""
    if plan.log_ins is None:
        return
    arriving = OpenLoop(
        (plan.host, plan.port),
        log_ins(plan, plan.log_ins),
        tally,
        [Phase(plan.log_ins.per_second, plan.lasts_seconds)],
        connections_max=LOG_IN_CONNECTIONS_MAX,
    )
    await arriving.run(DRAIN_SECONDS)


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Run the plan on stdin and leave the result in the file that is named."""
    plan = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Plan)
    gc.disable()  # a pause of ours would be counted as the server's
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    before = _cpu_seconds()
    result = uvloop.run(drive(plan))
    result = msgspec.structs.replace(result, cpu_seconds=_cpu_seconds() - before)
    Path(sys.argv[1]).write_bytes(msgspec.msgpack.encode(result))


if __name__ == "__main__":
    main()
