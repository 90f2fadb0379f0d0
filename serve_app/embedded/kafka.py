"""A real Apache Kafka from its Java programs: one node, on loopback, in a data folder of its own.

Everything here is repeatable after a ``kill -9`` at any moment; the caller holds the folder's lock.
"""

from __future__ import annotations

import base64
import os
import secrets
import shutil
import signal
import subprocess
import time
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Final

from serve_app.embedded import processes
from serve_app.embedded.failures import FolderUnusable, KafkaFailed
from serve_app.embedded.kafka_jars import HERE, find_java, kafka_jars
from serve_app.embedded.kafka_properties import JVM_OPTIONS, as_text, server_properties
from serve_app.embedded.ports import LOOPBACK, check_free, free_port, free_ports

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from serve_app.embedded.kafka_properties import Secured

START_SECONDS_MAX: Final = 120  # after a kill it reads its segments again
STOP_SECONDS_MAX: Final = 4  # the whole platform has 15 s to end
READY_POLL_SECONDS: Final = 0.05
BIND_TRIES: Final = 5
STARTED: Final = "Kafka Server started"
PORT_TAKEN: Final = "Address already in use"


class EmbeddedKafka:
    """One broker on *data_dir*, which it makes on the first start."""

    def __init__(
        self,
        data_dir: Path,
        *,
        log_file: Path,
        port: int | None = None,
        secured: Secured | None = None,
        report: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._folder = data_dir.absolute()
        self._data = self._folder / "data"
        self._settings_file = self._folder / "server.properties"
        self._log_file = log_file.absolute()
        self._port_is_given = port is not None
        self._port = port or free_port()
        self._secured = secured
        self._report = report
        self._server: Popen | None = None
        self._log_begin = 0

    @property
    def is_running(self) -> bool:
        """Tell whether the broker that this object started is alive."""
        return self._server is not None and self._server.poll() is None

    @property
    def pid(self) -> int | None:
        """Return the process id of the broker, if it was started."""
        return None if self._server is None else self._server.pid

    @property
    def bootstrap_servers(self) -> str:
        """Return where clients begin; the same for the life of this object once it has started."""
        return f"{LOOPBACK}:{self._port}"

    def start(self) -> None:
        """Start the broker and wait until it serves; the jars are fetched if they never were.

        Raises:
            ProgramMissing: If Java, or Maven on the very first start, is not installed.
            JarsMissing: If the jars cannot be fetched.
            FolderUnusable: If the data folder cannot be made.
            PortBusy: If another program has the port that was asked for.
            KafkaFailed: If the broker ends or does not serve in time.
        """
        for attempt in range(1, BIND_TRIES + 1):
            self.launch()
            if self._is_ready_in_time():
                self._port_is_given = True  # from now on clients may know it
                return
            if attempt == BIND_TRIES or not self._told(PORT_TAKEN):
                break
            if not self._port_is_given:
                self._port = free_port()
        raise self._failure("the broker ended")

    def launch(self) -> None:
        """Start the broker without waiting for it, after clearing what a killed run left.

        Raises:
            StartFailure: As for `start`, but for a broker that ends.
        """
        java, jars = find_java(), kafka_jars(self._report)
        self._make_folders()
        self._clear_leftovers()
        if self._port_is_given:
            check_free(LOOPBACK, self._port)
        if not self._data.exists():
            self._format(java, jars)
        self._write_settings(self._settings_file, self._data)
        self._log_begin = self._log_bytes()
        command = _java(java, jars, "kafka.Kafka", str(self._settings_file))
        self._server = self._spawn(command)

    def stop(self) -> None:
        """Stop the broker in order; one that does not end in time is killed."""
        server, self._server = self._server, None
        if server is None:
            return
        processes.end([server.pid], signal.SIGTERM, patience_seconds=STOP_SECONDS_MAX)
        server.wait()

    def _make_folders(self) -> None:
        try:
            self._log_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise FolderUnusable(self._folder, error.strerror or str(error)) from error

    def _clear_leftovers(self) -> None:
        """End a broker that a killed run left on this folder; it is ours, as the folder is."""
        orphans = processes.working_in(self._folder, "java")
        processes.end(orphans, signal.SIGTERM, patience_seconds=STOP_SECONDS_MAX)
        if self._server is not None:
            self._server.wait()
        for half_made in self._folder.glob("making-*"):
            shutil.rmtree(half_made)

    def _format(self, java: str, jars: Path) -> None:
        """Make the data folder aside and rename it, so that a half-made one is never started."""
        making = Path(mkdtemp(prefix="making-", dir=self._folder))
        settings, arguments = making / "server.properties", making / "arguments"
        self._write_settings(settings, making / "data")
        words = ["format", "--cluster-id", _cluster_id(), "--config", str(settings)]
        for user, password in ({} if self._secured is None else self._secured.users).items():
            words += ["--add-scram", f"SCRAM-SHA-512=[name={user},password={password}]"]
        _write_private(arguments, "\n".join(words))  # a command line can be seen by everybody
        self._log_begin = self._log_bytes()
        tool = self._spawn(_java(java, jars, "kafka.tools.StorageTool", f"@{arguments}"))
        if tool.wait() != 0:
            raise self._failure("the data folder could not be made")
        (making / "data").rename(self._data)
        shutil.rmtree(making)

    def _write_settings(self, file: Path, log_dir: Path) -> None:
        [controller_port] = [each for each in free_ports(2) if each != self._port][:1]
        properties = server_properties(
            log_dir, port=self._port, controller_port=controller_port, secured=self._secured
        )
        file.unlink(missing_ok=True)
        _write_private(file, as_text(properties))

    def _spawn(self, command: Sequence[str]) -> Popen:
        with self._log_file.open("ab") as log:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._folder,  # by which a later run knows that it is ours
                env={"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC"},
                start_new_session=True,  # Ctrl-C at the terminal is for us; we stop it in order
            )

    def _is_ready_in_time(self) -> bool:
        """Tell whether it serves; not, when it has ended.

        Raises:
            KafkaFailed: If it does neither in time.
        """
        deadline = time.monotonic() + START_SECONDS_MAX
        while not self._told(STARTED):
            if not self.is_running:
                return False
            if time.monotonic() > deadline:
                self.stop()
                raise self._failure(f"it did not serve within {START_SECONDS_MAX} s")
            time.sleep(READY_POLL_SECONDS)
        return True

    def _told(self, words: str) -> bool:
        return words in self._log_since_begin()

    def _log_since_begin(self) -> str:
        with self._log_file.open("rb") as log:
            log.seek(self._log_begin)
            return log.read().decode("utf-8", "replace")

    def _log_bytes(self) -> int:
        return self._log_file.stat().st_size if self._log_file.exists() else 0

    def _failure(self, otherwise: str) -> KafkaFailed:
        """Name the last complaint of the log, since that is the reason."""
        signs = (" FATAL ", " ERROR ", "Exception:", "error:")
        lines = self._log_since_begin().splitlines()
        complaints = [line for line in lines if any(sign in line for sign in signs)]
        reason = complaints[-1].split(": ", 1)[-1].strip() if complaints else otherwise
        return KafkaFailed(reason.rstrip("."), self._log_file)


Popen = subprocess.Popen[bytes]


def _java(java: str, jars: Path, program: str, *arguments: str) -> list[str]:
    log_settings = f"-Dlog4j2.configurationFile={HERE / 'kafka_log4j2.properties'}"
    return [java, *JVM_OPTIONS, log_settings, "-cp", f"{jars}/*", program, *arguments]


def _cluster_id() -> str:
    """Return 16 random bytes in base64url; a dash in front would be taken for an option."""
    while (made := base64.urlsafe_b64encode(secrets.token_bytes(16)).decode()).startswith("-"):
        continue
    return made.rstrip("=")


def _write_private(path: Path, text: str) -> None:
    """Write *text* to a new file that only we may read."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:  # noqa: PTH123 - the mode at birth
        file.write(text)
