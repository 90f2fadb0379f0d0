"""An upgrade from each released package to the charts of the checkout, seen without a cluster."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
from functools import cache

import pytest
import yaml

from tests.unit.helm import narrowing, transitions, upgrading
from tests.unit.helm.releases import LEAST, merged
from tests.unit.helm.rendering import ROOT, documents, helm

RELEASES = ROOT / "helm" / "releases"
DEFINITIONS = "gopherpay-crds"
LEASTS = {  # without these a chart refuses to be rendered
    "gopherpay": LEAST,
    "gopherpay-crds": {},
    "gopherpay-operator": {"clusterName": "production"},
}
CHARTS = {path.stem: path.stem.rpartition("-")[0] for path in sorted(RELEASES.glob("*.tgz"))}
"""The chart of each package."""

DEFINITION_PACKAGES = [package for package, chart in CHARTS.items() if chart == DEFINITIONS]


@cache
def values_of(package):
    """Return the values with which *package* may have been installed, by where they are from."""
    least = LEASTS[CHARTS[package]]
    found = {"nothing else": least}
    with tarfile.open(RELEASES / f"{package}.tgz") as archive:
        for name in archive.getnames():
            if re.fullmatch(r"[^/]+/(values(-\w+)?|ci/[\w-]+-values)\.yaml", name):
                found[name] = yaml.safe_load(archive.extractfile(name))
    for path in sorted((RELEASES / package).glob("*-values.yaml")):
        found[path.name] = yaml.safe_load(path.read_text("utf-8"))
    # The chart's own defaults are no whole answer: somebody has copied them and filled them in.
    copied = f"{CHARTS[package]}/values.yaml"
    return {**found, copied: merged(found[copied], least)}


@cache
def answers(package):
    """Return what Helm says of *package*, and of an upgrade of it, with each of its values."""
    name, many = CHARTS[package], values_of(package)
    told = helm(
        *[
            ["rendered", f"releases/{package}.tgz", values, name, "prod"]
            for values in many.values()
        ],
        *[["rendered", name, values, name, "prod", 2] for values in many.values()],
    )
    half = len(many)
    return dict(zip(many, zip(told[:half], told[half:], strict=True), strict=True))


@cache
def upgrades(package):
    """Return the objects before and after an upgrade of *package*, with each of its values."""
    told = answers(package)
    assert all(isinstance(text, str) for pair in told.values() for text in pair), told
    pairs = {name: [documents(text) for text in pair] for name, pair in told.items()}
    assert all(old and new for old, new in pairs.values())
    return pairs


@cache
def definitions():
    """Return the definitions of the checkout."""
    [text] = helm(["rendered", DEFINITIONS, {}])
    return documents(text)


def test_a_chart_that_differs_from_its_newest_package_has_a_higher_version():
    program = subprocess.run(
        [sys.executable, ROOT / "scripts" / "lib" / "release_charts.py", "--dry-run"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert program.returncode == 0, program.stderr


def test_every_chart_has_been_released():
    assert set(CHARTS.values()) == {path.parent.name for path in ROOT.glob("helm/*/Chart.yaml")}


@pytest.mark.parametrize("package", CHARTS)
def test_values_that_a_release_took_are_taken(package):
    refused = {
        name: each
        for name, pair in answers(package).items()
        for each in pair
        if not isinstance(each, str)
    }

    assert refused == {}


@pytest.mark.parametrize("rule", upgrading.RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("package", CHARTS)
def test_an_upgrade_keeps_what_cannot_change_and_what_must_not_go(package, rule):
    assert {
        name: wrong for name, (old, new) in upgrades(package).items() if (wrong := rule(old, new))
    } == {}


def test_the_values_make_all_that_must_not_go():
    held = {
        place.split("/")[-2]
        for old, _ in upgrades("gopherpay-0.1.0").values()
        for place in upgrading.gone(old, [])
    }

    assert held == {
        "DatabaseMigration",
        "EventTopic",
        "NovuWorkflow",
        "PersistentVolumeClaim",
        "PostgresDatabase",
        "PostgresRole",
        "Secret",
    }


@pytest.mark.parametrize("package", CHARTS)
def test_an_upgrade_changes_nothing_that_our_definitions_forbid(package):
    rules = definitions()

    assert {
        name: wrong
        for name, (old, new) in upgrades(package).items()
        if (wrong := transitions.forbidden(old, new, rules))
    } == {}


def test_every_rule_about_changes_in_our_definitions_is_understood():
    rules = transitions.rules_of(definitions())

    assert rules
    assert transitions.unread(rules) == []


@pytest.mark.parametrize("rule", narrowing.RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("package", DEFINITION_PACKAGES)
def test_a_resource_that_a_release_took_is_taken(package, rule):
    old, new = upgrades(package)["nothing else"]

    assert rule(old, new) == []
