"""The served document is true: generated requests find nothing that it does not promise."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HOOKS = "tests.acceptance.schemathesis_hooks"
OPERATORS = "^/v1/(deposits|withdrawals|admin/|accounts/.*freeze)"
SESSIONS = "^/v1/(users/me|api-keys|auth/password$|notifications/preferences$)"
STREAM = "^/v1/notifications/stream$"
"""Its answer has no end; tests of its own read it."""
SEED = os.environ.get("GOPHERPAY_FUZZ_SEED", "1")
"""The same requests each time, so that a change is judged by what it changed; others on demand."""
SCOPES = ("accounts:read", "accounts:write", "transfers:read", "transfers:write")
SCOPES += ("notifications:read", "webhooks:write")


@pytest.mark.parametrize(
    ("reach", "pattern", "bearer"),
    [
        ("--exclude-path-regex", f"{OPERATORS}|{SESSIONS}|{STREAM}", "program"),
        ("--include-path-regex", OPERATORS, "operator"),
        ("--include-path-regex", SESSIONS, "person"),
    ],
    ids=["programs", "operators", "people"],
)
def test_generated_requests_find_nothing_that_is_not_promised(
    platform, tmp_path, reach, pattern, bearer
):
    person, _ = platform.funded()
    clients = {
        "program": lambda: platform.api_key(person, *SCOPES),
        "operator": lambda: platform.treasury,
        "person": lambda: person.http,
    }

    run = _schemathesis(platform, clients[bearer](), tmp_path, (reach, pattern))

    assert run.returncode == 0, run.stdout


def test_the_documentation_page_needs_no_script_and_no_other_host(platform):
    page = platform.anonymous.get("/docs")

    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "<script" not in page.text
    assert "POST /v1/transfers" in page.text


def _schemathesis(platform, client, folder, reach):
    """Run schemathesis over the served document with every check that a contract can mean.

    Left out: ``positive_data_acceptance``, because a rule of money may refuse what fits the
    schema; the check in the hooks takes its place.
    """
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{platform.url}/openapi.json"),
        *("--header", f"Authorization: {client.headers['Authorization']}"),
        *("--phases", "examples,coverage,fuzzing", "--max-examples", "15"),
        *("--seed", SEED),
        *("--exclude-checks", "positive_data_acceptance", "--warnings", "off"),
        *("--no-color", "--continue-on-failure", *reach),
    ]
    root = Path(__file__).parents[2]
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": HOOKS, "PYTHONPATH": str(root)}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
