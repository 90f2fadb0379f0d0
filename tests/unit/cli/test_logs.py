"""What the console scripts log is beside their answers, and never among them."""

import json
import os
import subprocess
import sys

import pytest

PLATFORM, OPERATOR = "serve_app.cli.main", "gopherpay_operator.cli.main"
LEVELS = {PLATFORM: "GOPHERPAY_LOG_LEVEL", OPERATOR: "GOPHERPAY_OPERATOR_LOG_LEVEL"}
TALKATIVE = """
import json, sys
import structlog
from {program} import app, main

@app.command()
def talk() -> None:
    password = "hunter2"
    log = structlog.get_logger()
    log.debug("talk.prepared")
    log.info("talk.began", number=1)
    try:
        raise ValueError("spoiled")
    except ValueError:
        log.exception("talk.stumbled")
    sys.stdout.write(json.dumps({{"has_password": bool(password)}}))

main()
"""


def talk(program, **variables):
    """Return what a verb of *program* that logs says, once it has ended."""
    return subprocess.run(
        [sys.executable, "-c", TALKATIVE.format(program=program), "talk"],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )


@pytest.mark.parametrize("program", [PLATFORM, OPERATOR])
def test_a_script_reads_an_answer_that_no_log_line_is_in(program):
    said = talk(program)

    assert json.loads(said.stdout) == {"has_password": True}
    assert "talk.began" in said.stderr
    assert "number=1" in said.stderr
    assert "ValueError: spoiled" in said.stderr
    assert "talk.prepared" not in said.stderr
    assert "hunter2" not in said.stderr
    assert "\x1b" not in said.stderr
    assert "Warning:" not in said.stderr


@pytest.mark.parametrize("program", [PLATFORM, OPERATOR])
@pytest.mark.parametrize(
    ("level", "told"),
    [
        ("DEBUG", {"talk.prepared", "talk.began", "talk.stumbled"}),
        ("ERROR", {"talk.stumbled"}),
        ("loud", {"talk.began", "talk.stumbled"}),
    ],
)
def test_the_level_is_the_one_of_the_settings(program, level, told):
    said = talk(program, **{LEVELS[program]: level})

    assert {word for word in said.stderr.split() if word.startswith("talk.")} == told
