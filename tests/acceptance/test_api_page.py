"""docs/reference/api.md against the served document: every call is there, every answer fits."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "api.md"
SECTION = re.compile(r"^### (\S+ \S+)$(.*?)(?=^##|\Z)", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```http\n(.*?)\n```$", re.MULTILINE | re.DOTALL)
SECTIONS = dict(SECTION.findall(PAGE.read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def document(platform):
    return platform.anonymous.get("/openapi.json").json()


def operations(document):
    return {
        f"{method.upper()} {path}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def fits(text, schema, document):
    """Validate a JSON *text* of the page, whose secrets are cut short."""
    jsonschema.validate(json.loads(text), {**schema, "components": document["components"]})


def test_the_page_has_every_call_and_no_other(document):
    assert set(SECTIONS) == set(operations(document))


@pytest.mark.parametrize("call", SECTIONS)
def test_the_request_shown_is_one_that_the_call_takes(document, call):
    head, _, body = BLOCK.findall(SECTIONS[call])[0].partition("\n\n")
    pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(call))
    content = operations(document)[call].get("requestBody", {}).get("content", {})

    assert re.fullmatch(rf"{pattern}(\?\S+)?", head.splitlines()[0])
    assert bool(body) <= bool(content)
    for media in content.values() if body else ():
        fits(body, media["schema"], document)


@pytest.mark.parametrize("call", SECTIONS)
def test_the_answer_shown_is_one_that_the_call_gives(document, call):
    head, _, body = BLOCK.findall(SECTIONS[call])[1].partition("\n\n")
    answer = operations(document)[call]["responses"][head.split()[0]]
    media = answer.get("content", {}).get("application/json")

    assert bool(body) == bool(answer.get("content"))
    if media and not body.endswith("…"):
        fits(body, media["schema"], document)
