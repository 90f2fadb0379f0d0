"""What the benchmark needs of a system under test, and what all of them share."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import httpx
import psycopg

from tests.benchmarks.plan import Api, Template
from tests.benchmarks.usage import MARK

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    import psutil

ACCOUNTS = 1_000
USERS = 8
OPENING_MINOR = 10**12  # more than any run can move
CURRENCY = "USD"
READS = [
    Template(path, "GET", {"Authorization": "Bearer {token}"})
    for path in (
        "/v1/accounts/{account}",
        "/v1/accounts/{account}/entries?limit=20",
        "/v1/transfers/{transfer}",
    )
]
READY_SECONDS_MAX = 120
STOP_SECONDS_MAX = 30


class BenchFailure(Exception):
    """The benchmark cannot go on; the sentence is for the reader."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where transfers go, and between which accounts.

    Attributes:
        owners: Places in *tokens*, one of each account.
        log_in_bodies: What signs each user in; none where nobody can.
    """

    port: int
    tokens: list[str]
    accounts: list[str]
    owners: list[int]
    host: str = "127.0.0.1"
    path: str = "/v1/transfers"
    api: Api = field(default_factory=Api)
    currency: str = CURRENCY
    amount: str = "0.01"
    log_in_bodies: list[str] = field(default_factory=list)


class System(Protocol):
    """A system under test; *setup* is how it runs, in a few words."""

    name: str
    setup: str

    def start(self) -> None:
        """Start it and wait until it is ready."""
        ...

    def is_ready(self) -> bool:
        """Tell whether it can be used."""
        ...

    def prepare(self, accounts: int) -> Target:
        """Make users and accounts that hold money, and return where to send transfers."""
        ...

    def processes(self) -> list[psutil.Process]:
        """Return its processes, without Postgres."""
        ...

    def committed(self, key_prefix: str) -> set[str] | None:
        """Return the ids of the transfers whose keys begin so; None if it cannot be asked."""
        ...

    def discrepancies(self) -> list[str]:
        """Return what is wrong with its books."""
        ...

    def stop(self) -> None:
        """Stop it; harmless when it does not run."""
        ...


@dataclass(slots=True)
class Child:
    """A program that we started, with a mark that its descendants inherit."""

    command: Sequence[str]
    mark: str
    log_file: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    stop_signal: signal.Signals = signal.SIGTERM
    process: subprocess.Popen[bytes] | None = None

    def start(self, is_ready: Callable[[], bool]) -> None:
        """Start the program and wait until it is ready.

        Raises:
            BenchFailure: If it ends or is not ready in time.
        """
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                env={**os.environ, **self.variables, MARK: self.mark},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for us; we end it in order
            )
        deadline = time.monotonic() + READY_SECONDS_MAX
        while not is_ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise BenchFailure(f"{self.mark} did not start; its log is {self.log_file}")
            time.sleep(0.1)

    def stop(self) -> None:
        """Ask the program to end, and make it if it does not."""
        process, self.process = self.process, None
        if process is None:
            return
        process.send_signal(self.stop_signal)
        try:
            process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_until(is_ready: Callable[[], bool], name: str) -> None:
    """Wait until a system that is running can be used.

    Raises:
        BenchFailure: If it cannot in time.
    """
    deadline = time.monotonic() + READY_SECONDS_MAX
    while not is_ready():
        if time.monotonic() > deadline:
            raise BenchFailure(f"{name} is not ready any more")
        time.sleep(0.1)


def answers(url: str) -> bool:
    """Tell whether *url* answers 200."""
    try:
        return httpx.get(url, timeout=2).is_success
    except httpx.HTTPError:
        return False


def committed(dsn: str, owner_column: str, owners: Sequence[UUID], key_prefix: str) -> set[str]:
    """Return the ids of the transfers that keys beginning with *key_prefix* stand for.

    Both systems keep keys in a table whose primary key is the owner and the key.
    """
    statement = f"""
        SELECT t.id::text FROM idempotency_keys k JOIN transfers t ON t.id = k.object_id
        WHERE k.{owner_column} = ANY(%s) AND k.idempotency_key >= %s AND k.idempotency_key < %s
    """  # noqa: S608  the column's name is ours
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(statement, (list(owners), key_prefix, f"{key_prefix}~"))
        return {row[0] for row in rows}
