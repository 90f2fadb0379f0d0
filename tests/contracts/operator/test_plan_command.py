"""``gopherpay-operator plan`` against live servers: it tells, and changes nothing."""

import pytest

from gopherpay_operator.backends.postgres_databases import PostgresDatabases
from gopherpay_operator.backends.postgres_roles import PostgresRoles
from gopherpay_operator.cli.main import run
from gopherpay_operator.plans.desired import PostgresDatabase, PostgresRole
from tests.contracts.operator.conftest import Operator

RESOURCES = """
apiVersion: gopherpay.dev/v1alpha1
kind: PostgresRole
metadata: {{name: {role}, namespace: pay}}
spec:
  connectionRef: {{name: main}}
---
apiVersion: gopherpay.dev/v1alpha1
kind: PostgresDatabase
metadata: {{name: {database}, namespace: pay}}
spec:
  connectionRef: {{name: main}}
  owner: {role}
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: not-ours}}
"""


@pytest.fixture
def file(tmp_path, free_name):
    written = tmp_path / "resources.yaml"
    names = {"role": f"{free_name}_app", "database": f"{free_name}_db"}
    written.write_text(RESOURCES.format(**names))
    return written


def plan(file, *options):
    return run(["plan", "-f", str(file), "--cluster", "one", *options])


def test_a_plan_tells_what_would_be_done_and_does_nothing(
    file, free_name, postgres, server, capfd, monkeypatch
):
    monkeypatch.setenv("COLUMNS", "400")

    code = plan(file, "--postgres", postgres.dsn("postgres"))

    told = capfd.readouterr().out
    assert code == 2
    assert f"Create database '{free_name}_db' for '{free_name}_app'" in told
    assert "2 of 2 resources differ." in told
    wanted = PostgresDatabase(f"{free_name}_db", "x")
    assert Operator(PostgresDatabases(server)).state(wanted) is None


def test_nothing_to_do_is_success(file, free_name, postgres, server, capfd):
    role = PostgresRole(f"{free_name}_app")
    Operator(PostgresRoles(server), f"one/pay/{role.name}").reconcile(role)
    database = PostgresDatabase(f"{free_name}_db", role.name)
    Operator(PostgresDatabases(server), f"one/pay/{database.name}").reconcile(database)

    code = plan(file, "--postgres", postgres.dsn("postgres"))

    assert code == 0
    assert capfd.readouterr().out == "0 of 2 resources differ.\n"


@pytest.mark.parametrize(
    ("text", "options", "complaint"),
    [
        ("a: [", [], "is no YAML"),
        (RESOURCES.format(role="app", database="ledger"), [], "give --postgres"),
        (RESOURCES.format(role="app", database="ledger"), ["--nonsense"], "--nonsense"),
        (RESOURCES.replace("owner", "owned").format(role="a", database="b"), [], "spec.owned"),
        (
            RESOURCES.format(role="app", database="ledger"),
            ["--postgres", "postgresql://ann:tell-nobody@127.0.0.1:1/x"],
            "does not answer",
        ),
    ],
)
def test_what_cannot_be_planned_is_a_failure_in_a_sentence(
    tmp_path, text, options, complaint, capfd
):
    file = tmp_path / "resources.yaml"
    file.write_text(text)

    code = plan(file, *options)

    told = capfd.readouterr().err
    assert code == 1
    assert complaint in told
    assert "Traceback" not in told
    assert "tell-nobody" not in told


def test_a_file_that_is_not_there_is_a_failure_in_a_sentence(tmp_path, capfd):
    assert plan(tmp_path / "none.yaml") == 1
    assert "cannot be read" in capfd.readouterr().err
