"""Processes that belong together are found, also those that left the tree."""

import os
import signal
import subprocess
import sys

import psutil
import pytest

from tests.benchmarks import usage


@pytest.fixture
def orphan():
    """Yield the id of a marked process whose parent has ended."""
    started = subprocess.run(
        ["sh", "-c", "sleep 60 >/dev/null & echo $!"],
        env={**os.environ, usage.MARK: "orphan test"},
        stdout=subprocess.PIPE,
        check=True,
    )
    pid = int(started.stdout)
    yield pid
    os.kill(pid, signal.SIGKILL)


def test_an_orphan_is_found_by_the_mark_it_inherited(orphan):
    found = [process.pid for process in usage.marked("orphan test")]

    assert found == [orphan]


def test_a_tree_holds_children():
    with subprocess.Popen(["sleep", "60"]) as child:
        found = [process.pid for process in usage.tree(os.getpid())]
        child.kill()

    assert child.pid in found
    assert os.getpid() in found


def test_cpu_time_of_ended_children_is_not_lost():
    before = usage.cpu_seconds([psutil.Process()])
    subprocess.run([sys.executable, "-c", "sum(range(5_000_000))"], check=True)

    assert usage.cpu_seconds([psutil.Process()]) > before


def test_memory_is_summed_by_program():
    with subprocess.Popen(["sleep", "60"]) as child:
        groups = usage.memory_by_program([psutil.Process(child.pid), psutil.Process()])
        child.kill()

    assert groups["sleep"].processes == 1
    assert sum(group.processes for group in groups.values()) == 2
    assert all(group.resident_bytes >= group.proportional_bytes > 0 for group in groups.values())


def test_the_frozen_stand_still_until_they_are_thawed(orphan):
    process = psutil.Process(orphan)
    usage.signal_all([process], signal.SIGSTOP)
    frozen = process.status()
    usage.signal_all([process], signal.SIGCONT)

    assert frozen == psutil.STATUS_STOPPED
    assert process.status() != psutil.STATUS_STOPPED


def test_a_process_that_has_ended_is_passed_over():
    with subprocess.Popen(["true"]) as child:
        process = psutil.Process(child.pid)
    usage.signal_all([process], signal.SIGCONT)

    assert usage.cpu_seconds([process]) == 0
    assert usage.memory([process]).processes == 0
