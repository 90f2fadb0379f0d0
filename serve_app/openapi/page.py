"""The OpenAPI document as one page of HTML that needs nothing else: no script, no other host."""

from __future__ import annotations

import json
import re
from html import escape
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_STYLE: Final = """
:root { color-scheme: light dark; --line: #8884; --quiet: light-dark(#555, #aaa); }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 60rem; padding: 1rem; }
nav { columns: 3 14rem; margin-bottom: 2rem; } nav a { display: block; overflow-wrap: anywhere; }
a { color: inherit; } h2 { border-bottom: 1px solid var(--line); margin-top: 3rem; }
article { border: 1px solid var(--line); border-radius: .5rem; margin: 1rem 0; padding: 0 1rem; }
h3 { font: 600 1rem ui-monospace, monospace; overflow-wrap: anywhere; }
pre { border-radius: .25rem; background: #8881; overflow: auto; padding: .75rem; }
pre, code { font: .85rem ui-monospace, monospace; }
table { border-collapse: collapse; margin: 1rem 0; width: 100%; }
td { border-top: 1px solid var(--line); padding: .25rem .5rem; vertical-align: top; }
td:last-child { color: var(--quiet); white-space: pre-line; }
"""


def page(document: Mapping[str, Any]) -> str:
    """Return the page of *document*."""
    title = escape(document["info"]["title"])
    operations = list(_operations(document))
    sections = [
        _section(tag["name"], [one for one in operations if tag["name"] in one[2]["tags"]])
        for tag in document["tags"]
    ]
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title} API</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style>'
        f"<h1>{title} API</h1><p>{escape(document['info']['description'])} "
        '<a href="/openapi.json">OpenAPI document</a></p>'
        f"<nav>{''.join(_link(*one) for one in operations)}</nav>{''.join(sections)}</html>"
    )


def _operations(document: Mapping[str, Any]) -> Iterable[tuple[str, str, Mapping[str, Any]]]:
    """Yield method, path and operation."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield method.upper(), path, operation


def _link(method: str, path: str, operation: Mapping[str, Any]) -> str:
    """Return the line of an operation in the table of contents."""
    return f'<a href="#{operation["operationId"]}">{method} {escape(path)}</a>'


def _section(tag: str, operations: Iterable[tuple[str, str, Mapping[str, Any]]]) -> str:
    """Return all operations of *tag*."""
    return f"<h2>{escape(tag)}</h2>" + "".join(_article(*one) for one in operations)


def _article(method: str, path: str, operation: Mapping[str, Any]) -> str:
    """Return one operation."""
    body = operation.get("requestBody", {}).get("content", {})
    return (
        f'<article id="{operation["operationId"]}"><h3>{method} {escape(path)}</h3>'
        f"<p><b>{escape(operation['summary'])}.</b> {_prose(operation['description'])}</p>"
        + _table(_parameter(parameter) for parameter in operation["parameters"])
        + "".join(_example("Body", content) for content in body.values())
        + _table(_response(*one) for one in operation["responses"].items())
        + "".join(_success(*one) for one in operation["responses"].items())
        + "</article>"
    )


def _table(rows: Iterable[str]) -> str:
    """Return a table of *rows*, nothing if there are none."""
    text = "".join(rows)
    return f"<table>{text}</table>" if text else ""


def _parameter(parameter: Mapping[str, Any]) -> str:
    """Return the row of a parameter."""
    schema = parameter["schema"]
    note = parameter.get("description") or schema.get("description") or schema.get("type", "")
    need = "required" if parameter["required"] else "optional"
    return _row(f"<code>{escape(parameter['name'])}</code>", f"{parameter['in']}, {need}", note)


def _response(status: str, response: Mapping[str, Any]) -> str:
    """Return the row of an answer."""
    return _row(f"<code>{status}</code>", response["description"])


def _prose(text: str) -> str:
    """Return *text* for the page, with what stands in backticks as code (CommonMark 6.1)."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def _row(first: str, *others: str) -> str:
    """Return a row whose first cell is HTML already."""
    cells = "".join(f"<td>{_prose(str(cell))}</td>" for cell in others)
    return f"<tr><td>{first}</td>{cells}</tr>"


def _success(status: str, response: Mapping[str, Any]) -> str:
    """Return the example of a success."""
    contents = response.get("content", {}).values()
    return "".join(_example(status, content) for content in contents if "example" in content)


def _example(title: str, content: Mapping[str, Any]) -> str:
    """Return an example as indented JSON."""
    text = json.dumps(content["example"], indent=2, ensure_ascii=False)
    return f"<p>{escape(title)}</p><pre>{escape(text)}</pre>"
