"""Dumps of a database by the wheel's own ``pg_dump``, and back by its ``pg_restore``.

They read every older Postgres, so one image serves whatever server the platform has.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit, urlunsplit

from serve_app.embedded.failures import StartFailure
from serve_app.embedded.postgres import installed_wheel

if TYPE_CHECKING:
    from collections.abc import Sequence

SUFFIX: Final = ".dump"
UNFINISHED: Final = ".part"
TIME_FORMAT: Final = "%Y%m%dT%H%M%SZ"
CONNECT_SECONDS_MAX: Final = "10"

MARK: Final = re.compile(rb"ALTER TABLE ONLY \S+ ALTER COLUMN \S+ SET \(pg_attver='?\d+'?\);\r?\n?")
"""What some servers (Debian's 15.20) note at columns for themselves, and their own ``pg_dump``
leaves out; ours does not know it, and no other server takes it."""


class DumpFailed(StartFailure):
    """A dump could not be made, found or restored."""


def make_dump(dsn: str, folder: Path, *, name: str, now: datetime) -> Path:
    """Dump the database of *dsn* into a new file of *folder*, whole or not at all.

    Raises:
        DumpFailed: If Postgres refuses, or the folder has no room.
    """
    path = folder / f"{name}-{now.astimezone(UTC).strftime(TIME_FORMAT)}{SUFFIX}"
    unfinished = path.with_name(f"{path.name}{UNFINISHED}")
    address, password = _without_password(dsn)
    try:
        _run(
            ["pg_dump", "--format=custom", f"--file={unfinished}", f"--dbname={address}"],
            password,
            "The database was not dumped",
        )
        with unfinished.open("rb") as file:
            os.fsync(file.fileno())
        unfinished.rename(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return path


def restore_dump(path: Path, dsn: str) -> None:
    """Restore the dump at *path* into the empty database of *dsn*, in one transaction.

    Raises:
        DumpFailed: If the file is no dump, or Postgres refuses part of it.
    """
    address, password = _without_password(dsn)
    failure = f"{path.name} was not restored"
    options = ["--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1"]
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "restore.sql"
        _run(["pg_restore", f"--file={script}", str(path)], "", failure)
        comment_marks_out(script)
        _run(["psql", *options, f"--dbname={address}", f"--file={script}"], password, failure)


def comment_marks_out(script: Path) -> None:
    """Make comments of what a server of another version cannot read, where it stands."""
    position = 0
    with script.open("rb") as lines, script.open("r+b") as file:
        for line in lines:
            if MARK.fullmatch(line):
                file.seek(position)
                file.write(b"--")
            position += len(line)


def dumps_in(folder: Path, name: str) -> list[Path]:
    """Return the finished dumps of *name* in *folder*, the oldest first."""
    return sorted(folder.glob(f"{name}-*{SUFFIX}"))


def made_at(path: Path) -> datetime:
    """Return when the dump at *path* was begun, as its name says.

    Raises:
        DumpFailed: If the name is none that this module gives.
    """
    stamp = path.name.removesuffix(SUFFIX).rpartition("-")[2]
    try:
        return datetime.strptime(stamp, TIME_FORMAT).replace(tzinfo=UTC)
    except ValueError as error:
        raise DumpFailed(
            f"{path.name} does not end with its time, as in name-20300131T020000Z{SUFFIX}."
        ) from error


def _without_password(dsn: str) -> tuple[str, str]:
    """Return *dsn* without its password, which the list of processes would show, and that."""
    parts = urlsplit(dsn)
    login, _, place = parts.netloc.rpartition("@")
    name, _, password = login.partition(":")
    netloc = f"{name}@{place}" if name else place
    return urlunsplit(parts._replace(netloc=netloc)), unquote(password)


def _run(command: Sequence[str], password: str, failure: str) -> None:
    program = installed_wheel() / "pginstall" / "bin" / command[0]
    secret = {"PGPASSWORD": password} if password else {}
    ended = subprocess.run(
        [str(program), *command[1:]],
        env={"PGCONNECT_TIMEOUT": CONNECT_SECONDS_MAX, "LC_ALL": "C", **secret},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode != 0:
        lines = ended.stderr.strip().splitlines() or [f"it ended with {ended.returncode}"]
        raise DumpFailed(f"{failure}: {lines[0].rstrip('.')}.")
