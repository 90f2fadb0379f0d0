"""A driver file describes another ledger well enough to be measured, or says what is wrong."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import psycopg
import pytest
from msgspec import structs

from tests.benchmarks import driver, load
from tests.benchmarks.driver import DriverSystem
from tests.benchmarks.plain_system import PlainSystem
from tests.benchmarks.plan import Plan
from tests.benchmarks.systems import BenchFailure

ROOT = Path(__file__).parents[2]
DRIVERS = Path(__file__).parent / "drivers"
DATABASE = "driven_service"
WHOLE = """
name = "other"
url = "http://127.0.0.1:9/base/"
accounts = "account-{n}"
[transfer]
path = "/pay"
"""


@pytest.fixture
def told(tmp_path):
    def write(text):
        file = tmp_path / "driver.toml"
        file.write_text(text)
        return file

    return write


@pytest.fixture
def plain(postgres, tmp_path):
    with psycopg.connect(postgres.dsn("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {DATABASE}")
    system = PlainSystem(postgres.dsn(DATABASE), tmp_path, workers=1)
    system.make_schema()
    system.start()
    yield system
    system.stop()
    with psycopg.connect(postgres.dsn("postgres"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")


@pytest.fixture
def by_file(plain, tmp_path, monkeypatch):
    """Return the plain service as its driver file describes it."""
    target = plain.prepare(16)
    tokens = [target.tokens[owner] for owner in target.owners]
    accounts = tmp_path / "accounts.txt"
    pairs = zip(target.accounts, tokens, strict=True)
    accounts.write_text("".join(f"{account} {token}\n" for account, token in pairs))
    monkeypatch.setenv("PLAIN_PORT", str(target.port))
    monkeypatch.setenv("PLAIN_ACCOUNTS", str(accounts))
    return DriverSystem(driver.read(DRIVERS / "plain.toml"), spared=list)


def a_plan(target, scenario):
    return Plan(
        host=target.host,
        port=target.port,
        tokens=target.tokens,
        accounts=target.accounts,
        owners=target.owners,
        scenario=scenario,
        key_prefix=f"{scenario}-",
        connections=2,
        seconds=30,
        answers_max=50,
        api=target.api,
    )


async def test_the_example_file_drives_the_plain_service(plain, by_file):
    by_file.start()
    target = by_file.prepare(1_000)
    moved = await load.drive(a_plan(target, "uniform"))
    mixed = await load.drive(a_plan(target, "mixed"))

    assert moved.codes == {"201": 50}
    assert plain.committed("uniform-") == set(moved.created_ids)
    assert (mixed.codes, mixed.reads) == ({"201": 10}, 40)
    assert by_file.committed("uniform-") is None


@pytest.mark.slow
def test_the_command_measures_a_driver_and_says_that_its_books_were_not_checked(by_file):
    by_file.start()
    command = [sys.executable, "-m", "tests.benchmarks.bench", "--systems", "", "--driver"]
    command += [str(DRIVERS / "plain.toml"), "--scenario", "uniform", "--connections", "2"]
    command += ["--seconds", "0.5", "--rounds", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert "| uniform, 2 | plain-by-file |" in done.stdout
    assert "Not checked, having no database to ask: plain-by-file." in done.stdout
    assert "books are right" not in done.stdout


def test_accounts_may_follow_a_pattern(told):
    system = DriverSystem(driver.read(told(WHOLE)), spared=list)
    target = system.prepare(3)

    assert target.accounts == ["account-0", "account-1", "account-2"]
    assert target.owners == [0, 0, 0]
    assert target.api.transfer.path == "/base/pay"


def test_its_processes_are_never_those_of_the_benchmark(told):
    named = structs.replace(driver.read(told(WHOLE)), pids=[os.getpid(), os.getppid()])
    system = DriverSystem(named, spared=lambda: [psutil.Process()])

    assert [process.pid for process in system.processes()] == [os.getppid()]


def test_a_setup_command_that_fails_is_named(told):
    text = WHOLE.replace('accounts = "account-{n}"', 'setup = "exit 3"')
    system = DriverSystem(driver.read(told(text)), spared=list)

    with pytest.raises(BenchFailure, match="setup command of other ended with 3"):
        system.prepare(2)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("http:", "https:", "must begin with http://"),
        ("other", "An Other", "lower case"),
        ('accounts = "account-{n}"', "", "which accounts there are"),
        ("[transfer]", "[transfers]", "`transfers`"),
        ("/pay", "/${NOT_SET_ANYWHERE}", "needs the variable NOT_SET_ANYWHERE"),
        ("name =", "name", "driver.toml"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_in_one_sentence(told, old, new, sentence):
    with pytest.raises(BenchFailure, match=sentence):
        driver.read(told(WHOLE.replace(old, new)))


@pytest.mark.parametrize("name", ["formance", "blnk"])
def test_the_other_examples_can_be_read(name, monkeypatch):
    monkeypatch.setenv(f"{name.upper()}_URL", "http://127.0.0.1:9")

    assert driver.read(DRIVERS / f"{name}.toml").name == name
