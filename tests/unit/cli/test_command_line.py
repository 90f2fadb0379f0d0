"""What a person at the terminal sees when something is wrong: one sentence, never a traceback."""

import socket

import pytest

from serve_app.cli.main import run


@pytest.fixture
def command(capsys, tmp_path, monkeypatch):
    """Return a function that runs one command line: its code, its output, its complaint."""
    monkeypatch.setenv("GOPHERPAY_DATA_DIR", str(tmp_path / "data"))

    def a_command(*arguments):
        code = run(list(arguments))
        said = capsys.readouterr()
        return code, said.out, said.err

    return a_command


def test_the_version_names_the_parts(command):
    code, out, _ = command("version")

    assert code == 0
    assert "gopherpay 0." in out
    assert "ray 2.60.0" in out


def test_the_settings_are_shown_without_secrets_and_with_their_source(command, monkeypatch):
    monkeypatch.setenv("GOPHERPAY_PORT", "9004")
    code, out, _ = command("config", "--postgres-url", "postgresql://u:hunter2@h/d")
    lines = {line.split()[1]: line for line in out.splitlines() if "GOPHERPAY_" in line}

    assert code == 0
    assert "hunter2" not in out
    assert "option" in lines["GOPHERPAY_POSTGRES_URL"]
    assert "environment" in lines["GOPHERPAY_PORT"]
    assert "default" in lines["GOPHERPAY_HOST"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["up", "--port", "abc"], "'--port'"),
        (["up", "--port", "99999"], "GOPHERPAY_PORT (--port) has a bad value"),
        (["up", "--profile", "production"], "The production profile refuses"),
        (["up", "--profile", "sloppy"], "'--profile'"),
        (["frobnicate"], "No such command 'frobnicate'"),
        (["demo"], "No platform runs on the data folder"),
        (["scale", "shards", "2"], "No platform runs on the data folder"),
        (["scale", "shards", "0"], "'processes'"),
        (["keys", "create", "--name", "x"], "'--scopes'"),
        (["migrate", "--postgres-url", "postgresql://127.0.0.1:1/x"], "cannot be reached"),
        (["verify", "--postgres-url", "postgresql://127.0.0.1:1/x"], "does not answer"),
        (["operators", "grant", "a@b.example", "--postgres-url", "postgresql://h/d"], "keys"),
    ],
)
def test_what_cannot_be_is_said_in_one_sentence(command, arguments, said):
    code, out, complaint = command(*arguments)

    assert code != 0
    assert said in complaint
    assert len(complaint.splitlines()) == 1
    assert "Traceback" not in out + complaint


def test_a_bad_value_is_not_repeated(command):
    _, _, complaint = command("config", "--port", "77777")

    assert "77777" not in complaint


def test_a_busy_port_is_said_before_anything_starts(command, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        code, _, complaint = command("up", "--port", str(listener.getsockname()[1]))

    assert code == 1
    assert "is taken by another program" in complaint
    assert not (tmp_path / "data" / "postgres").exists()


def test_a_data_folder_that_cannot_be_made_is_said_in_one_sentence(command, tmp_path):
    (tmp_path / "file").touch()
    code, _, complaint = command("migrate", "--data-dir", str(tmp_path / "file" / "data"))

    assert code == 1
    assert "cannot be used: Not a directory" in complaint


def test_help_is_no_failure(command):
    code, out, _ = command("--help")

    assert code == 0
    assert "migrate" in out
