"""The generated files of the custom resources: definitions in the chart, and a page."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from gopherpay_operator.crds.definitions import files
from gopherpay_operator.crds.reference import page

ROOT: Final = Path(__file__).parents[2]
CHART_FILES: Final = "helm/gopherpay-crds/files"
PAGE: Final = "docs/reference/crds.md"


def generated() -> dict[str, str]:
    """Return every generated file, by its path in the checkout."""
    head = Path(__file__).with_name("crds_head.md").read_text(encoding="utf-8")
    definitions = {f"{CHART_FILES}/{name}": text for name, text in files().items()}
    return {**definitions, PAGE: page(head)}


def main() -> None:
    """Write the files, and remove definitions of kinds that are no more."""
    wanted = generated()
    for path in (ROOT / CHART_FILES).glob("*.yaml"):
        if str(path.relative_to(ROOT)) not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (ROOT / name).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / name).write_text(text, encoding="utf-8")
        print(name)


if __name__ == "__main__":
    main()
