"""``gopherpay load`` against a running platform, with the real engine."""

from __future__ import annotations

import json

import psycopg
import pytest

from serve_app.cli.main import run
from serve_app.load.api import Api, client
from serve_app.load.engine import find_engine
from serve_app.load.plan import Plan, Scenario
from serve_app.load.steps import Course
from serve_app.load.town import settle, sign_up
from tests.fixtures.platform import PASSWORD

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("ray"), pytest.mark.timeout(200)]

SHORT = (
    "--duration",
    "2s",
    "--ramp",
    "1s",
    "--connections",
    "4",
    "--accounts",
    "6",
    "--users",
    "2",
)


@pytest.fixture
def load(platform, tmp_path, capsys, monkeypatch):
    """Return a function that loads the platform: exit code, facts, and what was said."""
    monkeypatch.setenv("GOPHERPAY_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("GOPHERPAY_LOAD_URL", platform.url)
    monkeypatch.setenv("GOPHERPAY_LOAD_OPERATOR_KEY", bearer(platform.treasury))
    file = tmp_path / "facts.json"

    def a_load(*arguments, books=True):
        dsn = ("--postgres-url", platform.owner_dsn) if books else ()
        code = run(["load", *SHORT, *dsn, "--json", str(file), *arguments])
        said = capsys.readouterr()
        text = file.read_text() if file.exists() else ""
        return code, json.loads(text or "null"), said.out + said.err

    return a_load


def bearer(http):
    return http.headers["Authorization"].removeprefix("Bearer ")


def transfers(platform):
    """Return how many transfers the database holds."""
    with psycopg.connect(platform.owner_dsn) as connection:
        return connection.execute(
            "SELECT count(*) FROM transfers WHERE kind = 'transfer'"
        ).fetchone()[0]


def test_what_was_acknowledged_is_what_the_database_holds(platform, load, tmp_path):
    before = transfers(platform)
    report = tmp_path / "report.html"

    code, facts, said = load("--html", str(report))

    [step] = facts["steps"]
    assert code == 0, said
    assert step["errors"] == {}
    assert step["acknowledged"] == transfers(platform) - before > 0
    assert step["checked"] == min(200, step["acknowledged"])
    assert step["missing"] == []
    assert facts["books"]["verdict"] == "right"
    assert "second 2 of 3 · " in said
    assert report.read_text().count("<svg") == 2


@pytest.mark.parametrize("scenario", [each for each in Scenario if each != Scenario.UNIFORM])
def test_every_scenario_is_free_of_errors(load, scenario):
    code, facts, said = load("--scenario", scenario, books=False)

    [step] = facts["steps"]
    assert code == 0, said
    assert step["errors"] == {}
    assert step["acknowledged"] > 0


def test_a_rate_is_kept_and_nothing_is_left_unsent(load):
    _, facts, _ = load("--rate", "20", books=False)

    [step] = facts["steps"]
    # Ten in a second of ramp, then twenty in each of two.
    assert step["acknowledged"] == 50
    assert step["unsent"] == 0


def test_books_that_are_wrong_end_with_one(platform, load):
    _, account = platform.funded()
    change = "UPDATE accounts SET balance_minor = balance_minor + %s WHERE id = %s"

    with psycopg.connect(platform.owner_dsn, autocommit=True) as owner:
        owner.execute(change, (1, account))
        try:
            code, facts, said = load()
        finally:
            owner.execute(change, (-1, account))

    assert code == 1
    assert facts["books"]["verdict"] == "wrong"
    assert "The books are wrong." in said


def test_without_the_database_the_books_are_the_deployments_own_word(load):
    code, facts, said = load(books=False)

    assert code == 0, said
    assert facts["books"]["verdict"] == "not verified"


def test_keys_of_a_file_and_a_user_that_exists_can_pay(platform, load, tmp_path):
    person = platform.person()
    scopes = ("accounts:read", "accounts:write", "transfers:read", "transfers:write")
    keys = tmp_path / "keys"
    keys.write_text(bearer(platform.api_key(person, *scopes)) + "\n")

    by_key, by_key_facts, said = load("--api-keys", str(keys), books=False)
    by_password, facts, _ = load("--email", person.email, "--password", PASSWORD, books=False)

    assert (by_key, by_password) == (0, 0), said
    assert by_key_facts["plan"]["users"] == facts["plan"]["users"] == 1


async def test_each_step_is_scaled_to_and_the_number_from_before_comes_back(platform):
    shards = Scaled(now=3)
    plan = Plan(
        Scenario.UNIFORM, 2, None, seconds=1, ramp_seconds=0, accounts=2, users=1, shards=(1, 2)
    )
    async with client(platform.url) as http:
        api = Api(http)
        users = await sign_up(api, 1, print)
        town = await settle(api, users, 2, bearer(platform.treasury), print)

        steps = await Course(find_engine(), api, platform.url, plan, town, shards, print).run()

    assert shards.asked == [1, 2, 3]
    assert [step.name for step in steps] == ["1 process", "2 processes"]
    assert all(step.acknowledged > 0 and step.missing == [] for step in steps)


class Scaled:
    """Processes that are there as soon as they are asked for."""

    def __init__(self, now):
        self.now, self.asked = now, []

    async def wanted(self):
        return self.now

    async def scale(self, count, _say):
        self.asked.append(count)
