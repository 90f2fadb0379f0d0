"""What holds for every page."""

from __future__ import annotations

import re

import pytest

from tests.unit.docs import pages

SENTENCE_END = re.compile(r"[a-z)`\]][.!?] [A-Z`\[]")

each_page = pytest.mark.parametrize("page", pages.PAGES, ids=pages.name)


@each_page
def test_every_link_leads_somewhere(page):
    for link in pages.links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page

        assert target.exists(), link
        assert not anchor or anchor in pages.anchors(target), link


@each_page
def test_every_path_named_in_the_text_is_there(page):
    missing = {path for path in pages.paths_named(page) if not (pages.ROOT / path).exists()}

    assert not missing


@each_page
def test_a_line_holds_one_sentence(page):
    lines = [line for line in pages.prose(page).splitlines() if not line.startswith("|")]

    assert not [line for line in lines if SENTENCE_END.search(line)]


@each_page
def test_a_page_has_one_title_and_it_comes_first(page):
    lines = [line for line in pages.prose(page).splitlines() if re.match("# ", line)]

    assert lines == [page.read_text(encoding="utf-8").splitlines()[0]]


def test_every_page_is_linked_from_another():
    linked = {
        (page.parent / link.partition("#")[0]).resolve()
        for page in pages.PAGES
        for link in pages.links(page)
    }

    assert set(pages.PAGES) - linked == {pages.ROOT / "README.md"}
