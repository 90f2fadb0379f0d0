"""What a test leaves open is told of at its own end or at its module's, and not later."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FORGETFUL = """
import gc, socket
import pytest

gc.disable()

class Owner:
    def __init__(self):
        self.itself, self.line = self, socket.socket()

{mark}
def test_that_forgets():
    Owner()

def test_that_is_innocent():
    pass
"""


@pytest.fixture
def run(tmp_path):
    """Return a function that runs tests with the guard, and returns what pytest says of them."""

    def run(**texts):
        for name, text in texts.items():
            (tmp_path / f"test_{name}.py").write_text(text)
        (tmp_path / "pytest.toml").write_text(
            '[pytest]\nfilterwarnings = ["error"]\nmarkers = ["slow"]\n'
        )
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "tests.fixtures.left_open", "-ra", tmp_path],
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout + done.stderr

    return run


def test_it_is_told_of_at_the_end_of_its_module(run):
    told = run(a=FORGETFUL.format(mark=""), b="def test_elsewhere(): pass")

    assert "ERROR test_a.py::test_that_is_innocent" in told
    assert "unclosed <socket.socket" in told
    assert "3 passed, 1 error" in told


def test_a_test_of_real_processes_is_told_of_it_itself(run):
    told = run(a=FORGETFUL.format(mark="@pytest.mark.slow"))

    assert "ERROR test_a.py::test_that_forgets" in told
    assert "2 passed, 1 error" in told
