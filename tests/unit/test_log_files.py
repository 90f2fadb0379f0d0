"""Where the platform's own processes log."""

import json
import subprocess
import sys

SAY = """
import pathlib, sys
import structlog
from serve_app import logs
logs.configure("INFO", pathlib.Path(sys.argv[1]))
structlog.get_logger().warning("account.lost", number=1)
"""

REPLICA = """
import builtins, io, sys
import structlog
from serve_app import logs
kept, original = io.StringIO(), builtins.print
builtins.print = lambda *said, **more: original(repr(said), **more)
sys.stderr = kept
logs.configure("INFO")
try:
    int("spoiled")
except ValueError:
    structlog.get_logger().exception("account.lost")
assert kept.getvalue() == ""
"""


def say(file):
    """Return what a process that logs to *file* writes to its standard error."""
    command = [sys.executable, "-c", SAY, str(file)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return ended.stderr.splitlines()


def test_events_are_appended_to_the_file_of_the_settings(tmp_path):
    file = tmp_path / "log"
    file.write_text("before\n", encoding="utf-8")

    assert say(file) == []

    first, second = file.read_text("utf-8").splitlines()
    assert first == "before"
    assert json.loads(second)["number"] == 1


def test_a_pipe_can_be_logged_to():
    [line] = say("/proc/self/fd/2")  # as the standard error of a container is one

    assert json.loads(line)["event"] == "account.lost"


def test_a_file_that_cannot_be_written_is_named_on_the_standard_error(tmp_path):
    refused, lost = map(json.loads, say(tmp_path / "none" / "log"))

    assert (refused["event"], refused["reason"]) == (
        "logs.file_refused",
        "No such file or directory",
    )
    assert lost["event"] == "account.lost"


def test_serves_own_standard_error_and_print_do_not_come_between():
    command = [sys.executable, "-c", REPLICA]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stderr

    exception = json.loads(said)["exception"].splitlines()
    assert exception[0] == "Traceback (most recent call last):"
    assert exception[-1] == "ValueError: invalid literal for int() with base 10: 'spoiled'"
