"""The pages say all there is to say: settings, errors, verbs, findings, failures, contracts."""

from __future__ import annotations

import ast
import inspect
import re
import runpy
import tomllib

import pytest

from actors.store.books import events_checks
from actors.store.books.checks import CHECKS
from serve_app.cli import (
    demo,
    load,
    load_target,
    main,
    migration,
    options,
    platform,
    scale,
    verify_events,
    verifying,
)
from serve_app.embedded import failures, ports, postgres, ray_instance
from serve_app.load import api, engine, plan, serve, town
from tests.unit.docs import pages

GENERATED = {
    name: page
    for script in ("reference.py", "events_reference.py")
    for name, page in runpy.run_path(str(pages.ROOT / "scripts" / "lib" / script))["PAGES"].items()
}
OPERATING = pages.DOCS / "operating"
SPEAKERS = (
    demo,
    migration,
    options,
    platform,
    scale,
    verify_events,
    verifying,
    failures,
    ports,
    postgres,
    ray_instance,
    load,
    load_target,
    api,
    engine,
    plan,
    serve,
    town,
)


@pytest.mark.parametrize("name", sorted(GENERATED))
def test_a_generated_page_is_current(name):
    written = (pages.DOCS / "reference" / name).read_text(encoding="utf-8")

    assert written == GENERATED[name](), "run scripts/docs"


def verbs(app, group=""):
    for command in app.registered_commands:
        yield f"{group}{command.name or command.callback.__name__}"
    for inner in app.registered_groups:
        own = f"{inner.name} " if isinstance(inner.name, str) else ""  # else its verbs join ours
        yield from verbs(inner.typer_instance, f"{group}{own}")


@pytest.mark.parametrize("verb", sorted(verbs(main.app)))
def test_every_verb_has_its_row(verb):
    rows = [row[0].strip("`") for row in pages.cells(OPERATING / "start.md")]

    assert any(row == f"gopherpay {verb}" or row.startswith(f"gopherpay {verb} ") for row in rows)


def test_every_rule_of_the_verification_has_its_row():
    checks = (*CHECKS, *events_checks.CHECKS, *events_checks.KAFKA_CHECKS)
    text = " ".join(check.statement for check in checks)
    kebab = r"'([a-z]+(?:-[a-z]+)+)'"
    named = re.findall(rf"(?:SELECT|THEN|ELSE)\s+{kebab}(?=\s+(?:AS rule|WHEN|ELSE|END))", text)
    rows = [row for row in pages.cells(OPERATING / "verify.md") if re.fullmatch(r"I\d+", row[0])]

    assert set(named) == {row[1].strip("`") for row in rows}


def test_every_contract_is_explained():
    with (pages.ROOT / "pyproject.toml").open("rb") as file:
        contracts = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    rows = {row[0] for row in pages.cells(pages.DOCS / "ARCHITECTURE.md")}

    assert {contract["name"] for contract in contracts} <= rows


def failures_named():
    modules = (vars(module).values() for module in SPEAKERS)
    kinds = {kind for kinds in modules for kind in kinds if isinstance(kind, type)}
    return {kind.__name__ for kind in kinds if issubclass(kind, failures.StartFailure)}


def sentences(module, names):
    """Yield what the failures raised in *module* say, with … for what is filled in."""
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.Call) and node.args:
            raised = getattr(node.func, "id", None) in names
            made = getattr(node.func, "attr", None) == "__init__"
            if (raised or made) and isinstance(node.args[0], ast.JoinedStr | ast.Constant):
                yield "".join(
                    part.value if isinstance(part, ast.Constant) else "…"
                    for part in getattr(node.args[0], "values", [node.args[0]])
                )


def test_every_failure_at_the_terminal_has_its_row():
    names = failures_named()
    said = [sentence for module in SPEAKERS for sentence in sentences(module, names)]
    rows = [row[0] for row in pages.cells(OPERATING / "errors.md")]
    begun = tuple(begin for row in rows for begin in re.findall("`([^`]+)`", row))

    assert len(said) > len(SPEAKERS)
    assert not [sentence for sentence in said if not sentence.startswith(begun)]


def test_every_row_of_a_failure_is_still_said():
    folders = ("cli", "embedded", "load")
    files = [file for folder in folders for file in (pages.ROOT / "serve_app" / folder).glob("*")]
    source = " ".join(file.read_text(encoding="utf-8") for file in files if file.suffix == ".py")
    table = pages.prose(OPERATING / "errors.md").partition("## Over HTTP")[0]
    begun = re.findall("`([A-Z…][^`]+ [^`]+)`", "\n".join(re.findall("(?m)^[|].*?[|] ", table)))
    parts = {part.strip() for begin in begun for part in begin.split("…") if part.strip()}

    assert parts
    assert not {part for part in parts if part not in source and part != "GOPHERPAY_"}
