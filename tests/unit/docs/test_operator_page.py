"""The operator's page has a row for everything that the operator can say of a resource."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gopherpay_operator.engine import failures, telling
from gopherpay_operator.observability import metrics
from gopherpay_operator.plans.actions import Reason
from gopherpay_operator.resources.catalogue import KINDS
from tests.unit.docs import pages

PAGE = pages.DOCS / "operating" / "operator.md"
PACKAGE = pages.ROOT / "operator" / "gopherpay_operator"
FIRST_CELLS = {
    word for row in pages.cells(PAGE) for word in re.findall(r"`(\w+)`", row[0]) if len(row) > 1
}
FAILURES = ("Forbidden", "Rejected", "ClusterForbidden", "DependencyMissing", "Overtaken")
INTERNAL = {"Deleted", "Retained", "Unbuilt"}
"""Reasons of resources that are gone, and of kinds that are not built: nobody ever sees them."""


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_of_a_refusal_has_its_row(reason):
    assert reason.value in FIRST_CELLS


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_every_condition_has_its_row(kind):
    assert set(kind.conditions) <= FIRST_CELLS


def test_every_failure_has_its_row():
    named = {
        *FAILURES,
        failures.BACKEND_UNAVAILABLE,
        failures.INTERNAL_ERROR,
        failures.NamespaceNotAllowed.__name__,
        telling.READY,
        telling.DRIFT_REPORTED,
        telling.MISSING,
        telling.APPLYING,
        telling.NOT_APPLIED,
    }

    assert named <= FIRST_CELLS


def test_every_reason_of_ready_that_stands_in_the_source_has_its_row():
    source = "\n".join(path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))
    named = set(re.findall(r'\breason="([A-Z]\w+)"', source)) - INTERNAL

    assert named
    assert named <= FIRST_CELLS


def test_every_reason_of_a_migration_has_its_row():
    source = Path(PACKAGE / "reconcilers" / "database_migrations.py").read_text(encoding="utf-8")
    named = set(re.findall(r'outcome\(\s*"(\w+)"', source))

    assert "MigrationFailed" in named
    assert named <= FIRST_CELLS


def test_every_figure_has_its_row():
    source = Path(metrics.__file__).read_text(encoding="utf-8")
    named = set(re.findall(r'f"\{PREFIX\}_(\w+)"|\("(\w+_\w+)", "[A-Z1]', source))
    figures = {f"{metrics.PREFIX}_{one or other}" for one, other in named}

    assert len(figures) > 5
    assert {figure for figure in figures if not {figure, f"{figure}_total"} & FIRST_CELLS} == set()
