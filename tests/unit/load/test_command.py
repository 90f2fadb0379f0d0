"""What a person sees who asks for a load that cannot be."""

import pytest

from serve_app.cli.main import run


@pytest.fixture
def command(capsys, tmp_path, monkeypatch):
    """Return a function that runs ``gopherpay load``: its code, its output, its complaint."""
    monkeypatch.setenv("GOPHERPAY_DATA_DIR", str(tmp_path / "data"))

    def a_command(*arguments):
        code = run(["load", *arguments])
        said = capsys.readouterr()
        return code, said.out, " ".join(said.err.split())

    return a_command


ELSEWHERE = ("--url", "http://127.0.0.1:1")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "or name a deployment with --url"),
        (("--url", "localhost:8000"), "--url takes an address such as"),
        (("--scenario", "chaos"), "'--scenario'"),
        (("--connections", "0"), "'--connections'"),
        ((*ELSEWHERE, "--duration", "0"), "--duration takes seconds"),
        ((*ELSEWHERE, "--shards", "none"), "--shards takes numbers"),
        ((*ELSEWHERE, "--email", "a@example.com"), "--email and --password"),
        ((*ELSEWHERE, "--api-keys", "nowhere"), "cannot be read"),
        ((*ELSEWHERE, "--json", "/nowhere/x"), "The file /nowhere/x cannot be written"),
        (ELSEWHERE, "which need an operator's key"),
        ((*ELSEWHERE, "--shards", "1,2"), "name it with --serve-url"),
        ((*ELSEWHERE, "--operator-key", ""), "The key of --operator-key is empty"),
        ((*ELSEWHERE, "--operator-key", " "), "The key of --operator-key is empty"),
        ((*ELSEWHERE, "--operator-key", "k"), "http://127.0.0.1:1 does not answer"),
    ],
)
def test_what_cannot_be_is_said_in_one_sentence(command, arguments, said):
    code, _, complaint = command(*arguments)

    assert code != 0
    assert said in complaint
    assert "Traceback" not in complaint
    assert "unexpectedly" not in complaint


def test_a_dry_run_says_what_would_be_done_and_what_is_missing(command):
    code, out, _ = command(*ELSEWHERE, "--dry-run", "--scenario", "zipf", "--rate", "500")

    assert code == 0
    assert "zipf: few accounts" in out
    assert "500 requests/s whatever comes back, on 256 connections" in out
    assert "MISSING: Accounts are funded by deposits" in out


def test_an_option_can_be_a_variable(command, monkeypatch):
    for name, value in {"URL": ELSEWHERE[1], "SCENARIO": "ping-pong", "DRY_RUN": "1"}.items():
        monkeypatch.setenv(f"GOPHERPAY_LOAD_{name}", value)

    code, out, _ = command()

    assert code == 0
    assert "Scenario    ping-pong" in out
    assert "2 users, 2 accounts" in out


def test_an_empty_variable_is_no_operators_key(command, monkeypatch):
    monkeypatch.setenv("GOPHERPAY_LOAD_OPERATOR_KEY", "")

    code, _, complaint = command(*ELSEWHERE)

    assert code != 0
    assert "which need an operator's key" in complaint
