"""Style as a test: what a reader would otherwise have to ask for in review."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BODY_LINES_MAX = 30
SOURCE_LINES_MAX = 400
TEST_LINES_MAX = 500
BANNED_NAMES = {"utils", "util", "helpers", "helper", "common", "base", "manager", "misc", "core"}
FLOORS = {
    "pyjwt": (2, 15, 1),
    "bcrypt": (5, 0, 0),
    "cryptography": (50, 0, 0),
    "starlette": (1, 3, 1),
    "h11": (0, 16, 0),
    "ray": (2, 60, 0),
}

SOURCES = sorted(
    path
    for folder in ("actors", "serve_app", "operator", "scripts")
    for path in (ROOT / folder).rglob("*.py")
)
# A migration is a declaration, as long as the tables that it makes.
WITH_LOGIC = [path for path in SOURCES if path.parent.name != "versions"]
TESTS = sorted((ROOT / "tests").rglob("*.py"))
LOCKS = [ROOT / "requirements.lock", ROOT / "requirements-dev.lock"]


def named(path):
    return str(path.relative_to(ROOT))


def body_lines(function):
    first, last = function.body[0], function.body[-1]
    has_docstring = ast.get_docstring(function) is not None
    if has_docstring and len(function.body) == 1:
        return 0
    return last.end_lineno - (first.end_lineno if has_docstring else first.lineno - 1)


def functions(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [
        node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def entries(lock):
    """Return the lock's entries, each with its continuation lines."""
    lines = [line for line in lock.read_text().splitlines() if not line.startswith("#")]
    return re.split(r"\n(?=\S)", "\n".join(lines).strip())


def version_of(name, lock):
    [found] = [entry for entry in entries(lock) if entry.startswith(f"{name}==")]
    return tuple(int(part) for part in re.match(r"[^=]+==([\d.]+)", found)[1].split("."))


@pytest.mark.parametrize("path", WITH_LOGIC + TESTS, ids=named)
def test_a_function_fits_the_eye(path):
    long = [each.name for each in functions(path) if body_lines(each) > BODY_LINES_MAX]

    assert long == []


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_a_source_file_has_one_subject(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= SOURCE_LINES_MAX


@pytest.mark.parametrize("path", TESTS, ids=named)
def test_a_test_file_has_one_subject(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= TEST_LINES_MAX


def test_no_module_has_a_name_that_says_nothing():
    nameless = [named(p) for p in SOURCES if BANNED_NAMES & {p.stem.strip("_"), p.parent.name}]

    assert nameless == []


def test_the_operator_folder_does_not_shadow_the_standard_library():
    assert not (ROOT / "operator" / "__init__.py").exists()


@pytest.mark.parametrize("lock", LOCKS, ids=named)
def test_a_lock_names_no_address(lock):
    assert re.search(r"://|--index|--extra-index|--find-links", lock.read_text()) is None


@pytest.mark.parametrize("lock", LOCKS, ids=named)
def test_every_entry_of_a_lock_is_pinned_by_hash(lock):
    loose = [each for each in entries(lock) if "==" not in each or "--hash=sha256:" not in each]

    assert loose == []


@pytest.mark.parametrize("lock", LOCKS, ids=named)
@pytest.mark.parametrize("name", FLOORS)
def test_a_part_with_a_known_hole_is_newer_than_the_hole(lock, name):
    assert version_of(name, lock) >= FLOORS[name]


def test_every_ignored_rule_says_why():
    lines = (ROOT / "pyproject.toml").read_text(encoding="utf-8").splitlines()
    ignored = tomllib.loads("\n".join(lines))["tool"]["ruff"]["lint"]["ignore"]
    unexplained = [
        code for code in ignored if not any(f'"{code}",' in line and "# " in line for line in lines)
    ]

    assert unexplained == []
