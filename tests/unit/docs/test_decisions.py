"""The decision records: numbers, form, index."""

from __future__ import annotations

import re

import pytest

from tests.unit.docs import pages

FOLDER = pages.DOCS / "adr"
RECORDS = sorted(FOLDER.glob("[0-9]*.md"))
INDEX = FOLDER / "README.md"
LINES_MAX = 60

each_record = pytest.mark.parametrize("record", RECORDS, ids=pages.name)


def test_numbers_begin_at_one_and_have_no_gap():
    numbers = [int(record.name[:4]) for record in RECORDS]

    assert numbers == list(range(1, len(RECORDS) + 1))


@each_record
def test_a_record_has_its_three_parts(record):
    assert pages.headings(record)[1:] == ["Context", "Decision", "Consequences"]


@each_record
def test_a_record_fits_on_a_page(record):
    assert len(record.read_text(encoding="utf-8").splitlines()) <= LINES_MAX


def test_the_index_names_every_record_by_its_title():
    titles = [re.sub(r"^ADR (\d{4}): ", r"\1 ", pages.headings(record)[0]) for record in RECORDS]
    rows = [row for row in pages.cells(INDEX) if row[0].startswith("[")]

    assert [f"{number[1:5]} {title}" for number, title in rows] == titles
