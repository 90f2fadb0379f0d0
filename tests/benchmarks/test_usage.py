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


def test_cpu_time_of_ended_children_stays_in_their_tree():
    before = usage.tree_cpu_seconds(os.getpid())
    subprocess.run([sys.executable, "-c", "sum(range(5_000_000))"], check=True)

    assert usage.tree_cpu_seconds(os.getpid()) > before


def test_what_a_process_used_before_does_not_count_as_spent():
    living, ended, new = psutil.Process(1), psutil.Process(), psutil.Process(os.getppid())

    assert usage.spent_seconds({living: 5.0, ended: 7.0}, {living: 6.5, new: 0.5}) == 2.0


def test_memory_is_summed_by_program():
    with subprocess.Popen(["sleep", "60"]) as child:
        groups = usage.memory_by_program([psutil.Process(child.pid), psutil.Process()])
        child.kill()

    assert groups["sleep"].processes == 1
    assert sum(group.processes for group in groups.values()) == 2
    assert all(group.resident_bytes >= group.proportional_bytes > 0 for group in groups.values())


def test_the_frozen_stand_still_until_they_are_thawed():
    with subprocess.Popen(["sleep", "60"]) as child:
        process = psutil.Process(child.pid)
        usage.signal_all([process], signal.SIGSTOP)
        frozen = os.waitid(os.P_PID, child.pid, os.WSTOPPED)
        usage.signal_all([process], signal.SIGCONT)
        thawed = os.waitid(os.P_PID, child.pid, os.WCONTINUED)
        child.kill()

    assert frozen.si_code == os.CLD_STOPPED
    assert thawed.si_code == os.CLD_CONTINUED


def test_a_process_that_has_ended_is_passed_over():
    with subprocess.Popen(["true"]) as child:
        process = psutil.Process(child.pid)
    usage.signal_all([process], signal.SIGCONT)

    assert usage.cpu_by_process([process]) == {process: 0}
    assert usage.memory([process]).processes == 0
