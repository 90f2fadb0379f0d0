"""The pages as tests read them: their lines, links and headings, without what is code."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])

_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`\n]+`")
_LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def prose(page: Path) -> str:
    """Return the text of *page* without its code blocks."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def links(page: Path) -> list[str]:
    """Return the targets inside this repository."""
    found = _LINK.findall(_CODE.sub("", prose(page)))
    return [link for link in found if not link.startswith(("http://", "https://"))]


def headings(page: Path) -> list[str]:
    return _HEADING.findall(prose(page))


def anchors(page: Path) -> set[str]:
    """Return the anchors of *page*, made as GitHub makes them."""
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings(page))
    return {heading.replace(" ", "-") for heading in plain}


def paths_named(page: Path) -> set[str]:
    """Return everything in code type that looks like a path in this repository."""
    quoted = (code.strip("`") for code in _CODE.findall(prose(page)))
    return {code for code in quoted if _PATH.fullmatch(code)}


_PATH = re.compile(r"(actors|serve_app|tests|scripts|docs|operator|\.ci)/[\w./-]*")


def cells(page: Path) -> list[list[str]]:
    """Return the rows of every table, cell by cell."""
    rows = [line for line in prose(page).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]
