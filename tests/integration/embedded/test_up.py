"""The whole platform as a person runs it: by the console script, killed and stopped for real."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from serve_app.embedded.ports import free_port

GOPHERPAY = Path(sys.executable).parent / "gopherpay"
STOP_SECONDS_MAX = 15

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400), pytest.mark.xdist_group("ray")]


class Started:
    """A platform that this test has started, and its output until it was ready."""

    def __init__(self, folder):
        self.folder = folder
        self.process = subprocess.Popen(
            [GOPHERPAY, "up", "--data-dir", folder, "--port", str(free_port())],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines = []
        for line in self.process.stdout:
            self.lines.append(line)
            if "Log folder" in line:
                break

    def note(self):
        return json.loads((self.folder / "run.json").read_text())

    def end(self, number):
        """Send a signal and return the exit code and how long it took."""
        began = time.monotonic()
        self.process.send_signal(number)
        self.process.stdout.read()
        return self.process.wait(), time.monotonic() - began


@contextmanager
def started(folder):
    platform = Started(folder)
    try:
        yield platform
    finally:
        if platform.process.poll() is None:
            platform.end(signal.SIGTERM)
        platform.process.stdout.close()


def verb(folder, *arguments):
    environment = os.environ | {"GOPHERPAY_DATA_DIR": str(folder)}
    return subprocess.run(
        [GOPHERPAY, *arguments], env=environment, capture_output=True, text=True, check=False
    )


def transfers(verification):
    assert verification.returncode == 0, verification.stdout + verification.stderr
    return json.loads(verification.stdout)["transfers"]


def commands():
    """Return the command line of every process that can be seen."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def mentions(*words):
    return [command for command in commands() if any(word in command for word in words)]


def test_a_killed_platform_starts_again_with_its_data_and_stops_clean(cluster_folder):
    folder = cluster_folder / "data"
    with started(folder) as first:
        assert first.process.poll() is None, "".join(first.lines)
        story = verb(folder, "demo")
        assert story.returncode == 0, story.stdout + story.stderr
        assert "insufficient-funds" in story.stdout
        assert verb(folder, "migrate").returncode == 0
        second_holder = verb(folder, "up", "--port", str(free_port()))
        assert "Another GopherPay is running" in second_holder.stderr
        first.end(signal.SIGKILL)

    with started(folder) as second:
        assert second.process.poll() is None, "".join(second.lines)
        assert second.note()["pid"] == second.process.pid
        assert transfers(verb(folder, "verify", "--json")) == 3
        code, seconds = second.end(signal.SIGINT)

    assert code == 0
    assert seconds < STOP_SECONDS_MAX
    assert not (folder / "run.json").exists()
    assert mentions(str(folder)) == []
    assert transfers(verb(folder, "verify", "--json")) == 3
