"""Any other HTTP ledger as a system under test, described by a TOML file.

``docs/benchmarks.md`` lists the keys; ``tests/benchmarks/drivers`` has examples. ``${NAME}`` in a
text is the environment variable of that name, so that ports and secrets need not stand in a file.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import tomllib
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec
import psutil

from tests.benchmarks.plan import Api, Template
from tests.benchmarks.systems import BenchFailure, Target, answers, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SETUP_SECONDS_MAX = 300
VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
SHORT_WORD = re.compile(r"[a-z][a-z0-9_-]{0,30}")


class Call(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One request: its headers are added to those of the file."""

    path: str
    method: str = "POST"
    body: str = ""
    headers: dict[str, str] = {}


class Driver(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a driver file says.

    Attributes:
        setup: A shell command; each line that it prints is an account and, after a space, the
            token of its owner.
        accounts: Instead of that, a pattern with the place {n}.
        ready: A path that answers 2xx when the system can be used.
        processes: Names of processes, as `ps -e` shows them, to meter and to freeze; *pids* too.
        id_mark: What stands before the transfer's id in an answer; only {transfer} needs it.
    """

    name: str
    url: str
    transfer: Call
    headers: dict[str, str] = {}
    reads: list[Call] = []
    setup: str = ""
    accounts: str = ""
    accounts_count: int = 1_000
    ready: str = ""
    currency: str = "USD"
    amount: str = "0.01"
    done: tuple[int, ...] = (200, 201)
    unknown: tuple[int, ...] = (504,)
    id_mark: str = ""
    id_length: int = 36
    processes: list[str] = []
    pids: list[int] = []


def read(file: Path) -> Driver:
    """Return what *file* says.

    Raises:
        BenchFailure: If it cannot be used; the sentence says why.
    """
    try:
        told = tomllib.loads(file.read_text(encoding="utf-8"))
        driver = msgspec.convert(_expanded(told), Driver)
    except (OSError, UnicodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise BenchFailure(f"{file}: {error}") from error
    except KeyError as missing:
        raise BenchFailure(f"{file} needs the variable {missing.args[0]}") from missing
    if urlsplit(driver.url).scheme != "http":
        raise BenchFailure(f"{file}: url must begin with http://")
    if not SHORT_WORD.fullmatch(driver.name):
        raise BenchFailure(f"{file}: name must be a short word in lower case")
    if not (driver.setup or driver.accounts):
        raise BenchFailure(f"{file}: either setup or accounts must say which accounts there are")
    return driver


class DriverSystem:
    """A system that its user runs; only its HTTP interface is known."""

    def __init__(self, driver: Driver, *, spared: Callable[[], list[psutil.Process]]) -> None:
        self.name = driver.name
        metered = ", ".join([*driver.processes, *map(str, driver.pids)]) or "none, so CPU is 0"
        self.setup = f"at {driver.url}, by a driver file; metered processes: {metered}"
        self._driver = driver
        self._spared = spared
        parts = urlsplit(driver.url)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self._root = parts.path.rstrip("/")

    def start(self) -> None:
        """Wait until it answers: its user has started it."""
        wait_until(self.is_ready, f"{self.name} at {self._driver.url}")

    def is_ready(self) -> bool:
        """Tell whether it answers."""
        if self._driver.ready:
            return answers(f"{self._driver.url.rstrip('/')}{self._driver.ready}")
        with socket.socket() as probe:
            probe.settimeout(2)
            return probe.connect_ex((self._host, self._port)) == 0

    def prepare(self, accounts: int) -> Target:
        """Run the setup command, and return the accounts it printed or those of the pattern."""
        driver = self._driver
        lines = _lines_of(driver.setup, self.name) if driver.setup else []
        if driver.accounts:
            count = min(accounts, driver.accounts_count)
            lines = [driver.accounts.replace("{n}", str(number)) for number in range(count)]
        owned = [(account, token) for account, _, token in (line.partition(" ") for line in lines)]
        tokens = list(dict.fromkeys(token for _, token in owned))
        return Target(
            port=self._port,
            host=self._host,
            tokens=tokens,
            accounts=[account for account, _ in owned],
            owners=[tokens.index(token) for _, token in owned],
            api=self._api(),
            currency=driver.currency,
            amount=driver.amount,
        )

    def processes(self) -> list[psutil.Process]:
        """Return the processes that the file names, never those of this benchmark."""
        driver, spared = self._driver, set(self._spared())
        named = [p for p in psutil.process_iter(["name"]) if p.info["name"] in driver.processes]
        numbered = [psutil.Process(pid) for pid in driver.pids if psutil.pid_exists(pid)]
        return [each for each in dict.fromkeys([*named, *numbered]) if each not in spared]

    def committed(self, _key_prefix: str) -> None:
        """Return that its database cannot be asked."""

    def discrepancies(self) -> list[str]:
        """Return nothing, since nothing is known."""
        return []

    def stop(self) -> None:
        """Leave it as it is: its user has started it."""

    def _api(self) -> Api:
        driver = self._driver
        return Api(
            transfer=self._template(driver.transfer),
            reads=[self._template(each) for each in driver.reads],
            done=driver.done,
            unknown=driver.unknown,
            id_mark=driver.id_mark,
            id_length=driver.id_length,
        )

    def _template(self, call: Call) -> Template:
        headers = {**self._driver.headers, **call.headers}
        return Template(self._root + call.path, call.method, headers, call.body)


def _expanded(told: Any) -> Any:
    """Return *told* with the values of the variables that its texts name.

    Raises:
        KeyError: If one is not set.
    """
    if isinstance(told, dict):
        return {key: _expanded(value) for key, value in told.items()}
    if isinstance(told, list):
        return [_expanded(value) for value in told]
    if isinstance(told, str):
        return VARIABLE.sub(lambda found: os.environ[found[1]], told)
    return told


def _lines_of(command: str, name: str) -> list[str]:
    """Return the lines that *command* prints.

    Raises:
        BenchFailure: If it fails or names fewer than two accounts.
    """
    done = subprocess.run(
        ["sh", "-ec", command],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        timeout=SETUP_SECONDS_MAX,
    )
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    if done.returncode:
        raise BenchFailure(f"the setup command of {name} ended with {done.returncode}")
    return lines
