"""The command measures, checks, says so, and leaves nothing behind."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[2]
SHORT = ["--plain-workers", "1", "--seconds", "0.5", "--rounds", "1", "--connections", "2"]


@pytest.fixture
def folder():
    """Yield a folder that the account Postgres runs as may pass through."""
    path = Path(tempfile.mkdtemp(prefix="gopherpay-test-"))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path)


def bench(folder, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.bench", *arguments],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_a_short_run_prints_a_believable_line_and_leaves_nothing(folder):
    done = bench(folder, "--systems", "plain", "--scenario", "hot-debit", *SHORT)

    assert done.returncode == 0, done.stderr
    assert "| hot-debit, 2 | plain" in done.stdout
    assert "the books are right" in done.stdout
    assert list(folder.iterdir()) == []
    assert not [p for p in psutil.process_iter() if str(folder) in " ".join(_arguments(p))]


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.xdist_group("ray")
@pytest.mark.timeout(400)
def test_the_platform_is_compared_by_one_command(folder):
    done = bench(folder, "--scenario", "uniform", *SHORT)

    assert done.returncode == 0, done.stderr
    assert "| uniform, 2        |" in done.stdout.split("gopherpay ÷ plain")[1]
    assert "the books are right" in done.stdout
    assert list(folder.iterdir()) == []
    assert not [p for p in psutil.process_iter() if str(folder) in " ".join(_arguments(p))]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--connections", "0"],
        ["--connections", "many"],
        ["--scenario", "warm"],
        ["--systems", "x"],
        ["--set", "x"],
        ["--variant", "shards"],
        ["--rate", "3y"],
        ["--connections", "8,many"],
    ],
)
def test_a_bad_option_is_refused_in_one_sentence(folder, arguments):
    done = bench(folder, *arguments)

    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def _arguments(process):
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []
