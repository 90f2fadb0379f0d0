"""One real platform as a child process, and what lives in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from actors.store.books.verification import verify
from serve_app.embedded.ports import free_port

GOPHERPAY = Path(sys.executable).with_name("gopherpay")
LEASE_SECONDS = 3
START_SECONDS_MAX = 240  # Ray alone has taken two minutes on two cores that seven shared
PATIENCE_SECONDS = 60
POLL_SECONDS = 0.1
INGRESS = "ray::ServeReplica:gopherpay:Ingress"
SHARD = "ray::ServeReplica:gopherpay:AccountShard"


class Up:
    """A platform that these tests have started, on a data folder and a port of its own."""

    def __init__(self, folder, place, **variables):
        self.folder, self.place, self.port = folder, place, free_port()
        self._variables = {
            **os.environ,
            "GOPHERPAY_DATA_DIR": str(folder),
            "GOPHERPAY_PORT": str(self.port),
            "GOPHERPAY_SHARD_PLACE": place,
            "GOPHERPAY_BCRYPT_COST": "10",  # a flood of log-ins is one, and ends
            "GOPHERPAY_SLOT_LEASE_SECONDS": str(LEASE_SECONDS),
            **variables,
        }
        self._output = folder.parent / "output"
        with self._output.open("w") as output:
            self.process = subprocess.Popen(
                [GOPHERPAY, "up"], env=self._variables, stdout=output, stderr=subprocess.STDOUT
            )

    def wait_until_ready(self):
        note = self.folder / "run.json"
        wait_for(lambda: note.exists() or self.process.poll() is not None, START_SECONDS_MAX)
        assert note.exists(), self._output.read_text()
        running = json.loads(note.read_text())
        self.url, self.owner_dsn = running["url"], running["owner_dsn"]

    def end(self):
        """Stop it as Ctrl-C does, and tell what of it is still there."""
        self.process.terminate()
        self.process.wait(timeout=PATIENCE_SECONDS)
        return [one for one in _every_process() if str(self.folder) in one.command]

    def verb(self, *arguments):
        """Return what a verb of the command line printed."""
        done = subprocess.run(
            [GOPHERPAY, *arguments],
            env=self._variables,
            capture_output=True,
            text=True,
            check=False,
            timeout=200,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def pids(self, *titles):
        """Return the living processes of this platform whose command begins with a title."""
        return {
            one.pid
            for one in _descendants(self.process.pid)
            if one.command.startswith(titles) and not one.is_dead
        }

    def pid(self, title):
        [only] = self.pids(title)
        return only

    @property
    def postmaster(self):
        """Return the process id of its Postgres, none while it is down."""
        try:
            return int((self.folder / "postgres/data/postmaster.pid").read_text().split()[0])
        except (FileNotFoundError, IndexError):
            return None

    def rows(self, statement, *values):
        """Return rows of the database as it is now, however often it was restarted."""
        with psycopg.connect(self.owner_dsn, autocommit=True, connect_timeout=10) as connection:
            return connection.execute(statement, values).fetchall()

    def backends(self):
        """Return the backends that serve the application."""
        return [
            pid
            for (pid,) in self.rows(
                "SELECT pid FROM pg_stat_activity WHERE usename = 'gopherpay_login' ORDER BY pid"
            )
        ]

    def slots(self):
        """Return how many slots each living owner holds."""
        return dict(
            self.rows(
                "SELECT s.owner, count(*) FROM slots s JOIN shard_members m USING (owner)"
                " WHERE m.lease_until > clock_timestamp() GROUP BY 1"
            )
        )

    def slot_epochs(self):
        """Return how often each slot has changed hands."""
        return dict(self.rows("SELECT slot, epoch FROM slots"))

    def findings(self):
        """Return what the verification of the books finds wrong."""
        return verify(self.owner_dsn, progress=lambda _what, _part: None).findings

    @property
    def address(self):
        where = urlsplit(self.url)
        return where.hostname, where.port


@dataclass(frozen=True)
class Process:
    pid: int
    parent: int
    state: str
    command: str

    @property
    def is_dead(self):
        return self.state in "ZX"


def wait_for(condition, seconds=PATIENCE_SECONDS):
    """Return once *condition* holds."""
    ends_at = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends_at, f"not within {seconds} s"
        time.sleep(POLL_SECONDS)


def _every_process():
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            state, parent, *_ = (entry / "stat").read_text().rpartition(")")[2].split()
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except (FileNotFoundError, ProcessLookupError):
            continue
        yield Process(int(entry.name), int(parent), state, command)


def _descendants(ancestor):
    """Return all processes below *ancestor*: the only ones that a test may hurt."""
    everyone = list(_every_process())
    found, parents = [], {ancestor}
    while parents:
        children = [one for one in everyone if one.parent in parents]
        found += children
        parents = {one.pid for one in children}
    return found
